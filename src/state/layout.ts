import { ByteReader, ByteWriter } from '../wire/bytes.ts'
import { lasting, passing } from '../wire/slab.ts'

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
 */
export const META_KEY: Uint8Array = Uint8Array.of(0x6d)
export const CLUSTER_MAP_KEY: Uint8Array = Uint8Array.of(0x63)
/** Every session record's key begins with it, and nothing else. */
export const SESSION_PREFIX: Uint8Array = Uint8Array.of(0x73)
/** Every key record's key begins with it, and nothing else. */
export const DATA_PREFIX: Uint8Array = Uint8Array.of(0x6b)

/** Every record of an idempotency key begins with it, and nothing else. */
export const REPEAT_PREFIX: Uint8Array = Uint8Array.of(0x69)
/** Every key of their queue begins with it, and nothing else. */
export const REPEAT_BOUNDS_KEY: Uint8Array = Uint8Array.of(0x71)

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
