import { assert } from '../world/assert.ts'
import type { Share } from './shares.ts'

/** Which nodes hold which partitions while a plan is made; both by their place. */
export class Assignment {
  readonly shares: readonly Share[]
  /** Per partition, in order of preference. */
  readonly replicas: number[][]
  /** Per node. */
  readonly held: readonly Set<number>[]

  constructor(shares: readonly Share[], replicas: number[][]) {
    this.shares = shares
    this.replicas = replicas
    this.held = shares.map(() => new Set<number>())
    for (const [partition, nodes] of replicas.entries()) {
      for (const node of nodes) this.held[node]?.add(partition)
    }
  }

  load(node: number): number {
    return this.#held(node).size
  }

  /** How far above (or below: negative) its ideal share the node is. */
  excess(node: number): number {
    return this.load(node) - this.share(node).ideal
  }

  share(node: number): Share {
    const share = this.shares[node]
    assert(share !== undefined, `no node ${node}`)
    return share
  }

  hasRoom(node: number): boolean {
    return this.load(node) < this.share(node).bound
  }

  holds(node: number, partition: number): boolean {
    return this.#held(node).has(partition)
  }

  partitionsOf(node: number): ReadonlySet<number> {
    return this.#held(node)
  }

  nodesOf(partition: number): number[] {
    const nodes = this.replicas[partition]
    assert(nodes !== undefined, `no partition ${partition}`)
    return nodes
  }

  /** Replicas of `partition` in the zone of `node`, not counting one on `except`. */
  zoneCount(partition: number, node: number, except = -1): number {
    const { zone } = this.share(node)
    let count = 0
    for (const other of this.nodesOf(partition)) {
      if (other !== except && this.share(other).zone === zone) count++
    }
    return count
  }

  /**
   * Change in how many replicas share a zone if `partition` moved: negative is better spread,
   * positive worse.
   */
  zoneCost(partition: number, from: number, to: number): number {
    return this.zoneCount(partition, to, from) - this.zoneCount(partition, from, from)
  }

  add(partition: number, node: number): void {
    this.nodesOf(partition).push(node)
    this.#held(node).add(partition)
  }

  remove(partition: number, node: number): void {
    const nodes = this.nodesOf(partition)
    nodes.splice(nodes.indexOf(node), 1)
    this.#held(node).delete(partition)
  }

  move(partition: number, from: number, to: number): void {
    assert(this.holds(from, partition) && !this.holds(to, partition), 'an impossible move')
    this.remove(partition, from)
    this.add(partition, to)
  }

  #held(node: number): Set<number> {
    const held = this.held[node]
    assert(held !== undefined, `no node ${node}`)
    return held
  }
}

interface Hop {
  /** Undefined: one of the nodes asked for. */
  readonly before: Hop | undefined
  readonly node: number
  /** What `before.node` hands to `node`. */
  readonly partition: number
}

/**
 * Makes room for one more replica on one of `wanted`, all of them at their bounds, by handing
 * others on, node to node, to one that has room: the shortest chain, no zone worse for it. Returns
 * which; undefined if there is no such chain. Leaves `fixed` where it is.
 */
export function makeRoom(
  assignment: Assignment,
  wanted: readonly number[],
  fixed: number
): number | undefined {
  const seen = new Set(wanted)
  const queue: Hop[] = wanted.map((node) => ({ before: undefined, node, partition: -1 }))
  for (const hop of queue) {
    for (const partition of assignment.partitionsOf(hop.node)) {
      if (partition === fixed || isOnTheWay(hop, partition)) continue
      for (const node of assignment.shares.keys()) {
        if (seen.has(node) || assignment.holds(node, partition)) continue
        if (assignment.zoneCost(partition, hop.node, node) > 0) continue
        const next = { before: hop, node, partition }
        if (assignment.hasRoom(node)) return handOn(assignment, next)
        seen.add(node)
        queue.push(next)
      }
    }
  }
  return undefined
}

/** A partition that moved twice in one chain would be judged by where it no longer is. */
function isOnTheWay(hop: Hop, partition: number): boolean {
  for (let at: Hop | undefined = hop; at !== undefined; at = at.before) {
    if (at.partition === partition) return true
  }
  return false
}

function handOn(assignment: Assignment, last: Hop): number {
  let hop = last
  while (hop.before !== undefined) {
    assignment.move(hop.partition, hop.before.node, hop.node)
    hop = hop.before
  }
  return hop.node
}
