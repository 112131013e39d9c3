import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter, Malformed } from '../../../src/wire/bytes.ts'
import type { ClusterMap, ClusterView, NodeRecord } from '../../../src/wire/cluster-map.ts'
import {
  decodeClusterMap,
  decodeClusterView,
  decodeNodeRecord,
  encodeClusterMap,
  encodeClusterView,
  encodeNodeRecord
} from '../../../src/wire/cluster-map-codec.ts'

// Goal: maps, views and node records come back as they were; whatever else comes in is Malformed,
// never another error, and costs no more than its bytes.

const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const name = fc.string({ minLength: 1, maxLength: 20 })
const anyNode: fc.Arbitrary<NodeRecord> = fc.record({
  id: name,
  storeId: name,
  addresses: fc.array(text, { maxLength: 4 }),
  http: text,
  zone: text,
  state: fc.constantFrom('joining', 'up', 'draining', 'down', 'removed')
})

const CLUSTER = '0123456789abcdef'.repeat(2)

/** At least one of a placement votes, and none is there twice. */
const anyMember = fc.tuple(
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.nat(),
  fc.boolean()
)
const anyMembers = fc
  .uniqueArray(anyMember, { selector: ([replica]) => replica, minLength: 1, maxLength: 5 })
  .map((members) => members.map(([id, n, voter], i) => [id, n, voter || i === 0] as const))

const anyMap: fc.Arbitrary<ClusterMap> = fc
  .record({
    clusterId: fc.constant(CLUSTER),
    epoch: fc.maxSafeNat(),
    clusterVersion: fc.nat(),
    settings: fc.record({
      partitions: fc.constantFrom(1, 2, 64, 65_536),
      replicas: fc.integer({ min: 1, max: 32 }),
      hash: fc.constant('xxh64-0' as const)
    }),
    nodes: fc.uniqueArray(anyNode, { selector: (node) => node.id, maxLength: 6 }),
    gone: fc.array(name, { maxLength: 2 }),
    lists: fc.array(anyMembers, { maxLength: 8 }),
    nextReplica: fc.maxSafeNat()
  })
  .map(({ gone, lists, nodes, ...rest }) => {
    const sorted = nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const ids = [...sorted.map(({ id }) => id), ...gone, 'self']
    const placements = lists.map((members, group) => ({
      group,
      members: members.map(([replica, n, voter]) => {
        return { replica, node: ids[n % ids.length] as string, voter }
      })
    }))
    return { ...rest, nodes: sorted, placements }
  })

test('a node record comes back', () => {
  fc.assert(
    fc.property(anyNode, (node) => {
      expect(decodeNodeRecord(encodeNodeRecord(node))).toEqual(node)
    })
  )
})

test('a map comes back', () => {
  fc.assert(
    fc.property(anyMap, (map) => {
      expect(decodeClusterMap(encodeClusterMap(map))).toEqual(map)
    })
  )
})

test('a view comes back; who leads or is gone and is not in the map is nobody', () => {
  const stranger = 'nobody knows me, not at all'
  fc.assert(
    fc.property(anyMap, fc.array(fc.nat(), { maxLength: 8 }), fc.nat(), (map, picks, gone) => {
      const nodes = map.nodes.map(({ id }) => id)
      const ids = ['', ...nodes]
      const leaders = picks.map((pick) => ids[pick % ids.length] as string)
      const unreachable = nodes.filter((_, i) => ((gone >> i) & 1) === 1)
      const low = nodes.filter((_, i) => ((gone >> i) & 3) === 2)
      const full = nodes.filter((_, i) => ((gone >> i) & 3) === 3)
      const view: ClusterView = { map, leaders, unreachable, low, full }
      expect(decodeClusterView(encodeClusterView(view))).toEqual(view)
      const strange = encodeClusterView({
        map,
        leaders: [...leaders, stranger],
        unreachable: [stranger, ...unreachable],
        low: [...low, stranger],
        full
      })
      expect(decodeClusterView(strange)).toEqual({ ...view, leaders: [...leaders, ''] })
    })
  )
})

test('cut, extended or garbled, it is Malformed or something well-formed, never a crash', () => {
  const decoders = [decodeClusterMap, decodeClusterView, decodeNodeRecord]
  const garble = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 })
  fc.assert(
    fc.property(anyMap, garble, fc.nat(), (map, changes, cut) => {
      for (const bytes of [
        encodeClusterMap(map),
        encodeClusterView({ ...unknown, map, unreachable: map.nodes.map(({ id }) => id) }),
        encodeNodeRecord(map.nodes[0] ?? node('a'))
      ]) {
        const garbled = bytes.slice(0, bytes.length - (cut % 4))
        for (const [at, byte] of changes) garbled[at % garbled.length] = byte
        for (const decode of decoders) {
          try {
            decode(garbled)
          } catch (error) {
            expect(error).toBeInstanceOf(Malformed)
          }
        }
      }
    }),
    { numRuns: 300 }
  )
})

