import xxhash from 'xxhash-wasm'
import { assert } from '../world/assert.ts'

// Fetching and compiling happen once, when the module is loaded: every call after that is
// synchronous.
const { h64Raw } = await xxhash()

const SEED = 0n
const OPEN = 0x7b
const CLOSE = 0x7d

/** xxh64 with seed 0 (`xxh64-0` in the settings of a cluster): an unsigned 64-bit number. */
export function hash64(bytes: Uint8Array): bigint {
  return h64Raw(bytes, SEED)
}

/**
 * The part of `key` that places it: what stands between its first `{` and the first `}` after it,
 * if that is at least one byte; else all of it. A view into `key`.
 */
export function placingPart(key: Uint8Array): Uint8Array {
  const open = key.indexOf(OPEN)
  if (open < 0) return key
  const close = key.indexOf(CLOSE, open + 1)
  return close > open + 1 ? key.subarray(open + 1, close) : key
}

/** Where all keys that begin with `prefix` are; undefined: anywhere. */
export function partitionOfPrefix(prefix: Uint8Array, partitions: number): number | undefined {
  const isTagged = placingPart(prefix).length < prefix.length
  return isTagged ? partitionOf(prefix, partitions) : undefined
}

/** The top log2(partitions) bits of the hash. Requires: `partitions` is a power of two <= 2^31. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  assert(
    partitions >= 1 && (partitions & (partitions - 1)) === 0,
    `${partitions} partitions: not a power of two`
  )
  // Shifting by 32 would not shift at all.
  if (partitions === 1) return 0
  const top = Number(hash64(placingPart(key)) >> 32n)
  return top >>> (1 + Math.clz32(partitions))
}
