import { nameOf } from '../state/layout.ts'
import type { GroupId } from '../wire/ids.ts'
import type { AnchoredTransaction, TransactionRef } from '../wire/transaction.ts'
import { sometimes } from '../world/sometimes.ts'
import { decisionCommand, decisionOf } from './commands.ts'
import type { Courier, Hear } from './ports.ts'

/** Asks the leader of a transaction's anchor what became of it; changes nothing. */
export interface Inquiry {
  outcome(of: TransactionRef, hear: Hear): void
}

const SETTLE_MS = 4_000

/** Those who wait for one answer, and those who came after it was asked for. */
interface Asking {
  readonly now: Hear[]
  readonly next: Hear[]
}

/**
 * Finds out, for participants, what became of transactions that they hold a part of. Nobody is told
 * what was asked for before he came: a read may not show less than what was acknowledged before it.
 */
export class Resolver {
  /** Parts whose coordinators were waited for too long. */
  pushed = 0
  readonly #courier: Courier
  readonly #inquiry: Inquiry
  readonly #settling = new Set<string>()
  readonly #asking = new Map<string, Asking>()

  constructor(courier: Courier, inquiry: Inquiry) {
    this.#courier = courier
    this.#inquiry = inquiry
  }

  /** `hear` is told once what a record says that is read after this call. */
  ask(ref: TransactionRef, hear: Hear): void {
    const name = nameOf(ref)
    const asking = this.#asking.get(name)
    if (asking === undefined) this.#askFor(ref, [hear])
    else asking.next.push(hear)
  }

  /**
   * Has the transaction aborted if it is not decided, and `group`'s part of it resolved. Whether
   * that was done is seen in the part: who still finds it there calls again.
   */
  settle(ref: AnchoredTransaction, group: GroupId): void {
    const name = `${nameOf(ref)}@${group}`
    if (this.#settling.has(name)) return
    this.#settling.add(name)
    this.pushed++
    const done = (): void => {
      this.#settling.delete(name)
    }
    const abort = decisionCommand(ref, { type: 'abort', why: 'ended', basis: ref.basis })
    this.#courier.send(ref.anchor, abort, SETTLE_MS, (told) => {
      const decision = told.type === 'result' ? decisionOf(told.result) : undefined
      if (decision === undefined || ref.anchor === group) {
        done()
        return
      }
      sometimes('transaction: a participant resolves its part itself')
      const committed = decision === 'committed'
      const resolve = decisionCommand(ref, { type: 'resolve', committed })
      this.#courier.send(group, resolve, SETTLE_MS, done)
    })
  }

  #askFor(ref: TransactionRef, hears: Hear[]): void {
    const name = nameOf(ref)
    const asking: Asking = { now: hears, next: [] }
    this.#asking.set(name, asking)
    this.#inquiry.outcome(ref, (told) => {
      this.#asking.delete(name)
      if (asking.next.length > 0) this.#askFor(ref, asking.next)
      for (const hear of asking.now) hear(told)
    })
  }
}
