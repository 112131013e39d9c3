import { expect, test } from 'vitest'
import { StateMachine } from '../../../src/state/state-machine.ts'
import type { ClusterMap, NodeRecord } from '../../../src/wire/cluster-map.ts'
import { encodeNodeRecord } from '../../../src/wire/cluster-map-codec.ts'
import { Runner } from './fixture.ts'

// Goal: the system group admits nodes, follows their addresses, and refuses a disk that is not the
// one registered; the map's epoch and object change when it does, and only then.

const store = (digit: string): string => digit.repeat(32)

function node(id: string, more: Partial<NodeRecord> = {}): NodeRecord {
  const addresses = [`/ip4/127.0.0.1/tcp/${id.length}`]
  return { id, storeId: store(id), addresses, http: '', zone: '', state: 'up', ...more }
}

const MAP: ClusterMap = {
  clusterId: store('c'),
  epoch: 1,
  clusterVersion: 1,
  settings: { partitions: 2, replicas: 3, hash: 'xxh64-0' },
  nodes: [node('b'), node('d')],
  placements: [{ group: 0, members: [{ replica: 1, node: 'b', voter: true }] }],
  nextReplica: 2
}

function formed(map = MAP): Runner {
  const on = new Runner(0)
  on.machine.begin({ index: 1, term: 1 }, Uint8Array.of(1, 2, 3))
  on.machine.seedClusterMap(map)
  return on
}

const register = (on: Runner, record: NodeRecord) =>
  on.run({ type: 'register-node', node: encodeNodeRecord(record) })

const done = { type: 'result', result: { type: 'done' } }
const refused = (reason: RegExp) => ({
  type: 'result',
  result: { type: 'refused', reason: expect.stringMatching(reason) }
})

test('a new node is admitted in its place', () => {
  const on = formed()
  expect(register(on, node('c', { state: 'joining' }))).toEqual(done)
  expect(on.machine.clusterMap()).toEqual({
    ...MAP,
    epoch: 2,
    nodes: [node('b'), node('c', { state: 'joining' }), node('d')]
  })
})

test('the same again changes nothing, not even the object', () => {
  const on = formed()
  const before = on.machine.clusterMap()
  expect(register(on, node('b'))).toEqual(done)
  expect(on.machine.clusterMap()).toBe(before)
  expect(on.machine.counter).toBe(1)
})

test('a known node may move and say that it is up, and no more', () => {
  const on = formed({ ...MAP, nodes: [node('b', { state: 'draining' }), node('d')] })
  register(on, node('d', { addresses: ['/x', '/y'], http: 'h:1', zone: 'z', state: 'joining' }))
  register(on, node('b', { zone: 'z' }))
  expect(on.machine.clusterMap()?.nodes).toEqual([
    node('b', { state: 'draining', zone: 'z' }),
    node('d', { addresses: ['/x', '/y'], http: 'h:1', zone: 'z' })
  ])
  expect(on.machine.clusterMap()?.epoch).toBe(3)
  register(on, node('e', { state: 'joining' }))
  register(on, node('e'))
  expect(on.machine.clusterMap()?.nodes[2]?.state).toBe('up')
})

test('another disk under a known name, or a known disk under another, is refused', () => {
  const on = formed({ ...MAP, nodes: [node('b'), node('d', { state: 'removed' })] })
  const before = on.machine.clusterMap()
  expect(register(on, node('b', { storeId: store('9') }))).toEqual(refused(/^store_mismatch: /))
  expect(register(on, node('f', { storeId: store('b') }))).toEqual(refused(/^store_duplicate: /))
  expect(register(on, node('d'))).toEqual(refused(/^node_removed: /))
  expect(register(on, node('f', { state: 'draining' }))).toEqual(refused(/^bad_node_record: /))
  const strange = on.run({ type: 'register-node', node: Uint8Array.of(7) })
  expect(strange).toEqual(refused(/^bad_node_record: /))
  expect(on.machine.clusterMap()).toBe(before)
})

test('keys and nodes each have their groups', () => {
  const on = formed()
  for (const answer of [on.put('a', '1'), on.delete('a'), on.increment('a', 1)]) {
    expect(answer).toEqual(refused(/^wrong_group: /))
  }
  expect(on.run({ type: 'tick' })).toEqual(done)
  const partition = new Runner(1)
  expect(register(partition, node('a'))).toEqual(refused(/^wrong_group: /))
  expect(partition.machine.clusterMap()).toBeUndefined()
  expect(() => partition.machine.seedClusterMap(MAP)).toThrow(/only the system group/)
})

test('map, configuration and mark outlive a restart', () => {
  const on = formed()
  register(on, node('c'))
  on.machine.setConfiguration(Uint8Array.of(9), 3)
  on.machine.skip(3, 2)
  on.machine.prepareFlush()
  const again = new StateMachine({ group: 0, table: on.table }, on.table.saved())
  expect(again.clusterMap()).toEqual(on.machine.clusterMap())
  expect(again.applied).toEqual({ index: 3, term: 2 })
  expect([again.configuration, again.configurationIndex]).toEqual([Uint8Array.of(9), 3])
  expect([again.counter, again.time]).toEqual([on.machine.counter, on.machine.time])
  expect(again.digest()).toBe(on.machine.digest())
})

test('two members seeded alike are alike, a different map shows', () => {
  expect(formed().machine.digest()).toBe(formed().machine.digest())
  expect(formed({ ...MAP, epoch: 2 }).machine.digest()).not.toBe(formed().machine.digest())
  const on = formed()
  expect(() => on.machine.seedClusterMap(MAP)).toThrow(/seeded/)
  register(on, node('b'))
  expect(() => on.machine.begin({ index: 5, term: 1 }, Uint8Array.of())).toThrow(/begun/)
})