const unknown = { leaders: [], unreachable: [], low: [], full: [] }

function node(id: string): NodeRecord {
  return { id, storeId: 's', addresses: [], http: '', zone: '', state: 'up' }
}

const map: ClusterMap = {
  clusterId: CLUSTER,
  epoch: 3,
  clusterVersion: 1,
  settings: { partitions: 2, replicas: 3, hash: 'xxh64-0' },
  nodes: [node('a'), node('b')],
  placements: [{ group: 0, members: [{ replica: 1, node: 'a', voter: true }] }],
  nextReplica: 2
}

test('each rule of the format is kept', () => {
  const bytes = encodeClusterMap(map)
  expect(() => decodeClusterMap(Uint8Array.of(9, ...bytes.subarray(1)))).toThrow(/version/)
  expect(() => decodeClusterMap(Uint8Array.of(...bytes, 0))).toThrow(/too many/)
  expect(() => decodeClusterMap(bytes.subarray(0, -1))).toThrow(/early/)
  const refused = (change: Partial<ClusterMap>, reason: RegExp) =>
    expect(() => decodeClusterMap(encodeClusterMap({ ...map, ...change }))).toThrow(reason)
  refused({ settings: { ...map.settings, partitions: 3 } }, /power of two/)
  refused({ settings: { ...map.settings, partitions: 0 } }, /power of two/)
  refused({ settings: { ...map.settings, partitions: 2 ** 20 } }, /power of two/)
  refused({ settings: { ...map.settings, replicas: 0 } }, /replicas/)
  refused({ clusterId: '' }, /empty/)
  refused({ nodes: [node('b'), node('a')] }, /nodes out of order/)
  const [first] = map.placements
  if (first !== undefined) refused({ placements: [first, first] }, /groups out of order/)
  refused({ clusterId: 'c' }, /hex id/)
  const one = { replica: 1, node: 'a', voter: true }
  const placed = (...members: (typeof one)[]) => ({ placements: [{ group: 0, members }] })
  refused(placed({ ...one, replica: 0 }), /replica 0/)
  refused(placed(one, { ...one, node: 'b' }), /twice/)
  refused(placed({ ...one, voter: false }), /no voter/)
  refused(placed(), /no voter/)
})

test('a view of another version, or of a node at no place, is refused', () => {
  const bytes = encodeClusterView({ ...unknown, map, full: ['b'] })
  expect(() => decodeClusterView(Uint8Array.of(1, ...bytes.subarray(1)))).toThrow(/view version/)
  expect(() => decodeClusterView(Uint8Array.of(...bytes.subarray(0, -1), 2))).toThrow(/no node/)
})

test('what no reader would take is not written', () => {
  expect(() => encodeNodeRecord({ ...node('a'), zone: 'ü'.repeat(129) })).toThrow(/258 bytes/)
  expect(() => encodeNodeRecord({ ...node('a'), addresses: Array(33).fill('/x') })).toThrow(/many/)
  expect(() => encodeClusterMap({ ...map, nodes: [node('a'), node('a')] })).toThrow(/twice/)
})

test('a count that the bytes cannot hold is refused at once', () => {
  const writer = new ByteWriter().u8(1).text(CLUSTER).varint(1).varint(1).varint(2).varint(3).u8(1)
  const bytes = writer
    .varint(2)
    .varint(2 ** 40)
    .finish()
  expect(() => decodeClusterMap(bytes)).toThrow(/at most/)
})

test('names are given once, so a large map stays small', () => {
  const ids = Array.from({ length: 100 }, (_, i) => `12D3KooWnode${String(i).padStart(40, '0')}`)
  const members = (p: number) =>
    [0, 1, 2].map((i) => ({
      replica: p * 3 + i + 1,
      node: ids[(p + i) % 100] as string,
      voter: true
    }))
  const placements = Array.from({ length: 4_096 }, (_, p) => ({ group: p, members: members(p) }))
  const large = { ...map, nodes: ids.map(node), placements }
  const bytes = encodeClusterMap(large)
  expect(bytes.length).toBeLessThan(80_000)
  expect(decodeClusterMap(bytes)).toEqual(large)
})
