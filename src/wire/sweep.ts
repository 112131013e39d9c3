import { type ByteReader, type ByteWriter, Malformed } from './bytes.ts'
import { readKey } from './data-operation.ts'
import { SWEPT_AT_ONCE_MAX } from './limits.ts'

/**
 * Of a group's leader alone: ends those of these keys whose ttl is over. It has no session, for
 * doing it again changes nothing.
 */
export interface SweepOperation {
  readonly type: 'sweep'
  readonly keys: readonly Uint8Array[]
}

/** First byte of the encoded operation. */
export const SWEEP_OPERATION = { sweep: 32 } as const

/** About so many bytes, encoded. */
export function sweepOperationSize({ keys }: SweepOperation): number {
  let size = 8
  for (const key of keys) size += key.length + 2
  return size
}

/** Its number, count varint, each key with its length. */
export function writeSweepOperation(writer: ByteWriter, { keys }: SweepOperation): void {
  writer.u8(SWEEP_OPERATION.sweep).varint(keys.length)
  for (const key of keys) writer.bytes(key)
}

/** What follows the number. Throws Malformed. Keys are views. */
export function readSweepOperation(reader: ByteReader): SweepOperation {
  const count = reader.varint()
  if (count > SWEPT_AT_ONCE_MAX) throw new Malformed(`${count} keys to sweep`)
  const keys: Uint8Array[] = []
  for (let i = 0; i < count; i++) keys.push(readKey(reader))
  return { type: 'sweep', keys }
}
