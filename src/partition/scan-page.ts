import type { Index } from '../raft/types.ts'
import { decodeRecord } from '../state/keys.ts'
import { dataKeyOf, keyText } from '../state/layout.ts'
import type { HeldKey } from '../state/prepared.ts'
import type { CutPage } from '../storage/overlay-cut.ts'
import { compareBytes, equalBytes } from '../wire/bytes.ts'
import { bothLapses, type Lapse } from '../wire/read-body.ts'
import type { Consistency } from '../wire/request.ts'
import { behindKey, type KeySpan, type ScanEntry, type ScanRequest } from '../wire/scan.ts'

/** A page as far as one moment of the state alone tells. */
export interface SeenPage {
  readonly entries: readonly ScanEntry[]
  readonly next: Uint8Array | undefined
  readonly lapse: Lapse | undefined
}

/** What was true of the group when its keys were read. */
export interface Moment {
  readonly applied: Index
  /** Of the state. */
  readonly time: number
  /** By the clock of the replica. */
  readonly now: number
  readonly held: readonly HeldKey[]
}

/** Beside keys and values, about what an entry takes. */
const ENTRY_BYTES = 16

/**
 * What of `cut` is shown at `moment`. It ends before a key whose time is over by the clock alone:
 * until an entry says so, only a read of that key alone can tell. An `eventual` one passes it over.
 */
export function seenIn(
  cut: CutPage,
  request: ScanRequest,
  { moment, consistency }: { readonly moment: Moment; readonly consistency: Consistency }
): SeenPage {
  const { entriesMax, bytesMax, keysOnly } = request
  const held = new Map(moment.held.map((one) => [keyText(one.key), one]))
  const entries: ScanEntry[] = []
  let lapse: Lapse | undefined
  let bytes = 0
  for (const [at, stored] of cut.entries) {
    const key = dataKeyOf(at)
    const { value, revision, expiresAt } = decodeRecord(stored)
    if (expiresAt !== undefined) {
      const since = held.size === 0 ? undefined : held.get(keyText(key))?.since
      if ((since ?? moment.time) >= expiresAt) continue
      if (moment.now >= expiresAt) {
        if (consistency !== 'eventual') return { entries, next: boundAt(key, request), lapse }
        lapse = bothLapses(lapse, { revision, expiresAt })
        continue
      }
    }
    const shown = keysOnly ? NO_VALUE : value
    bytes += key.length + shown.length + ENTRY_BYTES
    const isFull = entries.length >= entriesMax || (entries.length > 0 && bytes > bytesMax)
    if (isFull) return { entries, next: boundAt(key, request), lapse }
    if (expiresAt === undefined) entries.push({ key, value: shown, revision })
    else {
      const expiry = { expiresInMs: expiresAt - moment.now, expiresAt }
      entries.push({ key, value: shown, revision, ...expiry })
    }
  }
  const next = cut.next === undefined ? undefined : dataKeyOf(cut.next)
  return { entries, next: restFrom(next, request), lapse }
}

const NO_VALUE = new Uint8Array(0)

/** Where to go on if `key` was not looked at. */
export function boundAt(key: Uint8Array, { reverse }: ScanRequest): Uint8Array {
  return reverse ? behindKey(key) : key
}

/** Where to go on if `key` was the last that was looked at. */
export function boundBehind(key: Uint8Array, request: ScanRequest): Uint8Array | undefined {
  return restFrom(request.reverse ? key : behindKey(key), request)
}

/** Undefined: nothing of the span is left there. */
function restFrom(
  next: Uint8Array | undefined,
  { start, end, reverse }: ScanRequest
): Uint8Array | undefined {
  if (next === undefined) return undefined
  const isRest = reverse
    ? compareBytes(next, start) > 0
    : end === undefined || compareBytes(next, end) < 0
  return isRest ? next : undefined
}

/** What of the span of `request` was looked at by a page that goes on at `next`. */
export function spanUpTo(
  next: Uint8Array | undefined,
  { start, end, reverse }: ScanRequest
): KeySpan {
  if (next === undefined) return { start, end }
  return reverse ? { start: next, end } : { start, end: next }
}

export function isWithin(key: Uint8Array, { start, end }: KeySpan): boolean {
  return compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0)
}

/** Whether a page that goes on at `next` has looked at nothing at all. */
export function isStuck(next: Uint8Array | undefined, request: ScanRequest): boolean {
  const bound = request.reverse ? request.end : request.start
  return next !== undefined && bound !== undefined && equalBytes(next, bound)
}

/** `page` without `key` and all after it. */
export function cutBefore(page: SeenPage, key: Uint8Array, request: ScanRequest): SeenPage {
  const next = boundAt(key, request)
  const span = spanUpTo(next, request)
  return { ...page, entries: page.entries.filter((entry) => isWithin(entry.key, span)), next }
}
