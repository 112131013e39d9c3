import { ByteReader, ByteWriter } from './bytes.ts'

/** A key of a state machine's table and what stands there. */
export type StateEntry = readonly [key: Uint8Array, value: Uint8Array]

/** Entries in one page at most: what a page of tiny ones may cost in memory. */
export const PAGE_ENTRIES_MAX = 65_536

/** Layout: count varint, then per entry key and value, each with its length. */
export function encodeStatePage(entries: readonly StateEntry[]): Uint8Array {
  let bytes = 8
  for (const [key, value] of entries) bytes += key.length + value.length + 16
  const writer = new ByteWriter(bytes).varint(entries.length)
  for (const [key, value] of entries) writer.bytes(key).bytes(value)
  return writer.finish()
}

/** Throws Malformed. Copies: a page outlives its frame. */
export function decodeStatePage(bytes: Uint8Array): StateEntry[] {
  const reader = new ByteReader(bytes)
  const count = reader.varint()
  const entries: StateEntry[] = []
  for (let i = 0; i < Math.min(count, PAGE_ENTRIES_MAX); i++) {
    entries.push([reader.bytes().slice(), reader.bytes().slice()])
  }
  reader.end()
  return entries
}
