import { compareBytes } from '../wire/bytes.ts'
import type { DiskFault } from '../world/disk.ts'
import { type KeyRange, PAGE_BYTES, type StateStore } from '../world/state-store.ts'
import type { Changed, OverlayGroup } from './overlay-group.ts'
import { PREFIX_BYTES, stateKey, subKeyOf } from './state-keys.ts'

/** Some of what a group held at one moment, in the order of the range. */
export interface CutPage {
  readonly entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]
  /**
   * What of the range was not looked at: from this sub-key on; in reverse, up to it, without it.
   * Undefined: nothing.
   */
  readonly next: Uint8Array | undefined
}

export type CutDone = (fault: DiskFault | undefined, page: CutPage) => void

const NOTHING: CutPage = { entries: [], next: undefined }

/**
 * Reads the first entries of `range` (of sub-keys; its prefix is the group's) as the group holds
 * them at this very moment, whatever is set before `done`: what is not in the store yet is taken
 * now, and the store is pinned. At most `limit` are read of the store, about PAGE_BYTES.
 */
export function readCut(
  store: StateStore,
  group: OverlayGroup,
  { range, limit }: { readonly range: KeyRange; readonly limit: number },
  done: CutDone
): void {
  const { gte, lt, reverse = false } = range
  const order = reverse ? descending : ascending
  const changes = [...group.changesIn(gte, lt)].sort(([a], [b]) => order(a, b))
  const view = store.view()
  const { prefix } = group
  const stored = { gte: stateKey(prefix, gte).slice(), lt: stateKey(prefix, lt).slice(), reverse }
  view.page(stored, limit, (fault, found) => {
    view.release()
    if (fault !== undefined) {
      done(fault, NOTHING)
      return
    }
    const entries = found.map(([key, value]) => [subKeyOf(key), value] as const)
    if (!entries.every(([key, value]) => group.isSound(key, value))) {
      done(group.damage(), NOTHING)
      return
    }
    const last = isRest(entries, limit) ? undefined : entries.at(-1)?.[0]
    done(undefined, merged(entries, changes, { last, order, reverse }))
  })
}

const ascending = (a: Uint8Array, b: Uint8Array): number => compareBytes(a, b)
const descending = (a: Uint8Array, b: Uint8Array): number => compareBytes(b, a)

/** Whether the store held no more than these: see StateView.page. */
function isRest(entries: CutPage['entries'], limit: number): boolean {
  if (entries.length >= limit) return false
  let bytes = 0
  for (const [key, value] of entries) bytes += PREFIX_BYTES + key.length + value.length
  return bytes < PAGE_BYTES
}

/** `last`: nothing of the store is known behind it; undefined: all is. */
function merged(
  entries: CutPage['entries'],
  changes: readonly Changed[],
  how: {
    readonly last: Uint8Array | undefined
    readonly order: (a: Uint8Array, b: Uint8Array) => number
    readonly reverse: boolean
  }
): CutPage {
  const { last, order, reverse } = how
  const all: (readonly [Uint8Array, Uint8Array])[] = []
  let at = 0
  for (const [key, value] of changes) {
    if (last !== undefined && order(key, last) > 0) break
    for (; at < entries.length; at++) {
      const entry = entries[at] as (typeof entries)[number]
      const side = order(entry[0], key)
      if (side > 0) break
      if (side < 0) all.push(entry)
    }
    if (value !== undefined) all.push([key, value])
  }
  for (; at < entries.length; at++) all.push(entries[at] as (typeof entries)[number])
  if (last === undefined) return { entries: all, next: undefined }
  if (reverse) return { entries: all, next: last }
  const next = new Uint8Array(last.length + 1)
  next.set(last)
  return { entries: all, next }
}
