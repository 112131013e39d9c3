import { assert } from '../world/assert.ts'
import { type Assignment, makeRoom } from './assignment.ts'
import type { Ring } from './ring.ts'

/** How far along the ring a partition looks for a node before it asks all of them. */
const WALK = 32
/** Chains looked for in vain before a plan gives up on spreading: then hardly any exist. */
const VAIN_SEARCHES_MAX = 16

/** The ring as partitions see it: their nearest nodes, nearest first. */
export class Neighbourhood {
  readonly #ring: Ring
  readonly #walks = new Map<number, readonly number[]>()

  constructor(ring: Ring) {
    this.#ring = ring
  }

  of(partition: number): readonly number[] {
    const known = this.#walks.get(partition)
    if (known !== undefined) return known
    const walk = this.#ring.from(`partition ${partition}`, WALK)
    this.#walks.set(partition, walk)
    return walk
  }

  /** How many stand between them; far away all are equal. */
  distance(partition: number, node: number): number {
    const place = this.of(partition).indexOf(node)
    return place < 0 ? WALK : place
  }
}

/** Takes away replicas above the number: from crowded zones first, then from crowded nodes. */
export function trim(assignment: Assignment, replicas: number): void {
  for (const [partition, nodes] of assignment.replicas.entries()) {
    while (nodes.length > replicas) {
      const crowded = crowdedOf(assignment, partition)
      assignment.remove(partition, fullest(assignment, crowded))
    }
  }
}

/** Gives partitions what they lack, those with the fewest replicas first. */
export function fillMissing(assignment: Assignment, near: Neighbourhood, replicas: number): void {
  for (let count = 0; count < replicas; count++) {
    for (const [partition, nodes] of assignment.replicas.entries()) {
      if (nodes.length === count) assignment.add(partition, newcomer(assignment, near, partition))
    }
  }
}

/** Brings every node to its bound: its surplus goes to the `starved`, else to the emptiest. */
export function shed(
  assignment: Assignment,
  near: Neighbourhood,
  starved: ReadonlySet<number>
): void {
  const emptiness = (node: number): number | undefined => {
    if (!assignment.hasRoom(node)) return undefined
    // Below any excess: no node lacks more than all partitions.
    const first = starved.has(node) ? assignment.replicas.length : 0
    return first - assignment.excess(node)
  }
  for (const node of assignment.shares.keys()) {
    while (assignment.load(node) > assignment.share(node).bound) {
      const give = (to: number): boolean => handOver(assignment, near, node, to)
      if (tryEach(assignment, emptiness, give)) continue
      if (makeRoom(assignment, [node], -1) === undefined) break
    }
  }
}

/** Brings the `starved` to their share with what others have above theirs. */
export function level(
  assignment: Assignment,
  near: Neighbourhood,
  starved: ReadonlySet<number>
): void {
  const plenty = (node: number): number | undefined =>
    assignment.load(node) > assignment.share(node).low ? assignment.excess(node) : undefined
  for (const node of starved) {
    const take = (from: number): boolean => handOver(assignment, near, from, node)
    while (assignment.load(node) < assignment.share(node).low) {
      if (!tryEach(assignment, plenty, take)) break
    }
  }
}

/** Moves replicas out of zones that hold more of their partition than another zone might. */
export function spread(assignment: Assignment, near: Neighbourhood): void {
  let vain = 0
  for (const partition of assignment.replicas.keys()) {
    while (vain < VAIN_SEARCHES_MAX) {
      const crowded = crowdedOf(assignment, partition)
      const most = assignment.zoneCount(partition, crowded[0] as number)
      if (most < 2) break
      const better = [...assignment.shares.keys()].filter(
        (node) =>
          !assignment.holds(node, partition) && assignment.zoneCount(partition, node) < most - 1
      )
      if (better.length === 0) break
      const to =
        best(assignment, near, partition, new Set(better)) ??
        makeRoom(assignment, better, partition)
      if (to === undefined) {
        vain++
        break
      }
      assignment.move(partition, fullest(assignment, crowded), to)
    }
  }
}

