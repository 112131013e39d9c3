import { ByteReader, ByteWriter } from '../wire/bytes.ts'
import type { GroupId } from '../wire/ids.ts'
import { passing } from '../wire/slab.ts'
import type { KeyRange } from '../world/state-store.ts'

/*
 * Keys of the state store. Integers are big-endian, so that byte order is their order.
 *
 *   00 'v'                       format version of all this: 01
 *   00 'p' group                 pointer: generation u32, 01 if the group is here or 00 if dropped
 *   00 'g' group generation      that generation is garbage: unfinished, replaced or dropped
 *   01 group generation sub-key  what the state machine of the group keeps
 */
export type Generation = number

export const STORE_VERSION = 1
export const VERSION_KEY: Uint8Array = Uint8Array.of(0x00, 0x76)
const POINTER = 0x70
const GARBAGE = 0x67
/** Bytes in front of a sub-key. */
export const PREFIX_BYTES = 9

export interface Pointer {
  readonly generation: Generation
  readonly live: boolean
}

export const pointerKey = (group: GroupId): Uint8Array =>
  new ByteWriter(6).u8(0).u8(POINTER).u32(group).finish()

export const garbageKey = (group: GroupId, generation: Generation): Uint8Array =>
  new ByteWriter(10).u8(0).u8(GARBAGE).u32(group).u32(generation).finish()

export const POINTERS: KeyRange = prefixRange(Uint8Array.of(0x00, POINTER))
export const GARBAGE_MARKS: KeyRange = prefixRange(Uint8Array.of(0x00, GARBAGE))

export const groupOfPointerKey = (key: Uint8Array): GroupId => new ByteReader(key.subarray(2)).u32()

export function readGarbageKey(key: Uint8Array): readonly [GroupId, Generation] {
  const input = new ByteReader(key.subarray(2))
  return [input.u32(), input.u32()]
}

export const encodePointer = ({ generation, live }: Pointer): Uint8Array =>
  new ByteWriter(5)
    .u32(generation)
    .u8(live ? 1 : 0)
    .finish()

export function decodePointer(bytes: Uint8Array): Pointer {
  const input = new ByteReader(bytes)
  return { generation: input.u32(), live: input.u8() === 1 }
}

export const statePrefix = (group: GroupId, generation: Generation): Uint8Array =>
  new ByteWriter(PREFIX_BYTES).u8(1).u32(group).u32(generation).finish()

/** Whose state `key` belongs to; undefined: nobody's. */
export function groupOfStateKey(key: Uint8Array): GroupId | undefined {
  if (key[0] !== 1 || key.length < PREFIX_BYTES) return undefined
  const [, a = 0, b = 0, c = 0, d = 0] = key
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
}

/** The state of all groups stands between these. */
export const STATE_BEGIN: Uint8Array = Uint8Array.of(1)
export const STATE_END: Uint8Array = Uint8Array.of(2)

export function stateKey(prefix: Uint8Array, subKey: Uint8Array): Uint8Array {
  const key = passing.cut(PREFIX_BYTES + subKey.length)
  key.set(prefix)
  key.set(subKey, PREFIX_BYTES)
  return key
}

export const subKeyOf = (key: Uint8Array): Uint8Array => key.subarray(PREFIX_BYTES)

/** All keys that begin with `prefix`. Requires: one of its bytes is below 0xff. */
export function prefixRange(prefix: Uint8Array): KeyRange {
  let last = prefix.length - 1
  while (prefix[last] === 0xff) last--
  const lt = prefix.slice(0, last + 1)
  lt[last] = (lt[last] as number) + 1
  return { gte: prefix, lt }
}

/** What is left of `range` behind `key`. */
export function rangeBehind({ lt }: KeyRange, key: Uint8Array): KeyRange {
  const gte = new Uint8Array(key.length + 1)
  gte.set(key)
  return { gte, lt }
}
