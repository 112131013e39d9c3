import { expect, test } from 'vitest'
import { hash64, partitionOf } from '../../../src/keyspace/hash.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { groupOfPartition } from '../../../src/wire/ids.ts'
import { WatchedCluster } from './watched-cluster.ts'

// Goal: a slow request is in the log of who served it, with where its time went, and no user data.

const hashOf = (key: string): string => hash64(utf8(key)).toString(16).padStart(16, '0')

test('quick requests write nothing', () => {
  const watched = new WatchedCluster('quick', { slowMs: 1_000 })
  for (let i = 0; i < 5; i++) watched.put(`key ${i}`)
  watched.get('key 0')
  expect(watched.log.events).toEqual([])
})

test('a put over slow disks tells that it waited for them', () => {
  const watched = new WatchedCluster('slow disk', { slowMs: 100 })
  watched.slowDisks(200)
  watched.put('secret')
  const [line] = watched.log.lines
  expect(line).toMatchObject({ level: 'warn', event: 'slow request' })
  expect(line?.fields).toMatchObject({
    door: 'client',
    kind: 'put',
    code: 'ok',
    keyHash: hashOf('secret'),
    keyBytes: 6
  })
  const { tookMs, turnMs, syncMs, restMs } = line?.fields ?? {}
  expect(Number(syncMs)).toBeGreaterThanOrEqual(200)
  expect(Number(turnMs) + Number(syncMs) + Number(restMs)).toBeCloseTo(Number(tookMs), 0)
  expect(Number(turnMs) + Number(restMs)).toBeLessThan(300)
  expect(JSON.stringify(watched.log.lines)).not.toContain('secret')
  expect(watched.log.events).toEqual(['slow request'])
})

test('a put whose followers are slow tells that it waited for them', () => {
  const watched = new WatchedCluster('slow followers', { slowMs: 100 })
  const group = groupOfPartition(partitionOf(utf8('key'), 2))
  for (const { disk, machine } of watched.cluster.nodes) {
    disk.syncDelayMs = machine?.host.get(group)?.isLeader ? 0 : 300
  }
  watched.put('key')
  const [fields] = watched.log.of('slow request')
  expect(fields).toMatchObject({ kind: 'put', group })
  expect(Number(fields?.syncMs)).toBeLessThan(10)
  expect(Number(fields?.restMs)).toBeGreaterThanOrEqual(300)
})

test('a strong read tells how long nobody said who leads', () => {
  const watched = new WatchedCluster('slow read', { slowMs: 50 })
  watched.cluster.network.knobs.latencyMs = [100, 100]
  watched.get('key')
  const [fields] = watched.log.of('slow request')
  expect(fields).toMatchObject({ kind: 'get', door: 'client', keyHash: hashOf('key') })
  expect(Number(fields?.roundMs)).toBeGreaterThanOrEqual(199)
  expect(Number(fields?.turnMs)).toBeLessThan(10)
})

test('who debugs sees every request once, at who served it', () => {
  const watched = new WatchedCluster('debug', { slowMs: 0, debug: true })
  watched.put('key')
  watched.get('key')
  const served = watched.log.of('request').filter(({ kind }) => kind !== 'map' && kind !== 'basis')
  expect(served.map(({ kind, code, keyHash }) => [kind, code, keyHash])).toEqual([
    ['put', 'ok', hashOf('key')],
    ['get', 'ok', hashOf('key')]
  ])
})

test('no threshold, no line', () => {
  const watched = new WatchedCluster('off', { slowMs: 0 })
  watched.slowDisks(700)
  watched.put('key')
  expect(watched.log.events.filter((event) => event.startsWith('slow'))).toEqual([])
})
