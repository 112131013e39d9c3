import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  initialPlacement,
  type Plan,
  type PlannedNode,
  plan
} from '../../../src/keyspace/planner.ts'
import { sharesOf } from '../../../src/keyspace/shares.ts'

// Goal: what design §3 promises of placement holds for clusters grown and shrunk at random.

interface Cluster {
  readonly zones: readonly string[]
  readonly partitions: number
  readonly replicas: number
}

const anyCluster: fc.Arbitrary<Cluster> = fc.record({
  zones: fc.oneof(
    fc.array(fc.constant(''), { minLength: 1, maxLength: 12 }),
    fc.array(fc.constantFrom('a', 'b', 'c', 'd', ''), { minLength: 1, maxLength: 12 })
  ),
  partitions: fc.constantFrom(1, 2, 4, 16, 64),
  replicas: fc.constantFrom(1, 2, 3, 5)
})

/** What happens to a cluster: nodes come into a zone or go, numbered modulo those there are. */
const anyHistory = fc.array(
  fc.oneof(
    fc.record({ join: fc.constantFrom('a', 'b', 'c', 'd', '') }),
    fc.record({ leave: fc.nat() }),
    fc.record({ replicas: fc.constantFrom(1, 2, 3, 5) })
  ),
  { maxLength: 8 }
)

const nodesIn = (zones: readonly string[]): PlannedNode[] =>
  zones.map((zone, i) => ({ id: `node-${String(i).padStart(3, '0')}`, zone }))

function loadsOf(lists: readonly (readonly string[])[]): Map<string, number> {
  const loads = new Map<string, number>()
  for (const id of lists.flat()) loads.set(id, (loads.get(id) ?? 0) + 1)
  return loads
}

function zoneNames(nodes: readonly PlannedNode[]): Map<string, string> {
  return new Map(nodes.map(({ id, zone }) => [id, zone === '' ? `node ${id}` : zone]))
}

/** Everything that is true of any plan. */
function check(nodes: readonly PlannedNode[], made: Plan, cluster: Omit<Cluster, 'zones'>): void {
  const { partitions } = cluster
  const replicas = Math.min(cluster.replicas, nodes.length)
  const sorted = [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1))
  const shares = sharesOf(sorted, partitions, replicas)
  const zones = zoneNames(nodes)
  const zoneCount = new Set(zones.values()).size
  expect(made.desired.length).toBe(partitions)
  const wrong = made.desired.filter((list) => {
    const used = new Set(list.map((id) => zones.get(id)))
    const isSpread = used.size === Math.min(zoneCount, replicas)
    return list.length !== replicas || new Set(list).size !== replicas || !isSpread
  })
  expect(wrong, 'lists of the wrong length, or not in distinct zones').toEqual([])
  expect(made.desired.flat().filter((id) => !zones.has(id))).toEqual([])
  const loads = loadsOf(made.desired)
  const leaders = loadsOf(made.desired.map((list) => list.slice(0, 1)))
  for (const [i, { id }] of sorted.entries()) {
    const load = loads.get(id) ?? 0
    expect(load, `bound of ${id}`).toBeLessThanOrEqual(shares[i]?.bound ?? -1)
    if (zoneCount === nodes.length) {
      const average = (partitions * replicas) / nodes.length
      expect(load).toBeLessThanOrEqual(Math.ceil(Math.round(average * 110) / 100))
    }
    expect(leaders.get(id) ?? 0, `leaders on ${id}`).toBeLessThanOrEqual(Math.ceil(load / replicas))
  }
}

function movedReplicas(made: Plan): number {
  return made.moves.reduce((sum, { add }) => sum + add.length, 0)
}

/** Plans step by step, each from the one before, as a cluster does in its life. */
function live(
  start: Cluster,
  history: readonly ({ join: string } | { leave: number } | { replicas: number })[],
  seen: (nodes: readonly PlannedNode[], made: Plan, cluster: Omit<Cluster, 'zones'>) => void
): { nodes: readonly PlannedNode[]; made: Plan; replicas: number } {
  const { partitions } = start
  let { replicas } = start
  let nodes: readonly PlannedNode[] = nodesIn(start.zones)
  let made = plan({ nodes, settings: { partitions, replicas }, current: [] })
  seen(nodes, made, { partitions, replicas })
  let next = nodes.length
  for (const event of history) {
    if ('join' in event) nodes = [...nodes, { id: `later-${next++}`, zone: event.join }]
    else if ('replicas' in event) replicas = event.replicas
    else if (nodes.length > 1) nodes = nodes.toSpliced(event.leave % nodes.length, 1)
    made = plan({ nodes, settings: { partitions, replicas }, current: made.desired })
    seen(nodes, made, { partitions, replicas })
  }
  return { nodes, made, replicas }
}

test('bounds are kept, zones spread and leaders even, whatever happens', () => {
  fc.assert(
    fc.property(anyCluster, anyHistory, (start, history) => {
      live(start, history, check)
    }),
    { numRuns: 60 }
  )
})

test('the same input gives the same plan, in whatever order the nodes come', () => {
  fc.assert(
    fc.property(anyCluster, anyHistory, (start, history) => {
      const { nodes, made, replicas } = live(start, history, () => undefined)
      const settings = { partitions: start.partitions, replicas }
      const current = made.desired.map((list) => list.slice(1))
      const again = plan({ nodes, settings, current })
      expect(plan({ nodes: nodes.toReversed(), settings, current })).toEqual(again)
    }),
    { numRuns: 100 }
  )
})

