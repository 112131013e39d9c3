import type { Index } from '../raft/types.ts'

/** What a leader told: everything committed before `askedAt` is at or below `index`. */
interface Told {
  readonly askedAt: number
  readonly index: Index
}

/**
 * When the state of one replica was last known to be its group's, on the monotonic clock of this
 * node (docs/decisions/0060). Nothing is known of the lives before this one.
 */
export class Freshness {
  /** A read asked how old the state is since its leader was last asked. */
  wanted = false
  #currentAt = Number.NEGATIVE_INFINITY
  /** Not applied so far yet. One is enough: what is told meanwhile is told again. */
  #ahead: Told | undefined

  /** A confirmed leader, asked at `askedAt`, was at `index`; the state here is at `applied`. */
  told(askedAt: number, index: Index, applied: Index): void {
    this.#settle(applied)
    if (askedAt <= this.#currentAt) return
    if (applied >= index) this.#currentAt = askedAt
    else this.#ahead ??= { askedAt, index }
  }

  /** Nothing was committed before then that the state at `applied` has not; -Infinity: unknown. */
  currentAt(applied: Index): number {
    this.#settle(applied)
    return this.#currentAt
  }

  #settle(applied: Index): void {
    const ahead = this.#ahead
    if (ahead === undefined || applied < ahead.index) return
    this.#ahead = undefined
    this.#currentAt = Math.max(this.#currentAt, ahead.askedAt)
  }
}
