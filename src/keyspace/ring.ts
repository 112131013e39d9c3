import { utf8 } from '../wire/bytes.ts'
import { assert } from '../world/assert.ts'
import { hash64 } from './hash.ts'

const POINTS_PER_WEIGHT = 128
/** A point is one number: 39 bits of where, then 14 bits of whose, so that it sorts by itself. */
const OWNERS_MAX = 2 ** 14

/**
 * Nodes on a circle, each at `weight` times 128 points that its name alone determines: a node that
 * comes or goes changes the order of the others nowhere.
 */
export class Ring {
  readonly #points: Float64Array

  /** Requires: at most 16,384 nodes, weights above 0. */
  constructor(nodes: readonly { readonly id: string; readonly weight?: number }[]) {
    assert(nodes.length <= OWNERS_MAX, `${nodes.length} nodes on one ring`)
    const points: number[] = []
    for (const [owner, { id, weight = 1 }] of nodes.entries()) {
      const [high, low] = halves(id)
      const count = Math.max(1, Math.round(weight * POINTS_PER_WEIGHT))
      for (let i = 0; i < count; i++) points.push(position(high, low, i) * OWNERS_MAX + owner)
    }
    this.#points = Float64Array.from(points).sort()
  }

  /**
   * Up to `limit` distinct nodes by their place in the constructor's list, clockwise from `name`.
   */
  from(name: string, limit: number): readonly number[] {
    const points = this.#points
    const found: number[] = []
    const [high, low] = halves(name)
    let at = this.#firstFrom(position(high, low, 0) * OWNERS_MAX)
    for (let steps = 0; steps < points.length && found.length < limit; steps++) {
      if (at === points.length) at = 0
      const owner = (points[at++] as number) % OWNERS_MAX
      if (!found.includes(owner)) found.push(owner)
    }
    return found
  }

  #firstFrom(point: number): number {
    let low = 0
    let high = this.#points.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#points[middle] as number) < point) low = middle + 1
      else high = middle
    }
    return low
  }
}

function halves(name: string): readonly [number, number] {
  const hash = hash64(utf8(name))
  return [Number(hash >> 32n) | 0, Number(hash & 0xffff_ffffn) | 0]
}

/**
 * The i-th place of a name: 39 bits. Mixed from one hash, which is ten times as fast as hashing
 * each.
 */
function position(high: number, low: number, i: number): number {
  const first = mix(high ^ Math.imul(i + 1, 0x9e3779b1))
  const second = mix(low ^ first)
  return (first >>> 0) * 128 + (second >>> 25)
}

/** MurmurHash3's finaliser. */
function mix(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