test('a plan that is carried out leaves nothing to do', () => {
  fc.assert(
    fc.property(anyCluster, (start) => {
      const { nodes, made, replicas } = live(start, [], () => undefined)
      const settings = { partitions: start.partitions, replicas }
      const again = plan({ nodes, settings, current: made.desired })
      expect(again).toEqual({ desired: made.desired, moves: [] })
    }),
    { numRuns: 100 }
  )
})

/**
 * Clusters in which zones are alike, or there are none: where evenness and zones never disagree.
 */
const evenCluster = fc
  .record({
    zoneCount: fc.constantFrom(0, 3, 4),
    perZone: fc.integer({ min: 1, max: 4 }),
    partitions: fc.constantFrom(16, 64, 256),
    replicas: fc.constantFrom(1, 2, 3)
  })
  .map(({ zoneCount, perZone, partitions, replicas }) => {
    const names = zoneCount === 0 ? ['', '', ''] : ['a', 'b', 'c', 'd'].slice(0, zoneCount)
    return { zones: Array.from({ length: perZone }, () => names).flat(), partitions, replicas }
  })

test('a join moves at most 1.2 times the ideal share, and only to the joiner', () => {
  fc.assert(
    fc.property(evenCluster, fc.nat(), (start, pick) => {
      const { partitions, replicas, zones } = start
      const settings = { partitions, replicas }
      const before = plan({ nodes: nodesIn(zones), settings, current: [] })
      const joiner = { id: 'joiner', zone: zones[pick % zones.length] ?? '' }
      const nodes = [...nodesIn(zones), joiner]
      const after = plan({ nodes, settings, current: before.desired })
      check(nodes, after, start)
      expect(after.moves.filter(({ add }) => add.join() !== 'joiner')).toEqual([])
      const ideal = (partitions * replicas) / nodes.length
      expect(movedReplicas(after)).toBeLessThanOrEqual(Math.ceil(1.2 * ideal))
      expect(movedReplicas(after)).toBeGreaterThanOrEqual(Math.floor(0.5 * ideal))
    }),
    { numRuns: 60 }
  )
})

test('a leave moves only what the leaver held', () => {
  fc.assert(
    fc.property(evenCluster, fc.nat(), (start, pick) => {
      const { partitions, replicas } = start
      const settings = { partitions, replicas }
      const nodes = nodesIn(start.zones)
      const before = plan({ nodes, settings, current: [] })
      const leaver = nodes[pick % nodes.length]?.id ?? ''
      const rest = nodes.filter(({ id }) => id !== leaver)
      const after = plan({ nodes: rest, settings, current: before.desired })
      check(rest, after, start)
      expect(after.moves.filter(({ remove }) => remove.join() !== leaver)).toEqual([])
      const held = before.desired.filter((list) => list.includes(leaver)).length
      expect(after.moves.length).toBe(held)
    }),
    { numRuns: 60 }
  )
})

test('a heavier node gets more', () => {
  const nodes = [
    { id: 'a', zone: '', weight: 2 },
    ...['b', 'c', 'd'].map((id) => ({ id, zone: '' }))
  ]
  const made = plan({ nodes, settings: { partitions: 100, replicas: 1 }, current: [] })
  const loads = loadsOf(made.desired)
  expect(loads.get('a')).toBeGreaterThanOrEqual(40)
  expect(loads.get('b')).toBeLessThanOrEqual(22)
})

test('a zone too small for its part holds one of each, the rest is even', () => {
  const nodes = nodesIn(['a', 'a', 'a', 'b', 'b', 'b', 'c'])
  const shares = sharesOf(nodes, 64, 3)
  expect(shares.map(({ ideal }) => Math.round(ideal * 100))).toEqual([
    2133, 2133, 2133, 2133, 2133, 2133, 6400
  ])
  expect(shares[6]?.bound).toBe(64)
})

test('a thousand nodes are planned within a second', () => {
  const nodes = nodesIn(Array.from({ length: 1_000 }, (_, i) => `zone ${i % 5}`))
  const settings = { partitions: 4_096, replicas: 3 }
  const first = plan({ nodes: nodes.slice(0, 100), settings, current: [] })
  // The best of three, in processor time: others may be using the machine.
  const took = [1, 2, 3].map(() => {
    const before = process.cpuUsage().user
    plan({ nodes, settings, current: [] })
    return (process.cpuUsage().user - before) / 1_000
  })
  expect(Math.min(...took)).toBeLessThan(1_000)
  check(nodes, plan({ nodes, settings, current: [] }), settings)
  const joined = nodes.slice(0, 101)
  check(joined, plan({ nodes: joined, settings, current: first.desired }), settings)
})

test('the first placement has five, three or one in the system group and all ids apart', () => {
  for (const [count, system] of [
    [1, 1],
    [2, 1],
    [3, 3],
    [4, 3],
    [5, 5],
    [8, 5]
  ] as const) {
    const nodes = nodesIn(Array.from({ length: count }, (_, i) => `zone ${i % 5}`))
    const settings = { partitions: 8, replicas: 3 }
    const { placements, nextReplica } = initialPlacement(nodes, settings, 7)
    expect(placements.map(({ group }) => group)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(placements[0]?.members.length).toBe(system)
    expect(placements[8]?.members.length).toBe(Math.min(3, count))
    const members = placements.flatMap((placement) => placement.members)
    expect(members.every(({ voter }) => voter)).toBe(true)
    expect(members.map(({ replica }) => replica)).toEqual(members.map((_, i) => i + 7))
    expect(nextReplica).toBe(members.length + 7)
    const used = new Set(placements[0]?.members.map(({ node }) => node))
    expect(used.size).toBe(system)
  }
})
