import { ByteReader, ByteWriter, concatBytes, Malformed, utf8 } from '../wire/bytes.ts'
import type { StoreId } from '../wire/ids.ts'
import { diskDamage } from '../world/disk.ts'
import type { StateStore, StateWrite } from '../world/state-store.ts'
import { checksum } from './checksum.ts'
import { REPLACE_NODE } from './store-errors.ts'

/*
 * What a node as a whole remembers in its store, beside the groups. Written along with flushes.
 *
 *   00 'd'          the log's durable sequence when the flush was made
 *   00 'n' storeId  of another node's disk: boot count, boot nonce and durable sequence seen last
 *
 * A value is varints, then the CRC-32 of key and varints, u32.
 */
export const LOG_END_KEY: Uint8Array = Uint8Array.of(0x00, 0x64)
const CRC_BYTES = 4

export const lifeKey = (storeId: StoreId): Uint8Array =>
  concatBytes([Uint8Array.of(0x00, 0x6e), utf8(storeId)])

export function noteWrite(key: Uint8Array, numbers: readonly number[]): StateWrite {
  const writer = new ByteWriter()
  for (const number of numbers) writer.varint(number)
  const body = writer.finish()
  const crc = new ByteWriter(CRC_BYTES).u32(checksum(concatBytes([key, body]))).finish()
  return { key, value: concatBytes([body, crc]) }
}

/** The `count` numbers noted under `key`, or undefined. Throws DiskFault. */
export function readNote(
  store: Pick<StateStore, 'get'>,
  key: Uint8Array,
  count: number
): readonly number[] | undefined {
  const value = store.get(key)
  if (value === undefined) return undefined
  try {
    const body = value.subarray(0, Math.max(0, value.length - CRC_BYTES))
    const crc = new ByteReader(value.subarray(body.length)).u32()
    if (crc !== checksum(concatBytes([key, body]))) throw new Malformed('a wrong checksum')
    const reader = new ByteReader(body)
    const numbers = Array.from({ length: count }, () => reader.varint())
    reader.end()
    return numbers
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    throw diskDamage(`a note in the state store is damaged. ${REPLACE_NODE}`, { cause: error })
  }
}
