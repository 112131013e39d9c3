import { ByteReader, ByteWriter, Malformed } from './bytes.ts'
import { LOG_NUMBER_MAX, VALUE_BYTES_MAX } from './limits.ts'

/** What a read answers about a key that exists. */
export interface ReadRecord {
  readonly value: Uint8Array
  readonly revision: number
  /** Milliseconds left, at the moment of the answer. */
  readonly expiresInMs?: number
  /** When that is over, by the time of the group. */
  readonly expiresAt?: number
}

/**
 * A key past its ttl by the clock of the answering replica alone: no entry says so yet, and another
 * replica, whose clock is behind, would show it still.
 */
export interface Lapse {
  /** Of the record that was passed over. */
  readonly revision: number
  readonly expiresAt: number
}

/** Neither: there is no such key, and the log says so. */
export interface ReadAnswer {
  readonly record?: ReadRecord
  readonly lapse?: Lapse
  /**
   * Of an absent key, if the replica tells: an index of its log after which no key was created that
   * this one could be. Absent at one moment after it, it was absent ever since.
   */
  readonly quietSince?: number
}

interface Stored {
  readonly value: Uint8Array
  readonly revision: number
  readonly expiresAt?: number | undefined
}

const ABSENT = Uint8Array.of(0)
const PRESENT = 1
const EXPIRES = 2
const LAPSED = 4

/**
 * Body of an `ok` reply to `get`, by its first byte:
 *
 *   0       absent; then nothing, or the index of ReadAnswer.quietSince
 *   1       revision · value to the end
 *   1 | 2   revision · ms left · expires at · value to the end
 *   4       absent by the clock alone: revision · expires at
 */
export function encodeRead(
  record: Stored | undefined,
  now: number,
  quietSince?: number
): Uint8Array {
  if (record === undefined) {
    if (quietSince === undefined) return ABSENT
    return new ByteWriter(12).u8(0).varint(quietSince).finish()
  }
  const { value, revision, expiresAt } = record
  const writer = new ByteWriter(value.length + 24)
  if (expiresAt === undefined) writer.u8(PRESENT).varint(revision)
  else if (now < expiresAt) {
    writer.u8(PRESENT | EXPIRES).varint(revision)
    writer.varint(expiresAt - now).varint(expiresAt)
  } else return writer.u8(LAPSED).varint(revision).varint(expiresAt).finish()
  return writer.raw(value).finish()
}

/** Throws Malformed. The value is a view into `bytes`. */
export function decodeRead(bytes: Uint8Array): ReadAnswer {
  const reader = new ByteReader(bytes)
  switch (reader.u8()) {
    case 0: {
      if (reader.remaining === 0) return {}
      const quietSince = reader.varint()
      if (quietSince > LOG_NUMBER_MAX) throw new Malformed('an index that nobody counts to')
      reader.end()
      return { quietSince }
    }
    case PRESENT: {
      const revision = reader.varint()
      return { record: { value: readValue(reader), revision } }
    }
    case PRESENT | EXPIRES: {
      const revision = reader.varint()
      const expiresInMs = reader.varint()
      const expiresAt = reader.varint()
      return { record: { value: readValue(reader), revision, expiresInMs, expiresAt } }
    }
    case LAPSED: {
      const lapse = { revision: reader.varint(), expiresAt: reader.varint() }
      reader.end()
      return { lapse }
    }
    default:
      throw new Malformed('unknown read flags')
  }
}

/** The one lapse that stands for both: it passes over whatever either of them does. */
export function bothLapses(a: Lapse | undefined, b: Lapse | undefined): Lapse | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return {
    revision: Math.max(a.revision, b.revision),
    expiresAt: Math.max(a.expiresAt, b.expiresAt)
  }
}

/** Whether whoever saw `lapse` has seen the end of `record`, too. */
export function isPast(record: ReadRecord, lapse: Lapse): boolean {
  const { revision, expiresAt = Number.POSITIVE_INFINITY } = record
  return revision <= lapse.revision && expiresAt <= lapse.expiresAt
}

function readValue(reader: ByteReader): Uint8Array {
  if (reader.remaining > VALUE_BYTES_MAX) throw new Malformed('value too large')
  return reader.raw(reader.remaining)
}
