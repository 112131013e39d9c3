import type { NodeId } from '../wire/ids.ts'

interface Measure {
  /** What an answer takes when nothing is in its way; Infinity: none came yet. */
  readonly least: number
  /** What the last ones took, smoothed. */
  readonly recent: number
  /** Of the last answer, or of the last attempt to get one. */
  readonly at: number
}

/** What one read is to choose by. */
export interface Choice {
  /** Tells reads apart that could go to the same nodes. */
  readonly turn: number
  /** Who is taken if it is among the nearest. */
  readonly favourite: NodeId | undefined
  /** Requests that a node has not answered. */
  readonly owedBy: (node: NodeId) => number
}

/** A node that answers later than the others do by no more than this is as near. */
const NEAR_MS = 1
const UNKNOWN: Measure = {
  least: Number.POSITIVE_INFINITY,
  recent: Number.POSITIVE_INFINITY,
  at: Number.NEGATIVE_INFINITY
}
/**
 * So many requests more may a node owe to whom the last read went: what leaves together is cheap.
 */
const TOGETHER = 16
/** After so long one call finds out anew. */
const STALE_MS = 10_000
/**
 * Of what an answer took longer than known, so much is taken for distance, and the rest for load.
 */
const FARTHER = 1 / 64

/** Which nodes answer soonest, by the time it took to answer what needs no other node. */
export class Nearest {
  readonly #measures = new Map<NodeId, Measure>()
  /** Who was picked last. */
  #last: NodeId | undefined

  /**
   * An answer of `node` took `ms`. The quickest ones tell how far it is; others waited behind what
   * the node had to do, most of it ours. One that stays slow gets farther little by little.
   */
  heard(node: NodeId, ms: number, now: number): void {
    const known = this.#measures.get(node)
    const { least, recent } = known ?? UNKNOWN
    const isFirst = least === Number.POSITIVE_INFINITY
    this.#measures.set(node, {
      least: ms <= least ? ms : least + (ms - least) * FARTHER,
      recent: isFirst ? ms : (recent + ms) / 2,
      at: now
    })
  }

  /** `node` owes an answer for `ms`. */
  silent(node: NodeId, ms: number, now: number): void {
    const { least } = this.#measures.get(node) ?? UNKNOWN
    const owed = least === Number.POSITIVE_INFINITY ? ms : Math.max(least, ms)
    this.#measures.set(node, { least: owed, recent: owed, at: now })
  }

  /**
   * One of `nodes`: the first that nobody knows enough of, else the favourite if it is among the
   * nearest, else whoever was picked last, unless another of those owes less by TOGETHER. Undefined
   * only if there are none.
   */
  pick(nodes: readonly NodeId[], now: number, choice: Choice): NodeId | undefined {
    let usual = Number.POSITIVE_INFINITY
    for (const node of nodes) {
      const known = this.#measures.get(node)
      if (known === undefined || now - known.at > STALE_MS) {
        // Only this call finds out: until its answer comes, the others go where they went.
        this.#measures.set(node, { ...(known ?? UNKNOWN), at: now })
        return node
      }
      usual = Math.min(usual, known.recent)
    }
    // As others answer now: one that was asked once, when all were busy, is not far for that.
    const near = nodes.filter((node) => this.#least(node) <= usual + NEAR_MS)
    const { favourite, turn, owedBy } = choice
    if (favourite !== undefined && near.includes(favourite)) return favourite
    let best: NodeId | undefined
    let owed = Number.POSITIVE_INFINITY
    for (let i = 0; i < near.length; i++) {
      const node = near[(turn + i) % near.length] as NodeId
      const owes = owedBy(node) - (node === this.#last ? TOGETHER : 0)
      if (owes < owed) [best, owed] = [node, owes]
    }
    this.#last = best
    return best
  }

  #least(node: NodeId): number {
    return (this.#measures.get(node) ?? UNKNOWN).least
  }
}
