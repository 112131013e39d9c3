import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import type { GroupId } from '../wire/ids.ts'
import { TRANSACTION_GROUPS_MAX } from '../wire/limits.ts'
import { lasting } from '../wire/slab.ts'
import type { TransactionId } from '../wire/transaction.ts'
import { hashItem, type Multiset } from './hash.ts'
import { readTransactionKey, TRANSACTION_ROW, transactionKey } from './layout.ts'
import { nameOf, type Row } from './prepared.ts'
import type { Table } from './table.ts'

const STATES = ['pending', 'committed', 'aborted'] as const

/** Where a transaction of several groups is decided: one, at its anchor. */
export interface TransactionRecord {
  readonly id: TransactionId
  /** Of the entry that created it: only its leader commits. */
  readonly term: number
  /** The participants beside the anchor, ascending. */
  readonly others: readonly GroupId[]
  /** Entry time of its creation. */
  readonly time: number
  readonly state: (typeof STATES)[number]
}

const VERSION = 1

/** The records of one group's transactions, kept in its table and hash. */
export class Records {
  readonly #table: Table
  readonly #hash: Multiset
  readonly #records = new Map<string, TransactionRecord>()

  /** Throws Malformed. */
  constructor(table: Table, hash: Multiset, rows: readonly Row[]) {
    this.#table = table
    this.#hash = hash
    for (const [key, value] of rows) {
      const record = decodeTransactionRecord(key, value)
      this.#records.set(nameOf(record.id), record)
    }
  }

  /** Of all rows of transactions, those of records, and the others. Throws Malformed. */
  static split(rows: readonly Row[]): { records: readonly Row[]; others: readonly Row[] } {
    const isRecord = ([key]: Row): boolean =>
      readTransactionKey(key).kind === TRANSACTION_ROW.record
    return { records: rows.filter(isRecord), others: rows.filter((row) => !isRecord(row)) }
  }

  get count(): number {
    return this.#records.size
  }

  all(): Iterable<TransactionRecord> {
    return this.#records.values()
  }

  get(id: TransactionId): TransactionRecord | undefined {
    return this.#records.get(nameOf(id))
  }

  /** Requires: there is none of that name. */
  add(record: TransactionRecord): void {
    this.#records.set(nameOf(record.id), record)
    this.#set(record.id, undefined, encodeTransactionRecord(record))
  }

  /** Requires: it is pending. */
  decide(record: TransactionRecord, state: 'committed' | 'aborted'): void {
    const decided = { ...record, state }
    this.#records.set(nameOf(record.id), decided)
    this.#set(record.id, encodeTransactionRecord(record), encodeTransactionRecord(decided))
  }

  remove(record: TransactionRecord): void {
    this.#records.delete(nameOf(record.id))
    this.#set(record.id, encodeTransactionRecord(record), undefined)
  }

  #set(id: TransactionId, before: Uint8Array | undefined, after: Uint8Array | undefined): void {
    const at = transactionKey(TRANSACTION_ROW.record, id)
    if (before !== undefined) this.#hash.remove(hashItem(at, before, 0))
    if (after !== undefined) this.#hash.add(hashItem(at, after, 0))
    this.#table.set(at, after)
  }
}

/** Layout: version u8 · term, time varints · state u8 · count varint · groups varints. */
function encodeTransactionRecord({ term, time, state, others }: TransactionRecord): Uint8Array {
  const writer = new ByteWriter(32 + others.length * 4)
  writer.u8(VERSION).varint(term).varint(time).u8(STATES.indexOf(state)).varint(others.length)
  for (const group of others) writer.varint(group)
  return lasting.copy(writer.finish())
}

/** Throws Malformed. */
export function decodeTransactionRecord(key: Uint8Array, value: Uint8Array): TransactionRecord {
  const { session, seq } = readTransactionKey(key)
  const reader = new ByteReader(value)
  if (reader.u8() !== VERSION) throw new Malformed('unknown version of a transaction record')
  const term = reader.varint()
  const time = reader.varint()
  const state = STATES[reader.u8()]
  const count = reader.varint()
  if (state === undefined || count > TRANSACTION_GROUPS_MAX) {
    throw new Malformed('not a transaction record')
  }
  const others: GroupId[] = []
  for (let i = 0; i < count; i++) others.push(reader.varint())
  reader.end()
  return { id: { session, seq }, term, time, state, others }
}
