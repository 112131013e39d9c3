import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import { KEY_BYTES_MAX } from '../wire/limits.ts'
import type { LockName } from '../wire/lock.ts'
import type { KeySpan } from '../wire/scan.ts'
import { readSession, writeSession } from '../wire/session-id.ts'
import { lasting, passing } from '../wire/slab.ts'
import type { TransactionId } from '../wire/transaction.ts'

/**
 * The keys of a state machine's table:
 *
 *   'm'              meta: see meta.ts
 *   'c'              the cluster map, in the system group only
 *   's' + 16 bytes   one session: see sessions.ts
 *   'k' + key        one key: see keys.ts
 *   'i' + text       what is known of one idempotency key: see repeats.ts
 *   'q'              the first and the next number of the queue of idempotency keys
 *   'q' + u64        one place in that queue
 *   't' 'r' + name   the record of a transaction: see transactions.ts
 *   't' 'p' + name   a prepared part: see prepared.ts
 *   't' 'w' + name + u32   one key of such a part
 *   'l' + guard u8 + key   a lock: see lock-record.ts
 *   'e' + u64 + key  when the ttl of that key is over, and nothing else: see expiries.ts
 *
 * The name of a transaction is its session, 16 bytes, and its seq, u64.
 */
export const META_KEY: Uint8Array = Uint8Array.of(0x6d)
export const CLUSTER_MAP_KEY: Uint8Array = Uint8Array.of(0x63)
/** Every session record's key begins with it, and nothing else. */
export const SESSION_PREFIX: Uint8Array = Uint8Array.of(0x73)
/** Every key record's key begins with it, and nothing else. */
export const DATA_PREFIX: Uint8Array = Uint8Array.of(0x6b)

/** Behind all of them. */
const DATA_END: Uint8Array = Uint8Array.of(0x6c)

/** Every record of an idempotency key begins with it, and nothing else. */
export const REPEAT_PREFIX: Uint8Array = Uint8Array.of(0x69)
/** Every key of their queue begins with it, and nothing else. */
export const REPEAT_BOUNDS_KEY: Uint8Array = Uint8Array.of(0x71)

/** Everything of transactions begins with it, and nothing else. */
export const TRANSACTION_PREFIX: Uint8Array = Uint8Array.of(0x74)
export const TRANSACTION_ROW = { record: 0x72, part: 0x70, key: 0x77 } as const
const TRANSACTION_NAME_BYTES = 24

/** Every lock's key begins with it, and nothing else. */
export const LOCK_PREFIX: Uint8Array = Uint8Array.of(0x6c)

/** Every row of a ttl begins with it, and nothing else. */
export const EXPIRY_PREFIX: Uint8Array = Uint8Array.of(0x65)
/** All of them, in the order in which they end. */
export const EXPIRY_SPAN = { gte: EXPIRY_PREFIX, lt: Uint8Array.of(0x66) } as const
const EXPIRY_HEAD_BYTES = 9

/** Where the table says that the ttl of `key` ends at `expiresAt`; a fresh copy. */
export function expiryKey(expiresAt: number, key: Uint8Array): Uint8Array {
  const writer = new ByteWriter(EXPIRY_HEAD_BYTES + key.length).raw(EXPIRY_PREFIX)
  writer.u32(Math.floor(expiresAt / 2 ** 32)).u32(expiresAt >>> 0)
  return lasting.copy(writer.raw(key).finish())
}

/** What such a key says; the user's key is a view. Throws Malformed. */
export function readExpiryKey(row: Uint8Array): {
  readonly expiresAt: number
  readonly key: Uint8Array
} {
  const reader = new ByteReader(row)
  reader.u8()
  const expiresAt = reader.u32() * 2 ** 32 + reader.u32()
  const key = reader.raw(reader.remaining)
  if (!Number.isSafeInteger(expiresAt) || key.length === 0 || key.length > KEY_BYTES_MAX) {
    throw new Malformed('an expiry of no key, or at no time')
  }
  return { expiresAt, key }
}

/** Where the table keeps a lock; a fresh copy. */
export function lockKey({ guard, key }: LockName): Uint8Array {
  const at = lasting.cut(key.length + 2)
  at[0] = LOCK_PREFIX[0] as number
  at[1] = guard ? 1 : 0
  at.set(key, 2)
  return at
}

