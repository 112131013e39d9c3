import type { Index } from '../raft/types.ts'
import type { KeyRecord } from '../state/keys.ts'
import { encodeRead } from '../wire/read-body.ts'
import { sometimes } from '../world/sometimes.ts'
import { type Asker, ok } from './answer.ts'
import { ExpiredReads, type TakenReads } from './expired-reads.ts'
import type { Replica } from './replica.ts'
import type { ReplicaShell } from './replica-shell.ts'

/** What stood in the state that a read is answered by. */
interface Seen {
  readonly key: Uint8Array
  readonly applied: Index
  /** Where the key may turn out to be absent. */
  readonly quietSince: Index
}

/** Answers strong reads of one replica by its present state, when it is known to be the group's. */
export class StrongReads {
  readonly #replica: Replica
  readonly #shell: ReplicaShell
  readonly #expired = new ExpiredReads()

  constructor(replica: Replica, shell: ReplicaShell) {
    this.#replica = replica
    this.#shell = shell
  }

  /** May first commit the time, or ask what became of a transaction. */
  answer(key: Uint8Array, asker: Asker): void {
    const { state, encounters } = this.#replica
    const old = state.read(key)
    const intent = state.transactions.intentOn(key)
    // Of now: while somebody is asked about an intent, the state goes on.
    const mayBeAbsent = old === undefined || intent !== undefined
    const quietSince = mayBeAbsent ? state.quietSince(key) : 0
    const seen = { key, applied: state.applied.index, quietSince }
    if (intent === undefined) {
      this.#tell(old, seen, asker)
      return
    }
    encounters.read({ intent, old }, asker, {
      answer: (record) => this.#tell(record, seen, asker),
      again: () => this.#shell.readStrong(this.#replica, key, asker)
    })
  }

  /** Reads whose keys have expired by the clock alone, see ExpiredReads. */
  takeExpired(): TakenReads | undefined {
    return this.#expired.take((key, asker) => this.#end(key, asker))
  }

  #tell(record: KeyRecord | undefined, seen: Seen, asker: Asker): void {
    const { state, time } = this.#replica
    const now = record?.expiresAt === undefined ? state.time : time.now()
    if (record?.expiresAt === undefined || now < record.expiresAt) {
      asker.respond(ok(seen.applied, encodeRead(record, now, seen.quietSince)))
      return
    }
    this.#end(seen.key, asker)
  }

  /** The clock says that it has expired: so does an entry, once no transaction holds it. */
  #end(key: Uint8Array, asker: Asker): void {
    const holder = this.#replica.state.transactions.holderOf(key)
    if (holder === undefined) {
      this.#expired.add(key, asker)
      this.#shell.dirty(this.#replica)
      return
    }
    sometimes('partition: a key has expired that a transaction holds')
    this.#replica.encounters.wait(holder, asker, () => {
      this.#shell.readStrong(this.#replica, key, asker)
    })
  }
}
