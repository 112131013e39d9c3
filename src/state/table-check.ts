import { Malformed } from '../wire/bytes.ts'
import { decodeClusterMap } from '../wire/cluster-map-codec.ts'
import type { SessionId } from '../wire/ids.ts'
import type { TransactionId } from '../wire/transaction.ts'
import { checkExpiry } from './expiries.ts'
import { hashItem, Multiset } from './hash.ts'
import { decodeRecord, isSound, recordHash } from './keys.ts'
import {
  CLUSTER_MAP_KEY,
  DATA_PREFIX,
  EXPIRY_PREFIX,
  LOCK_PREFIX,
  META_KEY,
  REPEAT_BOUNDS_KEY,
  REPEAT_PREFIX,
  SESSION_PREFIX,
  TRANSACTION_PREFIX
} from './layout.ts'
import { decodeLock } from './lock-record.ts'
import { decodeMeta, type Meta } from './meta.ts'
import { loadParts } from './prepared.ts'
import { QueueCheck } from './queue-check.ts'
import { decodeTransactionRecord, Records } from './records.ts'
import { decodeSession } from './sessions.ts'
import type { Row } from './unwritten-rows.ts'

/**
 * Whether a set of records is all of what one flush left of a group: give it each record once, in
 * any order, then ask. Tells a snapshot with a hole or a flipped bit from a sound one, and one that
 * this version could not read from one it can: the state machine opens whatever passes here.
 */
export class TableCheck {
  readonly #data = new Multiset()
  readonly #sessions = new Multiset()
  readonly #repeats = new QueueCheck()
  readonly #transactions: Row[] = []
  readonly #sessionIds = new Set<SessionId>()
  #keyCount = 0
  #sessionCount = 0
  #meta: Meta | undefined
  #hasClusterMap = false

  /** Whether a cluster map was among them: the system group cannot do without. */
  get hasClusterMap(): boolean {
    return this.#hasClusterMap
  }

  /** Throws Malformed at a record that cannot have been written. Keeps neither array. */
  add(key: Uint8Array, value: Uint8Array): void {
    switch (key[0]) {
      case DATA_PREFIX[0]:
        if (!isSound(key, value)) throw new Malformed('a damaged key record')
        decodeRecord(value)
        this.#data.add(recordHash(value))
        this.#keyCount++
        return
      case SESSION_PREFIX[0]:
        this.#sessionIds.add(decodeSession(key, value).id)
        this.#sessions.add(hashItem(key, value, 0))
        this.#sessionCount++
        return
      case CLUSTER_MAP_KEY[0]:
        if (key.length > 1) throw new Malformed('a record of no known kind')
        decodeClusterMap(value)
        this.#hasClusterMap = true
        this.#data.add(hashItem(key, value, 0))
        return
      case REPEAT_PREFIX[0]:
      case REPEAT_BOUNDS_KEY[0]:
        this.#repeats.add(key, value)
        this.#data.add(hashItem(key, value, 0))
        return
      case TRANSACTION_PREFIX[0]:
        this.#transactions.push([key.slice(), value.slice()])
        this.#data.add(hashItem(key, value, 0))
        return
      case LOCK_PREFIX[0]:
        decodeLock(key, value)
        this.#data.add(hashItem(key, value, 0))
        return
      case EXPIRY_PREFIX[0]:
        checkExpiry(key, value)
        this.#data.add(hashItem(key, value, 0))
        return
      case META_KEY[0]:
        if (key.length > 1) throw new Malformed('a record of no known kind')
        this.#meta = decodeMeta(value)
        return
      default:
        throw new Malformed('a record of no known kind')
    }
  }

  /** Throws Malformed unless the records are whole. */
  finish(): Meta {
    const meta = this.#meta
    if (meta === undefined) throw new Malformed('no meta record')
    if (meta.keys !== this.#keyCount || meta.sessions !== this.#sessionCount) {
      throw new Malformed('records are missing, or too many')
    }
    if (!meta.dataHash.equals(this.#data) || !meta.sessionHash.equals(this.#sessions)) {
      throw new Malformed('the records are not those of the last flush')
    }
    this.#repeats.finish()
    this.#checkTransactions()
    return meta
  }

  #checkTransactions(): void {
    const { records, others } = Records.split(this.#transactions)
    const ids: TransactionId[] = loadParts(others).map(({ ref }) => ref)
    for (const [key, value] of records) ids.push(decodeTransactionRecord(key, value).id)
    for (const { session } of ids) {
      if (!this.#sessionIds.has(session)) throw new Malformed('a transaction of no session')
    }
  }
}
