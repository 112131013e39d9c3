import { Buffer } from 'node:buffer'
import type { CallOperation } from '../../../src/client/inputs.ts'
import { partitionOf } from '../../../src/keyspace/hash.ts'
import { compareBytes } from '../../../src/wire/bytes.ts'
import { groupOfPartition } from '../../../src/wire/ids.ts'
import type { ReadRecord } from '../../../src/wire/read-body.ts'
import { behindKey, type ScanEntry, type ScanPage } from '../../../src/wire/scan.ts'

/** What a group of so many answers to a scan, by a table of all their keys as latin1 text. */
export function pageOf(
  table: ReadonlyMap<string, ReadRecord>,
  { group, scan }: Extract<CallOperation, { readonly kind: 'scan' }>,
  partitions: number
): ScanPage {
  const { start, end, reverse, keysOnly, entriesMax, bytesMax } = scan
  const found = [...table]
    .map(
      ([name, record]): ScanEntry => ({
        ...record,
        key: new Uint8Array(Buffer.from(name, 'latin1'))
      })
    )
    .filter(({ key }) => groupOfPartition(partitionOf(key, partitions)) === group)
    .filter(({ key }) => compareBytes(key, start) >= 0 && (!end || compareBytes(key, end) < 0))
    .sort((a, b) => (reverse ? -1 : 1) * compareBytes(a.key, b.key))
  let bytes = 0
  let count = 0
  for (const { key, value } of found) {
    bytes += key.length + (keysOnly ? 0 : value.length)
    if (count === entriesMax || (count > 0 && bytes > bytesMax)) break
    count++
  }
  const next = found[count]?.key
  const shown = found.slice(0, count)
  const entries = keysOnly ? shown.map((one) => ({ ...one, value: new Uint8Array(0) })) : shown
  return { entries, next: next && reverse ? behindKey(next) : next }
}
