import type { Keyed } from '../wire/once.ts'
import type { KeyResult, KnownResult, Vote } from '../wire/result.ts'
import type { TransactionId } from '../wire/transaction.ts'
import { sometimes } from '../world/sometimes.ts'
import { keyText } from './layout.ts'
import type { TransactionRecord } from './records.ts'
import type { OnceName, Repeats } from './repeats.ts'

/**
 * Transactions under idempotency keys, in the group of the key, which is their anchor (decision
 * 0092). What came of them is kept in `Repeats`, in the same entry that decides; here is who of
 * them is under way.
 *
 * Invariant: of one key at most one record is PENDING.
 */
export class KeyedTransactions {
  readonly #repeats: Repeats
  /** By the text of the key. Derived from the records. */
  readonly #pending = new Map<string, TransactionId>()

  constructor(repeats: Repeats, records: Iterable<TransactionRecord>) {
    this.#repeats = repeats
    for (const { id, state, keyed } of records) {
      if (state === 'pending' && keyed !== undefined) this.#pending.set(keyText(keyed.key), id)
    }
  }

  /**
   * Takes the key. Undefined: it may run now; a transaction: that one is under way with this key,
   * and what comes of it will be the answer.
   */
  enter(keyed: Keyed, time: number): KeyResult | KnownResult | TransactionId | undefined {
    const told = this.#repeats.take(keyed, time)
    if (told !== undefined) return told
    const other = this.#pending.get(keyText(keyed.once.key))
    if (other !== undefined) sometimes('state: a transaction is asked for again while it runs')
    return other
  }

  /** It is PENDING from now on. Requires: `enter` let it, in this entry. */
  begin(id: TransactionId, keyed: Keyed): OnceName {
    const { key, digest } = keyed.once
    this.#pending.set(keyText(key), id)
    this.#repeats.begin(keyed)
    return { key: key.slice(), digest: digest.slice() }
  }

  /** It is COMMITTED, in this entry. */
  commit({ id, keyed }: TransactionRecord, votes: readonly Vote[]): void {
    if (keyed === undefined) return
    this.#pending.delete(keyText(keyed.key))
    this.#repeats.keep(keyed, { ...id, votes })
  }

  /** It is ABORTED, in this entry. */
  abort({ keyed }: TransactionRecord): void {
    if (keyed === undefined) return
    this.#pending.delete(keyText(keyed.key))
    this.#repeats.free(keyed)
  }

  /** It ran in one step. Requires: `enter` let it, in this entry. */
  settle(id: TransactionId, keyed: Keyed, votes: readonly Vote[]): void {
    this.#repeats.begin(keyed)
    this.#repeats.keep(keyed.once, { ...id, votes })
  }
}
