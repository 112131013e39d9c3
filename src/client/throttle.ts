import type { NodeId } from '../wire/ids.ts'
import type { Random } from '../world/random.ts'
import type { Load } from './calls.ts'

/** Whatever a node asks for: it may be well again sooner, and only a request finds out. */
const WAIT_MS_MAX = 1_000
const WAIT_MS_MIN = 25
/** So much more is sent than a node takes: it is never idle for us, and takes more when it can. */
const SURPLUS = 1.1
/**
 * After the wait it is sent more and more: all at once would fill it again before its first refusal
 * is heard of.
 */
const DOUBLED_MS = 200
/** By then it is sent 70 times what it took. */
const OPEN_MS = 1_200
/** After the wait so many are sent whatever it took before. */
const FEW = 4
const HALVED_MS = 500
const CHANCES = 1_024

/** What became of calls for one node since it began to refuse them. */
interface Shedding {
  until: number
  halvedAt: number
  calls: number
  answers: number
}

/**
 * Nodes that have too much inside. As long as they refuse, they are sent little more than they
 * answer, and for a moment after that not everything at once; the rest is refused here, where it
 * costs a map look-up, and not a frame each way.
 */
export class Throttle {
  readonly #random: Random
  readonly #shedding: Readonly<Record<Load, Map<NodeId, Shedding>>> = {
    get: new Map(),
    mutate: new Map(),
    scan: new Map()
  }

  /** Of all nodes. */
  #until = Number.NEGATIVE_INFINITY

  constructor(random: Random) {
    this.#random = random
  }

  /** Whether any node refused calls a moment ago. */
  isActive(now: number): boolean {
    return now < this.#until + OPEN_MS
  }

  /** `node` refused a call, and asks for a wait of `waitMs`: half of it is left to chance. */
  refused(node: NodeId, load: Load, waitMs: number, now: number): void {
    const whole = Math.min(WAIT_MS_MAX, waitMs)
    const until = now + whole / 2 + this.#random.below(Math.floor(whole / 2) + 1)
    this.#until = Math.max(this.#until, until)
    const known = this.#at(node, load, now)
    if (known === undefined) {
      this.#shedding[load].set(node, { until, halvedAt: now, calls: 1, answers: 0 })
      return
    }
    known.until = Math.max(until, known.until)
    known.calls++
  }

  /** `node` did what a call asked for. */
  answered(node: NodeId, load: Load): void {
    const shedding = this.#shedding[load]
    if (shedding.size === 0) return
    const known = shedding.get(node)
    if (known === undefined) return
    known.calls++
    known.answers++
  }

  /** Whether a new call may be sent to `node`; 0: yes, else when to come back, in milliseconds. */
  waitMs(node: NodeId, load: Load, now: number): number {
    if (this.#shedding[load].size === 0) return 0
    const known = this.#at(node, load, now)
    if (known === undefined) return 0
    const { calls, answers, until } = known
    const late = Math.max(0, now - until)
    const taken = late === 0 ? answers : (answers + FEW) * 2 ** (late / DOUBLED_MS)
    // The share of calls above what the node takes ("Site Reliability Engineering", chapter 21).
    const excess = (calls - SURPLUS * taken) / calls
    if (this.#random.below(CHANCES) >= excess * CHANCES) return 0
    known.calls++
    return Math.max(WAIT_MS_MIN, until - now)
  }

  /** Whether `node` refuses calls of this kind just now. */
  isShedding(node: NodeId, load: Load, now: number): boolean {
    const known = this.#at(node, load, now)
    return known !== undefined && now < known.until
  }

  #at(node: NodeId, load: Load, now: number): Shedding | undefined {
    const shedding = this.#shedding[load]
    const known = shedding.get(node)
    if (known === undefined) return undefined
    if (now >= known.until + OPEN_MS) {
      shedding.delete(node)
      return undefined
    }
    if (now - known.halvedAt >= HALVED_MS) {
      known.halvedAt = now
      known.calls /= 2
      known.answers /= 2
    }
    return known
  }
}
