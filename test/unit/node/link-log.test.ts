import { expect, test } from 'vitest'
import { LinkLog } from '../../../src/node/link-log.ts'
import { HeardLog } from './heard-log.ts'

test('links of nodes are told, those of clients only to who debugs', () => {
  const log = new HeardLog()
  const links = new LinkLog(log)
  links.up({ peer: 'a', role: 'node', hello: new Uint8Array(0), address: '/ip4/1.2.3.4/tcp/1' })
  links.up({ peer: 'c', role: 'client', hello: new Uint8Array(0), address: undefined })
  links.down('a', 'silent', true)
  links.down('c', 'closed by the peer', false)
  expect(log.lines).toEqual([
    {
      level: 'info',
      event: 'link up',
      fields: { peer: 'a', role: 'node', address: '/ip4/1.2.3.4/tcp/1' }
    },
    { level: 'debug', event: 'link up', fields: { peer: 'c', role: 'client' } },
    { level: 'info', event: 'link down', fields: { peer: 'a', reason: 'silent' } },
    { level: 'debug', event: 'link down', fields: { peer: 'c', reason: 'closed by the peer' } }
  ])
})

test('who is refused, or refuses us, again and again is told once, with what to do', () => {
  const log = new HeardLog()
  const links = new LinkLog(log)
  for (let i = 0; i < 5; i++) links.refuse('a', 'wrong_cluster')
  for (let i = 0; i < 5; i++) links.hear('b', 'stale_disk')
  expect(links.refused).toBe(5)
  expect(log.of('peer refused')).toEqual([
    { peer: 'a', reason: 'wrong_cluster, it belongs to another cluster' }
  ])
  expect(log.of('refused')).toHaveLength(1)
  expect(links.reasons).toHaveLength(1)
  links.clear('b')
  expect(links.reasons).toEqual([])
  links.hear('b', 'stale_disk')
  expect(log.of('refused')).toHaveLength(2)
})

test('an address that cannot be dialled is told when the reason changes', () => {
  const log = new HeardLog()
  const links = new LinkLog(log)
  const address = '/ip4/1.2.3.4/tcp/1'
  for (let i = 0; i < 3; i++) links.dialFailed(address, 'refused')
  links.dialFailed(address, 'handshake')
  links.dialFailed(address, 'self')
  links.up({ peer: 'a', role: 'node', hello: new Uint8Array(0), address })
  links.dialFailed(address, 'handshake')
  const told = log.lines.filter(({ event }) => event === 'dial failed')
  expect(told.map(({ level, fields }) => [level, fields.failure])).toEqual([
    ['info', 'refused'],
    ['warn', 'handshake'],
    ['warn', 'handshake']
  ])
  expect(told[1]?.fields.advice).toMatch(/cluster key/)
})

test('ever new names take no more memory', () => {
  const links = new LinkLog(new HeardLog())
  for (let i = 0; i < 3_000; i++) links.hear(`node ${i}`, 'wrong_cluster')
  expect(links.reasons.length).toBeLessThanOrEqual(1_000)
})
