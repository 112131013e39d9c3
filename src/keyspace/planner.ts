import type { ClusterSettings, Placement } from '../wire/cluster-map.ts'
import { groupOfPartition, type NodeId, type ReplicaId, SYSTEM_GROUP } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import { Assignment } from './assignment.ts'
import { fillMissing, level, Neighbourhood, shed, spread, trim } from './balance.ts'
import { chooseLeaders } from './leaders.ts'
import { Ring } from './ring.ts'
import { type PlannedNode, sharesOf } from './shares.ts'

export type { PlannedNode }

export interface PlanInput {
  /** Those that may hold replicas, in any order: neither draining nor given up. */
  readonly nodes: readonly PlannedNode[]
  readonly settings: Pick<ClusterSettings, 'partitions' | 'replicas'>
  /** Per partition its replicas, the preferred leader first; empty: there are none yet. */
  readonly current: readonly (readonly NodeId[])[]
}

export interface Plan {
  /** As `current`. */
  readonly desired: readonly (readonly NodeId[])[]
  /**
   * Partitions whose replicas change, in order; one whose leader alone changes is not among them.
   */
  readonly moves: readonly Move[]
}

export interface Move {
  readonly partition: number
  readonly add: readonly NodeId[]
  readonly remove: readonly NodeId[]
}

/**
 * Where the replicas should be: as now, changed as little as these allow, the first first.
 *
 * 1. Each partition has its number of replicas (or all nodes, if they are fewer).
 * 2. They stand in different zones as far as there are zones.
 * 3. No node holds more than its share (see sharesOf) and a tenth, rounded up.
 * 4. A node that holds less than three quarters of its share is filled up.
 * 5. Leaders are spread as evenly as replicas.
 *
 * The order of the ring breaks ties. The same input gives the same plan, whatever the order of its
 * nodes. It only plans: what is, stands in the cluster map and in each group's own configuration.
 */
export function plan({ nodes, settings, current }: PlanInput): Plan {
  assert(nodes.length > 0, 'a plan without nodes')
  const { partitions } = settings
  const replicas = Math.min(settings.replicas, nodes.length)
  const sorted = [...nodes].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const places = new Map(sorted.map((node, place) => [node.id, place]))
  assert(places.size === nodes.length, 'a node twice in a plan')
  const lists = Array.from({ length: partitions }, (_, p) => placesIn(places, current[p] ?? []))
  const before = lists.map((list) => list[0])

  const assignment = new Assignment(sharesOf(sorted, partitions, replicas), lists)
  const near = new Neighbourhood(new Ring(sorted))
  trim(assignment, replicas)
  fillMissing(assignment, near, replicas)
  const starved = starvedOf(assignment)
  shed(assignment, near, starved)
  level(assignment, near, starved)
  spread(assignment, near)

  const leaders = chooseLeaders(assignment, before, replicas)
  const desired = lists.map((list, partition) => {
    const leader = leaders[partition] as number
    const rest = list.filter((node) => node !== leader)
    return [leader, ...rest].map((node) => (sorted[node] as PlannedNode).id)
  })
  return { desired, moves: movesBetween(current, desired) }
}

/**
 * The first placement of a cluster: the system group on five nodes, three or one, as there are, and
 * every partition. Replica ids are given out from `firstReplicaId` on; `nextReplica` is the next
 * free.
 */
export function initialPlacement(
  nodes: readonly PlannedNode[],
  settings: Pick<ClusterSettings, 'partitions' | 'replicas'>,
  firstReplicaId: ReplicaId
): { placements: readonly Placement[]; nextReplica: ReplicaId } {
  let nextReplica = firstReplicaId
  const members = (ids: readonly NodeId[]): Placement['members'] =>
    ids.map((node) => ({ replica: nextReplica++, node, voter: true }))
  const placements: Placement[] = [{ group: SYSTEM_GROUP, members: members(systemNodes(nodes)) }]
  const { desired } = plan({ nodes, settings, current: [] })
  for (const [partition, ids] of desired.entries()) {
    placements.push({ group: groupOfPartition(partition), members: members(ids) })
  }
  return { placements, nextReplica }
}

/** An even member more would tolerate no more losses, and cost one more copy of every entry. */
function systemNodes(nodes: readonly PlannedNode[]): readonly NodeId[] {
  const replicas = nodes.length >= 5 ? 5 : nodes.length >= 3 ? 3 : 1
  return plan({ nodes, settings: { partitions: 1, replicas }, current: [] }).desired[0] ?? []
}

/** Nodes that may hold replicas no more are left out. */
function placesIn(places: ReadonlyMap<NodeId, number>, ids: readonly NodeId[]): number[] {
  const found = new Set<number>()
  for (const id of ids) {
    const place = places.get(id)
    if (place !== undefined) found.add(place)
  }
  return [...found]
}

const STARVED = 0.75

function starvedOf(assignment: Assignment): ReadonlySet<number> {
  const isStarved = (node: number): boolean =>
    assignment.load(node) < Math.floor(assignment.share(node).ideal * STARVED)
  return new Set([...assignment.shares.keys()].filter(isStarved))
}

function movesBetween(
  current: readonly (readonly NodeId[])[],
  desired: readonly (readonly NodeId[])[]
): readonly Move[] {
  const moves: Move[] = []
  for (const [partition, wanted] of desired.entries()) {
    const now = current[partition] ?? []
    const add = wanted.filter((id) => !now.includes(id))
    const remove = now.filter((id) => !wanted.includes(id))
    if (add.length > 0 || remove.length > 0) moves.push({ partition, add, remove })
  }
  return moves
}
