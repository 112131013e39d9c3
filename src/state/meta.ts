import type { Index, Term } from '../raft/types.ts'
import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import { LOG_NUMBER_MAX } from '../wire/limits.ts'
import { lasting } from '../wire/slab.ts'
import { hashItem, Multiset, readMultiset } from './hash.ts'
import { META_KEY } from './layout.ts'
import { loadSessions, type Session } from './sessions.ts'
import { addRows, type Row } from './unwritten-rows.ts'

/** What a replica remembers about its state as a whole, written with every flush of it. */
export interface Meta {
  /** The last entry that is in the state. */
  readonly index: Index
  readonly term: Term
  /** The number the last command took. */
  readonly counter: number
  /** The latest entry time, milliseconds since 1970. */
  readonly time: number
  /** Index of the entry that brought the configuration in force; and itself, opaque here. */
  readonly configurationIndex: Index
  readonly configuration: Uint8Array
  /** Key records, expired ones included. */
  readonly keys: number
  readonly sessions: number
  /** See Sessions.floor. */
  readonly sessionFloor: Index
  readonly dataHash: Multiset
  readonly sessionHash: Multiset
}

/** What is read whole when a replica opens its state; by prefix. */
export interface StoredRows {
  readonly sessions: readonly Row[]
  readonly transactions: readonly Row[]
  readonly locks: readonly Row[]
}

export const NO_ROWS: StoredRows = { sessions: [], transactions: [], locks: [] }

/** A replica's state as its table holds it, apart from the keys, which stay there. */
export interface Saved {
  /** Undefined: nothing was ever flushed. */
  readonly meta: Meta | undefined
  /** Of all that is no session's, transaction's or lock; the state machine takes it over. */
  readonly dataHash: Multiset
  readonly sessions: readonly Session[]
  /** As they stand in the table. */
  readonly transactions: readonly Row[]
  readonly locks: readonly Row[]
}

const META_VERSION = 2

/**
 * Layout: version u8 · index, term, counter, time, configurationIndex varints · configuration with
 * its length · keys, sessions, sessionFloor varints · hashes of data and sessions, 4 × u32 · hash
 * of all before, 2 × u32.
 */
export function encodeMeta(meta: Meta): Uint8Array {
  const writer = new ByteWriter(96 + meta.configuration.length)
  writer.u8(META_VERSION).varint(meta.index).varint(meta.term).varint(meta.counter)
  writer.varint(meta.time).varint(meta.configurationIndex).bytes(meta.configuration)
  writer.varint(meta.keys).varint(meta.sessions).varint(meta.sessionFloor)
  meta.dataHash.write(writer)
  meta.sessionHash.write(writer)
  const [a, b] = hashItem(META_KEY, writer.written, 0)
  writer.u32(a >>> 0).u32(b >>> 0)
  return lasting.copy(writer.finish())
}

/** Throws Malformed. */
export function decodeMeta(bytes: Uint8Array): Meta {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== META_VERSION) throw new Malformed('unknown meta version')
  const meta = {
    index: reader.varint(),
    term: reader.varint(),
    counter: reader.varint(),
    time: reader.varint(),
    configurationIndex: reader.varint(),
    configuration: reader.bytes().slice(),
    keys: reader.varint(),
    sessions: reader.varint(),
    sessionFloor: reader.varint(),
    dataHash: readMultiset(reader),
    sessionHash: readMultiset(reader)
  }
  const [a, b] = hashItem(META_KEY, bytes.subarray(0, reader.offset), 0)
  const isSound = reader.u32() === a >>> 0 && reader.u32() === b >>> 0
  reader.end()
  if (!isSound) throw new Malformed('a damaged meta record')
  if (Math.max(meta.index, meta.term, meta.counter) > LOG_NUMBER_MAX) {
    throw new Malformed('a meta record with numbers that nobody counts to')
  }
  if (meta.sessionFloor > meta.index) throw new Malformed('a floor of sessions above the state')
  return meta
}

/**
 * `meta`: the record under META_KEY; the others: all records under their prefixes, with these keys,
 * in any order. Throws Malformed when they are not what one flush left:
 * the state is damaged then, and to be rebuilt from the other replicas.
 */
export function loadSaved(
  meta: Uint8Array | undefined,
  { sessions, transactions, locks }: StoredRows
): Saved {
  if (meta === undefined) {
    const count = sessions.length + transactions.length + locks.length
    if (count > 0) throw new Malformed('sessions, transactions or locks without a meta record')
    return { meta: undefined, dataHash: new Multiset(), sessions: [], transactions, locks }
  }
  const decoded = decodeMeta(meta)
  const rows = new Multiset()
  addRows(rows, transactions)
  addRows(rows, locks)
  const dataHash = decoded.dataHash.minus(rows)
  const saved = { meta: decoded, dataHash, sessions: loadSessions(sessions), transactions, locks }
  const hash = new Multiset()
  for (const { counted } of saved.sessions) if (counted !== undefined) hash.add(counted)
  if (saved.sessions.length !== saved.meta.sessions || !hash.equals(saved.meta.sessionHash)) {
    throw new Malformed('the sessions are not those of the last flush')
  }
  return saved
}