/** What such a key says. Throws Malformed. */
export function lockNameOf(key: Uint8Array): LockName {
  const [prefix, guard] = key
  const isKey = prefix === LOCK_PREFIX[0] && (guard === 0 || guard === 1)
  if (!isKey || key.length < 3 || key.length > KEY_BYTES_MAX + 2) {
    throw new Malformed('not the key of a lock')
  }
  return { guard: guard === 1, key: key.subarray(2) }
}

/** Bytes as text, one unit each: for the keys of a map. */
export function keyText(key: Uint8Array): string {
  // As many arguments as a key has bytes at most. It takes whatever has numbers and a length.
  return String.fromCharCode.apply(null, key as unknown as number[])
}

/** A lock's name as text: no key's text is like it. */
export function lockText({ guard, key }: LockName): string {
  return (guard ? '\u0101' : '\u0100') + keyText(key)
}

/** A transaction's name as text: the same name, the same text. */
export const nameOf = ({ session, seq }: TransactionId): string => `${session}-${seq}`

/** Where the table keeps a row of a transaction; a fresh copy. */
export function transactionKey(
  kind: (typeof TRANSACTION_ROW)[keyof typeof TRANSACTION_ROW],
  { session, seq }: TransactionId,
  place?: number
): Uint8Array {
  const writer = new ByteWriter(2 + TRANSACTION_NAME_BYTES + 4)
  writer.raw(TRANSACTION_PREFIX).u8(kind)
  writeSession(writer, session)
  writer.u32(Math.floor(seq / 2 ** 32)).u32(seq >>> 0)
  if (place !== undefined) writer.u32(place)
  return lasting.copy(writer.finish())
}

/** What such a key says. Throws Malformed. */
export function readTransactionKey(key: Uint8Array): TransactionId & {
  readonly kind: number
  /** 0 where the kind has none. */
  readonly place: number
} {
  const reader = new ByteReader(key)
  reader.u8()
  const kind = reader.u8()
  const session = readSession(reader)
  const seq = reader.u32() * 2 ** 32 + reader.u32()
  const place = kind === TRANSACTION_ROW.key ? reader.u32() : 0
  reader.end()
  const kinds: readonly number[] = Object.values(TRANSACTION_ROW)
  if (!kinds.includes(kind)) throw new Malformed('a row of no known kind')
  return { kind, session, seq, place }
}

/**
 * The user's key that a key of the table stands for; a view. Requires: it is one of DATA_PREFIX.
 */
export function dataKeyOf(at: Uint8Array): Uint8Array {
  return at.subarray(DATA_PREFIX.length)
}

/** Where the table keeps the keys of `span`, first and behind the last. */
export function dataSpan({ start, end }: KeySpan): readonly [gte: Uint8Array, lt: Uint8Array] {
  return [dataLookup(start), end === undefined ? DATA_END : dataLookup(end)]
}

/** Where the table keeps a user's key; a fresh copy. */
export function dataKey(key: Uint8Array): Uint8Array {
  return behind(DATA_PREFIX, key)
}

/** The same, for a look that keeps nothing. */
export function dataLookup(key: Uint8Array): Uint8Array {
  return behind(DATA_PREFIX, key, passing)
}

/** Where the table keeps an idempotency key; a fresh copy. */
export function repeatKey(key: Uint8Array): Uint8Array {
  return behind(REPEAT_PREFIX, key)
}

/** Where the table keeps place `number` of the queue of idempotency keys. */
export function repeatSlotKey(number: number): Uint8Array {
  const high = Math.floor(number / 2 ** 32)
  const writer = new ByteWriter(9).raw(REPEAT_BOUNDS_KEY)
  writer.u32(high).u32(number >>> 0)
  return lasting.copy(writer.finish())
}

/** The number in such a key. Throws Malformed. */
export function repeatSlotNumber(key: Uint8Array): number {
  const reader = new ByteReader(key)
  reader.u8()
  const number = reader.u32() * 2 ** 32 + reader.u32()
  reader.end()
  return number
}

function behind(prefix: Uint8Array, key: Uint8Array, slab = lasting): Uint8Array {
  const at = slab.cut(key.length + 1)
  at[0] = prefix[0] as number
  at.set(key, 1)
  return at
}
