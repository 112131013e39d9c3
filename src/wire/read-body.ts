import { ByteReader, ByteWriter, Malformed } from './bytes.ts'
import { VALUE_BYTES_MAX } from './limits.ts'

/** What a read answers about a key that exists. */
export interface ReadRecord {
  readonly value: Uint8Array
  readonly revision: number
  /** Milliseconds left, at the moment of the answer. */
  readonly expiresInMs?: number
}

interface Stored {
  readonly value: Uint8Array
  readonly revision: number
  readonly expiresAt?: number | undefined
}

const ABSENT = Uint8Array.of(0)
const PRESENT = 1
const EXPIRES = 2

/** Body of an `ok` reply to `get`: flags u8 · revision · [expires-in ms] · value to the end. */
export function encodeRead(record: Stored | undefined, now: number): Uint8Array {
  if (record === undefined) return ABSENT
  const { value, revision, expiresAt } = record
  if (expiresAt !== undefined && now >= expiresAt) return ABSENT
  const writer = new ByteWriter(value.length + 24)
  writer.u8(PRESENT | (expiresAt === undefined ? 0 : EXPIRES)).varint(revision)
  if (expiresAt !== undefined) writer.varint(expiresAt - now)
  return writer.raw(value).finish()
}

/** Undefined: there is no such key. Throws Malformed. The value is a view into `bytes`. */
export function decodeRead(bytes: Uint8Array): ReadRecord | undefined {
  const reader = new ByteReader(bytes)
  const flags = reader.u8()
  if (flags === 0) {
    reader.end()
    return undefined
  }
  if ((flags & ~(PRESENT | EXPIRES)) !== 0) throw new Malformed('unknown read flags')
  const revision = reader.varint()
  const expires = flags & EXPIRES ? { expiresInMs: reader.varint() } : {}
  if (reader.remaining > VALUE_BYTES_MAX) throw new Malformed('value too large')
  return { value: reader.raw(reader.remaining), revision, ...expires }
}