function newcomer(assignment: Assignment, near: Neighbourhood, partition: number): number {
  const found = best(assignment, near, partition)
  if (found !== undefined) return found
  const others = [...assignment.shares.keys()].filter((node) => !assignment.holds(node, partition))
  const room = makeRoom(assignment, others, partition)
  if (room !== undefined) return room
  // No chain leads to room: a replica too many on a node is better than one too few of a partition.
  const emptiest = others.reduce((a, b) => (assignment.excess(b) < assignment.excess(a) ? b : a))
  assert(emptiest !== undefined, 'more replicas than nodes')
  return emptiest
}

/**
 * The node with room (of `among`, if given) that suits `partition` best: in the least crowded zone,
 * then below its share, then nearest on the ring.
 */
function best(
  assignment: Assignment,
  near: Neighbourhood,
  partition: number,
  among?: ReadonlySet<number>
): number | undefined {
  let found: number | undefined
  let foundCost = Number.POSITIVE_INFINITY
  const consider = (node: number): boolean => {
    if (assignment.holds(node, partition) || !assignment.hasRoom(node)) return false
    if (among !== undefined && !among.has(node)) return false
    const satisfied = assignment.load(node) < assignment.share(node).low ? 0 : 1
    const cost = assignment.zoneCount(partition, node) * 2 + satisfied
    if (cost < foundCost) {
      found = node
      foundCost = cost
    }
    return foundCost === 0
  }
  for (const node of near.of(partition)) if (consider(node)) return node
  const count = assignment.shares.length
  // From a node of its own on, lest the far ones always be the first by name.
  for (let i = 0; i < count; i++) if (consider((partition + i) % count)) break
  return found
}

/**
 * Hands one partition from node to node: the one that is best for zones, then the nearest on the
 * ring to where it goes. False: there is none that both allow.
 */
function handOver(assignment: Assignment, near: Neighbourhood, from: number, to: number): boolean {
  let found = -1
  let foundCost = 0
  let foundDistance = 0
  for (const partition of assignment.partitionsOf(from)) {
    if (assignment.holds(to, partition)) continue
    const cost = assignment.zoneCost(partition, from, to)
    if (cost > 0 || (found >= 0 && cost > foundCost)) continue
    const distance = near.distance(partition, to)
    if (found >= 0 && cost === foundCost && distance >= foundDistance) continue
    found = partition
    foundCost = cost
    foundDistance = distance
  }
  if (found >= 0) assignment.move(found, from, to)
  return found >= 0
}

/**
 * Tries nodes, the highest rank first (undefined: not at all), until one does. Where one failed the
 * others of its zone, which mostly would too, come last.
 */
function tryEach(
  assignment: Assignment,
  rank: (node: number) => number | undefined,
  attempt: (node: number) => boolean
): boolean {
  const tried = new Set<number>()
  const failed = new Set<number>()
  const penalty = assignment.replicas.length * 4
  for (;;) {
    let found = -1
    let foundRank = Number.NEGATIVE_INFINITY
    for (const node of assignment.shares.keys()) {
      if (tried.has(node)) continue
      const its = rank(node)
      if (its === undefined) continue
      const last = failed.has(assignment.share(node).zone) ? its - penalty : its
      if (last <= foundRank) continue
      found = node
      foundRank = last
    }
    if (found < 0) return false
    if (attempt(found)) return true
    tried.add(found)
    failed.add(assignment.share(found).zone)
  }
}

/** The replicas of `partition` in its most crowded zones. */
function crowdedOf(assignment: Assignment, partition: number): readonly number[] {
  const nodes = assignment.nodesOf(partition)
  const counts = nodes.map((node) => assignment.zoneCount(partition, node))
  const most = Math.max(...counts)
  return nodes.filter((_, i) => counts[i] === most)
}

/** The last of those furthest above their share: the preferred leader stays. */
function fullest(assignment: Assignment, nodes: readonly number[]): number {
  return nodes.reduce((a, b) => (assignment.excess(b) >= assignment.excess(a) ? b : a))
}
