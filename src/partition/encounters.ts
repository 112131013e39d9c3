import type { KeyRecord } from '../state/keys.ts'
import { nameOf } from '../state/layout.ts'
import type { Intent } from '../state/prepared.ts'
import type { GroupId } from '../wire/ids.ts'
import type { AnchoredTransaction } from '../wire/transaction.ts'
import { sometimes } from '../world/sometimes.ts'
import { type Answered, type Asker, rejected } from './answer.ts'
import type { Replica } from './replica.ts'

/** What a record says of a transaction. `unknown`: nothing, or nobody answers. */
export type Fate = 'pending' | 'committed' | 'aborted' | 'unknown'

/** How a replica finds out what became of a transaction that it holds a part of. */
export interface Inquiries {
  /** So long a transaction is waited for before it is ended, if it is still undecided. */
  readonly waitedForMsMax: number
  /** As of a moment after this call. */
  ask(ref: AnchoredTransaction, hear: (fate: Fate) => void): void
  /** Has it ended, whatever it takes: it was waited for long enough. */
  settle(ref: AnchoredTransaction, group: GroupId): void
}

/** What a read saw when it met an intent. */
export interface Met {
  readonly intent: Intent
  readonly old: KeyRecord | undefined
}

interface Waiting {
  readonly asker: Asker
  /** The part is gone. */
  resume(): void
}

interface Held {
  readonly ref: AnchoredTransaction
  readonly since: number
  waiting: Waiting[]
}

/** Requests of one group that wait for transactions at once. */
const WAITING_MAX = 10_000
const FULL = { waitMs: 100 } as const

/**
 * Reads and writes of one group that met a transaction which is not decided here. A write waits
 * until it is; a read asks its record, and waits only if nothing is known there.
 */
export class Encounters {
  readonly #replica: Pick<Replica, 'group' | 'state'>
  readonly #inquiries: Inquiries
  readonly #now: () => number
  readonly #held = new Map<string, Held>()
  #count = 0

  constructor(replica: Pick<Replica, 'group' | 'state'>, inquiries: Inquiries, now: () => number) {
    this.#replica = replica
    this.#inquiries = inquiries
    this.#now = now
  }

  /** Requests that wait. */
  get count(): number {
    return this.#count
  }

  /** `resume` is called when the part of `ref` is gone; never, if `asker` is over or was told. */
  wait(ref: AnchoredTransaction, asker: Asker, resume: () => void): void {
    if (this.#count >= WAITING_MAX) {
      const message = `too many wait for transactions in group ${this.#replica.group}`
      asker.respond(rejected('overloaded', message, FULL))
      return
    }
    const name = nameOf(ref)
    let held = this.#held.get(name)
    if (held === undefined) {
      held = { ref, since: this.#now(), waiting: [] }
      this.#held.set(name, held)
    }
    held.waiting.push({ asker, resume })
    this.#count++
  }

  /** `answer` is called with what the key is, unless the read has to begin anew by `again`. */
  read(
    met: Met,
    asker: Asker,
    how: {
      readonly answer: (record: KeyRecord | undefined) => void
      readonly again: () => void
    }
  ): void {
    const { intent } = met
    const { ref } = intent.part
    this.#inquiries.ask(ref, (fate) => {
      if (asker.isOver(this.#now())) return
      if (fate === 'pending' || fate === 'aborted') {
        sometimes('partition: a read passes by an intent')
        how.answer(met.old)
      } else if (fate === 'committed' && intent.next?.expiresAt === undefined) {
        sometimes('partition: a read takes an intent for its value')
        how.answer(intent.next)
      } else if (this.#replica.state.transactions.part(ref) === undefined) how.again()
      else this.wait(ref, asker, how.again)
    })
  }

  /** Entries were applied: whoever waits for a part that is gone goes on. */
  applied(): void {
    if (this.#held.size === 0) return
    for (const [name, held] of this.#held) {
      if (this.#replica.state.transactions.part(held.ref) !== undefined) continue
      this.#held.delete(name)
      this.#count -= held.waiting.length
      sometimes('partition: a request waited for a transaction')
      for (const { resume } of held.waiting) resume()
    }
  }

  /** Ends what was waited for too long, and lets go of who waits no more. */
  tick(): void {
    const now = this.#now()
    for (const [name, held] of this.#held) {
      const before = held.waiting.length
      held.waiting = held.waiting.filter(({ asker }) => !asker.isOver(now))
      this.#count -= before - held.waiting.length
      if (held.waiting.length === 0) this.#held.delete(name)
      else if (now - held.since >= this.#inquiries.waitedForMsMax) {
        sometimes('partition: a transaction is waited for too long')
        this.#inquiries.settle(held.ref, this.#replica.group)
      }
    }
  }

  /** We lead no more: others will be asked. */
  refuseAll(answer: Answered): void {
    const all = [...this.#held.values()]
    this.#held.clear()
    this.#count = 0
    for (const { waiting } of all) for (const { asker } of waiting) asker.respond(answer)
  }
}
