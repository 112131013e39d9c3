import { ByteReader, ByteWriter, Malformed } from './bytes.ts'
import { KEY_BYTES_MAX, SCAN_BYTES_MAX, SCAN_ENTRIES_MAX, VALUE_BYTES_MAX } from './limits.ts'
import type { Lapse, ReadRecord } from './read-body.ts'

/** Keys k of a group with start <= k < end, in byte order. */
export interface KeySpan {
  /** Empty: from the first key on. */
  readonly start: Uint8Array
  /** Undefined: up to the last key. */
  readonly end: Uint8Array | undefined
}

/** One page of a scan of one group. */
export interface ScanRequest extends KeySpan {
  /** From the last key to the first. */
  readonly reverse: boolean
  readonly keysOnly: boolean
  /** A page ends after so many entries, or when they are this much; one always fits. */
  readonly entriesMax: number
  readonly bytesMax: number
}

/** A key that was found. With `keysOnly` the value is empty. */
export interface ScanEntry extends ReadRecord {
  readonly key: Uint8Array
}

/** What stood in a part of the span at one moment of the group: all of it, in order. */
export interface ScanPage {
  readonly entries: readonly ScanEntry[]
  /**
   * Where to go on: the first key that was not looked at; in reverse, the one behind the last that
   * was not. Undefined: the whole span was looked at.
   */
  readonly next: Uint8Array | undefined
  /** Keys that were passed over by the clock alone, if any; see Lapse. */
  readonly lapse?: Lapse | undefined
}

/** The key behind a key of the greatest length is one byte longer. */
const BOUND_BYTES_MAX = KEY_BYTES_MAX + 1
const HAS_END = 1
const REVERSE = 2
const KEYS_ONLY = 4
const HAS_NEXT = 1
const HAS_LAPSE = 2
const EXPIRES = 1

/**
 * Layout: flags u8 · entriesMax, bytesMax varints · start, and end if there is one, with lengths.
 */
export function encodeScan(scan: ScanRequest): Uint8Array {
  const { start, end, reverse, keysOnly, entriesMax, bytesMax } = scan
  const writer = new ByteWriter(start.length + (end?.length ?? 0) + 32)
  writer.u8((end ? HAS_END : 0) | (reverse ? REVERSE : 0) | (keysOnly ? KEYS_ONLY : 0))
  writer.varint(entriesMax).varint(bytesMax).bytes(start)
  if (end !== undefined) writer.bytes(end)
  return writer.finish()
}

/** Throws Malformed. Keys are views into `bytes`. */
export function decodeScan(bytes: Uint8Array): ScanRequest {
  const reader = new ByteReader(bytes)
  const flags = reader.u8()
  if (flags > (HAS_END | REVERSE | KEYS_ONLY)) throw new Malformed('unknown flags of a scan')
  const entriesMax = reader.varint()
  const bytesMax = reader.varint()
  if (entriesMax < 1 || entriesMax > SCAN_ENTRIES_MAX) throw new Malformed('a page of no size')
  if (bytesMax > SCAN_BYTES_MAX) throw new Malformed('a page too large')
  const start = reader.bytes(BOUND_BYTES_MAX)
  const end = flags & HAS_END ? reader.bytes(BOUND_BYTES_MAX) : undefined
  reader.end()
  const reverse = (flags & REVERSE) !== 0
  return { start, end, reverse, keysOnly: (flags & KEYS_ONLY) !== 0, entriesMax, bytesMax }
}

/**
 * Layout: flags u8 · next with its length, if there is one · revision, expiresAt of the lapse, if
 * there is one · count varint · entries: key with its length · flags u8 · revision varint · ms
 * left, expires at, if it expires · value with its length, none if `keysOnly`.
 */
export function encodeScanPage({ entries, next, lapse }: ScanPage): Uint8Array {
  let size = 64 + (next?.length ?? 0)
  for (const { key, value } of entries) size += key.length + value.length + 40
  const writer = new ByteWriter(size)
  writer.u8((next ? HAS_NEXT : 0) | (lapse ? HAS_LAPSE : 0))
  if (next !== undefined) writer.bytes(next)
  if (lapse !== undefined) writer.varint(lapse.revision).varint(lapse.expiresAt)
  writer.varint(entries.length)
  for (const { key, value, revision, expiresInMs, expiresAt } of entries) {
    const expires = expiresInMs !== undefined && expiresAt !== undefined
    writer
      .bytes(key)
      .u8(expires ? EXPIRES : 0)
      .varint(revision)
    if (expires) writer.varint(expiresInMs).varint(expiresAt)
    writer.bytes(value)
  }
  return writer.finish()
}

/** Throws Malformed. Keys and values are views into `bytes`. */
export function decodeScanPage(bytes: Uint8Array): ScanPage {
  const reader = new ByteReader(bytes)
  const flags = reader.u8()
  if (flags > (HAS_NEXT | HAS_LAPSE)) throw new Malformed('unknown flags of a page')
  const next = flags & HAS_NEXT ? reader.bytes(BOUND_BYTES_MAX) : undefined
  const lapse =
    flags & HAS_LAPSE ? { revision: reader.varint(), expiresAt: reader.varint() } : undefined
  const count = reader.varint()
  if (count > SCAN_ENTRIES_MAX) throw new Malformed(`${count} entries in a page`)
  const entries: ScanEntry[] = []
  for (let i = 0; i < count; i++) entries.push(readEntry(reader))
  reader.end()
  return { entries, next, lapse }
}

function readEntry(reader: ByteReader): ScanEntry {
  const key = reader.bytes(KEY_BYTES_MAX)
  if (key.length === 0) throw new Malformed('empty key')
  const flags = reader.u8()
  if (flags > EXPIRES) throw new Malformed('unknown flags of an entry')
  const revision = reader.varint()
  if ((flags & EXPIRES) === 0) return { key, revision, value: reader.bytes(VALUE_BYTES_MAX) }
  const expiresInMs = reader.varint()
  const expiresAt = reader.varint()
  return { key, revision, expiresInMs, expiresAt, value: reader.bytes(VALUE_BYTES_MAX) }
}

/** The first key after `key`. */
export function behindKey(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}

/** All keys that begin with `prefix`. */
export function spanOfPrefix(prefix: Uint8Array): KeySpan {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length--
  if (length === 0) return { start: prefix, end: undefined }
  const end = prefix.slice(0, length)
  end[length - 1] = (end[length - 1] as number) + 1
  return { start: prefix, end }
}
