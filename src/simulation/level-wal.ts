import type { StateWrite } from '../world/state-store.ts'

/*
 * What LevelDB 1.20 makes of a damaged write-ahead log when it opens, with `paranoid_checks` off
 * (classic-level does not offer it). Read from db/log_writer.cc, db/log_reader.cc and
 * db/db_impl.cc, and held against the library by test/contract/state-store-damage.test.ts.
 *
 * A batch is a record of the log; a record is cut into fragments, none of which crosses the end of
 * a block. A fragment that does not match its checksum takes the rest of its block with it, and the
 * record it belongs to; reading goes on in the next block. Nobody is told.
 */
export const BLOCK_BYTES = 32_768
const FRAGMENT_HEADER_BYTES = 7
const BATCH_HEADER_BYTES = 12

/** What happened to the bytes of a log that nobody was writing to. */
export type WalDamage =
  | { readonly type: 'flip'; readonly at: number }
  | { readonly type: 'zero'; readonly from: number; readonly to: number }
  | { readonly type: 'cut'; readonly length: number }

interface Fragment {
  readonly batch: number
  readonly isFirst: boolean
  readonly isLast: boolean
  readonly from: number
  readonly to: number
}

/** Bytes of the record that `batch` becomes, without the headers of its fragments. */
export function batchBytes(batch: readonly StateWrite[]): number {
  let bytes = BATCH_HEADER_BYTES
  for (const { key, value } of batch) {
    bytes += 1 + textBytes(key.length)
    if (value !== undefined) bytes += textBytes(value.length)
  }
  return bytes
}

/** Bytes of a log of batches of these sizes. */
export function walBytes(sizes: readonly number[], blockBytes = BLOCK_BYTES): number {
  return layOut(sizes, blockBytes).at(-1)?.to ?? 0
}

/** Which of the batches of these sizes are still there, in order, after `damage` to their log. */
export function survivors(
  sizes: readonly number[],
  damage: WalDamage,
  blockBytes = BLOCK_BYTES
): readonly number[] {
  const found: number[] = []
  /** The batch that began and has not ended. */
  let open: number | undefined
  let lostBlock = -1
  for (const { batch, isFirst, isLast, from, to } of layOut(sizes, blockBytes)) {
    const block = Math.floor(from / blockBytes)
    if (damage.type === 'cut' && to > damage.length) break
    if (block === lostBlock) continue
    if (isHit(damage, from, to)) {
      lostBlock = block
      open = undefined
      continue
    }
    if (isFirst) open = batch
    if (open !== batch) continue
    if (!isLast) continue
    found.push(batch)
    open = undefined
  }
  return found
}

function layOut(sizes: readonly number[], blockBytes: number): Fragment[] {
  const fragments: Fragment[] = []
  let at = 0
  for (const [batch, size] of sizes.entries()) {
    let left = size
    do {
      const room = blockBytes - (at % blockBytes)
      if (room < FRAGMENT_HEADER_BYTES) at += room
      const rest = blockBytes - (at % blockBytes) - FRAGMENT_HEADER_BYTES
      const length = Math.min(left, rest)
      const to = at + FRAGMENT_HEADER_BYTES + length
      const isFirst = left === size && fragments.at(-1)?.batch !== batch
      fragments.push({ batch, isFirst, isLast: length === left, from: at, to })
      left -= length
      at = to
    } while (left > 0)
  }
  return fragments
}

function isHit(damage: WalDamage, from: number, to: number): boolean {
  switch (damage.type) {
    case 'flip':
      return damage.at >= from && damage.at < to
    case 'zero':
      return damage.from < to && damage.to > from
    case 'cut':
      return false
  }
}

/** A length, as LevelDB writes it, and as many bytes. */
function textBytes(length: number): number {
  let bytes = 1 + length
  for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}
