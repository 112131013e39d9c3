import type { KeySpan } from '../../../src/wire/scan.ts'

/** A key and the revision it was shown with. Keys as text whose code units are bytes. */
export type Shown = readonly [key: string, revision: number]

/** A page that was answered, with what was asked for. */
export interface SeenPage {
  readonly group: number
  /** First key, and the one behind the last; the latter undefined: no end. */
  readonly from: string
  readonly to: string | undefined
  readonly reverse: boolean
  readonly entries: readonly Shown[]
  /** Where it said that the next one goes on. */
  readonly next: string | undefined
  readonly applied: number
  readonly consistency: 'strong' | 'session' | 'eventual'
}

/** What truly stood in a group at one index. Revision 0: absent. */
export interface TruthAt {
  readonly key: string
  readonly revision: number
  /** It has a ttl: where clocks count it may be missing. */
  readonly isMortal: boolean
  /** What a transaction that was not decided there leaves, if it commits; undefined: none is. */
  readonly intended: number | undefined
}

/** A scan of a whole range. */
export interface SeenScan {
  readonly groups: readonly number[]
  readonly from: string
  readonly to: string | undefined
  readonly reverse: boolean
  /** In the order they were shown. */
  readonly keys: readonly string[]
  /** Its pages as they came. */
  readonly pages: readonly SeenPage[]
}

/** What of the span a page looked at. */
export function lookedAt({ from, to, reverse, next }: SeenPage): {
  readonly from: string
  readonly to: string | undefined
} {
  if (next === undefined) return { from, to }
  return reverse ? { from: next, to } : { from, to: next }
}

const isIn = (key: string, span: { readonly from: string; readonly to: string | undefined }) =>
  key >= span.from && (span.to === undefined || key < span.to)

/**
 * What is wrong with a page, in words, by what truly stood in its group at the index it stands on:
 * all of it and nothing else must be there, in order.
 */
export function checkPage(page: SeenPage, truth: readonly TruthAt[]): string[] {
  const { group, applied, entries, consistency, reverse } = page
  const span = lookedAt(page)
  const where = `the ${consistency} page [${span.from}, ${span.to}) of group ${group} at ${applied}`
  const wrong: string[] = []
  const shown = new Map(entries)
  // A page of one key is a read of it: it may know more than the state did.
  const isAlone = span.to === `${span.from}\0`
  for (const { key, revision, isMortal, intended } of truth) {
    if (!isIn(key, span)) continue
    const seen = shown.get(key) ?? 0
    shown.delete(key)
    if (seen === revision || (isAlone && seen === intended)) continue
    if (seen === 0 && isMortal && consistency !== 'strong') continue
    wrong.push(`${where} shows ${key} at ${seen}, and it was at ${revision}`)
  }
  for (const [key] of shown) wrong.push(`${where} shows ${key}, which is not there`)
  wrong.push(
    ...disorder(
      entries.map(([key]) => key),
      reverse
    ).map((what) => `${where}: ${what}`)
  )
  return wrong
}

/** What is wrong with a scan that came to its end, by its pages. */
export function checkScan({ groups, from, to, reverse, keys, pages }: SeenScan): string[] {
  const wrong = disorder(keys, reverse)
  for (const group of groups) {
    // Each page goes on where the one before ended, from one end of the range to the other.
    let rest: { from: string; to: string | undefined } | undefined = { from, to }
    for (const page of pages.filter((one) => one.group === group)) {
      if (rest === undefined || page.from !== rest.from || page.to !== rest.to) {
        wrong.push(`a page of group ${group} is of [${page.from}, ${page.to})`)
        break
      }
      if (page.next === undefined) rest = undefined
      else rest = reverse ? { from, to: page.next } : { from: page.next, to }
    }
    if (rest !== undefined) wrong.push(`[${rest.from}, ${rest.to}) of group ${group} was not read`)
  }
  const paged = pages.flatMap(({ entries }) => entries.map(([key]) => key)).sort()
  if ([...keys].sort().join() !== paged.join()) {
    wrong.push(`the scan shows ${keys.join(' ')}, its pages ${paged.join(' ')}`)
  }
  return wrong
}

function disorder(keys: readonly string[], reverse: boolean): string[] {
  return keys.flatMap((key, i) => {
    const before = keys[i - 1]
    if (before === undefined || (reverse ? key < before : key > before)) return []
    return [`${key} comes after ${before}`]
  })
}

/** As text whose code units are bytes. */
export const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

export const spanText = ({ start, end }: KeySpan) => ({
  from: textOf(start),
  to: end === undefined ? undefined : textOf(end)
})
