import type { GroupId, SessionId } from '../wire/ids.ts'
import { hex } from '../wire/session-id.ts'
import type { Random } from '../world/random.ts'

/** The number of one mutation: equal in all its copies. */
export interface Ticket {
  readonly session: Session
  readonly seq: number
  /** Every seq of the session up to this one has its answer or was given up. */
  readonly ackedUpTo: number
}

/** Of a group in which a ticket is used. */
interface Used {
  readonly seq: number
  /** See Command. */
  readonly basis: number
}

/**
 * Numbers the mutations of one session, over all groups.
 * Invariant: `ackedUpTo` of every ticket is below every seq that is live when it is drawn, so that
 * no server forgets a result that somebody still waits for.
 * Invariant: in one group, the basis of a ticket is no higher than that of any earlier ticket whose
 * seq is above its `ackedUpTo`: see docs/decisions/0040.
 */
export class Session {
  readonly id: SessionId
  #next = 1
  /** Ascending, because a set keeps the order of insertion. */
  readonly #live = new Set<number>()
  /** Of each group. Each is bound by the one before, so the last one holds the lowest basis. */
  readonly #last = new Map<GroupId, Used>()

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

  /**
   * The basis of the command `ticket` in `group`, of which `known` is the highest applied index
   * heard of. Requires: no ticket drawn after this one has a basis there.
   */
  basis({ seq, ackedUpTo }: Ticket, group: GroupId, known: number): number {
    const last = this.#last.get(group)
    const bound = last !== undefined && last.seq > ackedUpTo
    const basis = bound ? Math.min(known, last.basis) : known
    this.#last.set(group, { seq, basis })
    return basis
  }

  /** The answer is known, or nobody asks for it any more: no copy of `seq` will be sent again. */
  end(seq: number): void {
    this.#live.delete(seq)
  }
}
