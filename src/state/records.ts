import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import type { GroupId } from '../wire/ids.ts'
import { IDEMPOTENCY_KEY_BYTES_MAX, TRANSACTION_GROUPS_MAX } from '../wire/limits.ts'
import { DIGEST_BYTES } from '../wire/once.ts'
import { lasting } from '../wire/slab.ts'
import type { TransactionId } from '../wire/transaction.ts'
import type { Multiset } from './hash.ts'
import { nameOf, readTransactionKey, TRANSACTION_ROW, transactionKey } from './layout.ts'
import type { OnceName } from './repeats.ts'
import type { Table } from './table.ts'
import { addRows, type Row, UnwrittenRows } from './unwritten-rows.ts'

const STATES = ['pending', 'committed', 'aborted'] as const

/** Where a transaction of several groups is decided: one, at its anchor. */
export interface TransactionRecord {
  readonly id: TransactionId
  /** As nameOf tells it. */
  readonly name: string
  /** Of the entry that created it: only its leader commits. */
  readonly term: number
  /** The participants beside the anchor, ascending. */
  readonly others: readonly GroupId[]
  /** Entry time of its creation. */
  readonly time: number
  readonly state: (typeof STATES)[number]
  /** The idempotency key it bears. */
  readonly keyed?: OnceName
}

const VERSION = 1
const KEYED_VERSION = 2

/** The records of one group's transactions. */
export class Records {
  readonly #records = new Map<string, TransactionRecord>()
  readonly #rows = new UnwrittenRows<TransactionRecord>((record) => [rowOf(record)])

  /** Throws Malformed. */
  constructor(rows: readonly Row[]) {
    for (const [key, value] of rows) {
      const record = decodeTransactionRecord(key, value)
      this.#records.set(record.name, record)
      this.#rows.written(record.name, record)
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
    return this.#records.size === 0 ? undefined : this.#records.get(nameOf(id))
  }

  /** Takes the place of one with this name, if there is one. */
  set(record: TransactionRecord): void {
    this.#records.set(record.name, record)
    this.#rows.changed(record.name, record)
  }

  remove({ name }: TransactionRecord): void {
    this.#records.delete(name)
    this.#rows.changed(name, undefined)
  }

  flush(table: Table): void {
    this.#rows.flush(table)
  }

  /** The sum over the rows of all records. */
  addTo(hash: Multiset): void {
    for (const record of this.#records.values()) addRows(hash, [rowOf(record)])
  }
}

function rowOf(record: TransactionRecord): Row {
  return [transactionKey(TRANSACTION_ROW.record, record.id), encodeTransactionRecord(record)]
}

/**
 * Layout: version u8 · term, time varints · state u8 · count varint · groups varints · if it is
 * keyed: the key with its length, the digest.
 */
function encodeTransactionRecord(record: TransactionRecord): Uint8Array {
  const { term, time, state, others, keyed } = record
  const writer = new ByteWriter(32 + others.length * 4 + (keyed === undefined ? 0 : 168))
  writer
    .u8(keyed === undefined ? VERSION : KEYED_VERSION)
    .varint(term)
    .varint(time)
  writer.u8(STATES.indexOf(state)).varint(others.length)
  for (const group of others) writer.varint(group)
  if (keyed !== undefined) writer.bytes(keyed.key).raw(keyed.digest)
  return lasting.copy(writer.finish())
}

/** Throws Malformed. */
export function decodeTransactionRecord(key: Uint8Array, value: Uint8Array): TransactionRecord {
  const { session, seq } = readTransactionKey(key)
  const reader = new ByteReader(value)
  const version = reader.u8()
  if (version !== VERSION && version !== KEYED_VERSION) {
    throw new Malformed('unknown version of a transaction record')
  }
  const term = reader.varint()
  const time = reader.varint()
  const state = STATES[reader.u8()]
  const count = reader.varint()
  if (state === undefined || count > TRANSACTION_GROUPS_MAX) {
    throw new Malformed('not a transaction record')
  }
  const others: GroupId[] = []
  for (let i = 0; i < count; i++) others.push(reader.varint())
  const keyed = version === KEYED_VERSION ? { keyed: readOnceName(reader) } : {}
  reader.end()
  const id = { session, seq }
  return { id, name: nameOf(id), term, time, state, others, ...keyed }
}

function readOnceName(reader: ByteReader): OnceName {
  const key = reader.bytes(IDEMPOTENCY_KEY_BYTES_MAX).slice()
  return { key, digest: reader.raw(DIGEST_BYTES).slice() }
}
