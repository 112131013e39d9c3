import { compareBytes } from '../wire/bytes.ts'
import type { KeySpan, ScanEntry } from '../wire/scan.ts'

/** What came of one group, and what is still to come. */
export interface Source {
  /** In the order of the scan; all before `rest`. */
  readonly entries: readonly ScanEntry[]
  /** What was not looked at yet; undefined: nothing. */
  readonly rest: KeySpan | undefined
}

/** Where `rest` begins, in the order of the scan; undefined: at no key that could be named. */
export function boundOf(rest: KeySpan, reverse: boolean): Uint8Array | undefined {
  return reverse ? rest.end : rest.start
}

/** Whether `key` comes before `bound` in the order of the scan. */
export function isBefore(key: Uint8Array, bound: Uint8Array, reverse: boolean): boolean {
  return reverse ? compareBytes(key, bound) >= 0 : compareBytes(key, bound) < 0
}

/**
 * How far all groups have come. `at`: what lies before the bound has come from all of them. `end`:
 * everything has. `stuck`: of some group nothing has, and its span has no end to name.
 */
export type Reached =
  | { readonly type: 'end' | 'stuck' }
  | { readonly type: 'at'; readonly bound: Uint8Array }

export function reached(sources: Iterable<Source>, reverse: boolean): Reached {
  let least: Uint8Array | undefined
  for (const { rest } of sources) {
    if (rest === undefined) continue
    const bound = boundOf(rest, reverse)
    if (bound === undefined) return { type: 'stuck' }
    if (least === undefined || isFurther(least, bound, reverse)) least = bound
  }
  return least === undefined ? { type: 'end' } : { type: 'at', bound: least }
}

/** Whether `one` is further in the order of the scan than `other`. */
function isFurther(one: Uint8Array, other: Uint8Array, reverse: boolean): boolean {
  const order = compareBytes(one, other)
  return reverse ? order < 0 : order > 0
}

/** How many of `entries` come before `bound`; undefined: all do. */
export function countBefore(
  entries: readonly ScanEntry[],
  bound: Uint8Array | undefined,
  reverse: boolean
): number {
  if (bound === undefined) return entries.length
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore((entries[middle] as ScanEntry).key, bound, reverse)) low = middle + 1
    else high = middle
  }
  return low
}

/** Runs of several groups as one. */
export function inOrder(entries: ScanEntry[], reverse: boolean): readonly ScanEntry[] {
  const sign = reverse ? -1 : 1
  return entries.sort((a, b) => sign * compareBytes(a.key, b.key))
}

/** What is left of `span` for the next page. */
export function restAfter(
  span: KeySpan,
  next: Uint8Array | undefined,
  reverse: boolean
): KeySpan | undefined {
  if (next === undefined) return undefined
  return reverse ? { start: span.start, end: next } : { start: next, end: span.end }
}
