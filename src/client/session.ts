import { hex } from '../wire/command.ts'
import type { SessionId } from '../wire/ids.ts'
import type { Random } from '../world/random.ts'

/** The number of one mutation: equal in all its copies. */
export interface Ticket {
  readonly session: Session
  readonly seq: number
  /** Every seq of the session up to this one has its answer or was given up. */
  readonly ackedUpTo: number
}

/**
 * Numbers the mutations of one session, over all groups.
 * Invariant: `ackedUpTo` of every ticket is below every seq that is live when it is drawn, so that
 * no server forgets a result that somebody still waits for.
 */
export class Session {
  readonly id: SessionId
  #next = 1
  /** Ascending, because a set keeps the order of insertion. */
  readonly #live = new Set<number>()

  constructor(random: Random) {
    this.id = hex(random.bytes(16))
  }

  get ackedUpTo(): number {
    for (const seq of this.#live) return seq - 1
    return this.#next - 1
  }

  draw(): Ticket {
    const seq = this.#next++
    this.#live.add(seq)
    return { session: this, seq, ackedUpTo: this.ackedUpTo }
  }

  /** The answer is known, or nobody asks for it any more: no copy of `seq` will be sent again. */
  end(seq: number): void {
    this.#live.delete(seq)
  }
}
