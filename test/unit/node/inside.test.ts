import { expect, test } from 'vitest'
import { InsideTransport } from '../../../src/node/inside.ts'
import type { Transport } from '../../../src/transport/transport.ts'
import { realTimers } from '../../../src/world/real.ts'

// Goal: what a gateway forwards leaves the link to consensus.

function inside(link: { fill: number; sent: number }): InsideTransport {
  const outer: Transport = {
    self: 'own',
    addresses: () => [],
    start: () => {},
    dial: () => {},
    fill: () => link.fill,
    send: () => ++link.sent > 0,
    close: () => {},
    stop: (done) => done()
  }
  return new InsideTransport(outer, realTimers, () => {})
}

test('large frames wait for a link that is behind, small ones and those to the node do not', () => {
  const link = { fill: 0, sent: 0 }
  const transport = inside(link)
  const small = [new Uint8Array(1_000)]
  const large = [new Uint8Array(10), new Uint8Array(100_000)]
  expect(transport.send('other', large)).toBe(true)
  link.fill = 0.1
  expect(transport.send('other', large)).toBe(false)
  expect(transport.send('other', small)).toBe(true)
  expect(transport.send('own', large)).toBe(true)
  expect(link.sent).toBe(2)
  expect([transport.fill('other'), transport.fill('own')]).toEqual([0.1, 0])
})
