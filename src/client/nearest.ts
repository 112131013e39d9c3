import type { NodeId } from '../wire/ids.ts'

interface Measure {
  /** Smoothed time to an answer; Infinity: none came yet. */
  ms: number
  /** Of the last answer, or of the last attempt to get one. */
  at: number
}

/** Nodes that are slower than the fastest by no more than this are as near. */
const NEAR_MS = 1
/** After so long one call finds out anew. */
const STALE_MS = 10_000

/** Which node answers soonest, by the time it took to answer what needs no other node. */
export class Nearest {
  readonly #measures = new Map<NodeId, Measure>()

  /** An answer of `node` took `ms`. */
  heard(node: NodeId, ms: number, now: number): void {
    const known = this.#measures.get(node)
    const before = known === undefined || known.ms === Number.POSITIVE_INFINITY ? ms : known.ms
    this.#measures.set(node, { ms: (before + ms) / 2, at: now })
  }

  /** `node` owes an answer for `ms`. */
  silent(node: NodeId, ms: number, now: number): void {
    const known = this.#measures.get(node)?.ms ?? 0
    const before = known === Number.POSITIVE_INFINITY ? 0 : known
    this.#measures.set(node, { ms: Math.max(before, ms), at: now })
  }

  /**
   * One of `nodes`: the first that nobody knows enough of, else `favourite` if it is among the
   * nearest, else one of those, told apart by `turn`. Undefined only if there are none.
   */
  pick(
    nodes: readonly NodeId[],
    now: number,
    { turn, favourite }: { readonly turn: number; readonly favourite: NodeId | undefined }
  ): NodeId | undefined {
    let least = Number.POSITIVE_INFINITY
    for (const node of nodes) {
      const known = this.#measures.get(node)
      if (known === undefined || now - known.at > STALE_MS) {
        // Only this call finds out: until its answer comes, the others go where they went.
        this.#measures.set(node, { ms: known?.ms ?? Number.POSITIVE_INFINITY, at: now })
        return node
      }
      least = Math.min(least, known.ms)
    }
    const near = nodes.filter((node) => this.#ms(node) <= least + NEAR_MS)
    if (favourite !== undefined && near.includes(favourite)) return favourite
    return near[turn % near.length]
  }

  #ms(node: NodeId): number {
    return this.#measures.get(node)?.ms ?? Number.POSITIVE_INFINITY
  }
}
