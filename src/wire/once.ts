import { assert } from '../world/assert.ts'
import { type ByteReader, type ByteWriter, Malformed } from './bytes.ts'
import { IDEMPOTENCY_KEY_BYTES_MAX, TRANSACTION_BYTES_MAX } from './limits.ts'

/**
 * What makes all requests that bear one idempotency key one request, whoever sends them (decision
 * 0062). Sessions do that for the copies of one sender; this, for senders who know nothing of each
 * other.
 */
export interface Once {
  /** The idempotency key: 1 to 128 bytes, any bytes. */
  readonly key: Uint8Array
  /** SHA-256 of what is asked for: another request under the same key is refused. */
  readonly digest: Uint8Array
  /** Where it is not known already it does not run after this group time, ms since 1970. */
  readonly notAfter: number
}

/** What a transaction under an idempotency key bears to the partition of that key. */
export interface Keyed {
  readonly once: Once
  /** What its answer shows beside its votes, for repeats; no group looks into it. */
  readonly shown: Uint8Array
}

export const DIGEST_BYTES = 32
export const ONCE_BYTES_MAX: number = IDEMPOTENCY_KEY_BYTES_MAX + DIGEST_BYTES + 16

/** Layout: key with its length · digest 32 bytes · notAfter varint. */
export function writeOnce(writer: ByteWriter, { key, digest, notAfter }: Once): void {
  assert(digest.length === DIGEST_BYTES, `a digest of ${digest.length} bytes`)
  writer.bytes(key).raw(digest).varint(notAfter)
}

/** Throws Malformed. Key and digest are views. */
export function readOnce(reader: ByteReader): Once {
  const key = reader.bytes(IDEMPOTENCY_KEY_BYTES_MAX)
  if (key.length === 0) throw new Malformed('empty idempotency key')
  return { key, digest: reader.raw(DIGEST_BYTES), notAfter: reader.varint() }
}

/** Layout: once · shown with its length. */
export function writeKeyed(writer: ByteWriter, { once, shown }: Keyed): void {
  writeOnce(writer, once)
  writer.bytes(shown)
}

/** Throws Malformed. Views. */
export function readKeyed(reader: ByteReader): Keyed {
  return { once: readOnce(reader), shown: reader.bytes(TRANSACTION_BYTES_MAX) }
}
