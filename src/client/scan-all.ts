import { equalBytes } from '../wire/bytes.ts'
import { type Failure, failure } from '../wire/failure.ts'
import type { GroupId } from '../wire/ids.ts'
import { SCAN_ENTRIES_MAX } from '../wire/limits.ts'
import type { Lapse } from '../wire/read-body.ts'
import { behindKey, type KeySpan, type ScanEntry } from '../wire/scan.ts'
import type { Cancel } from '../world/clock.ts'
import type { CallOutcome, SeenGroup } from './inputs.ts'
import { boundOf, countBefore, inOrder, reached, restAfter } from './scan-merge.ts'
import {
  entriesFor,
  pageBytesOf,
  type ScanQuery,
  type ScanShell,
  type StreamOptions
} from './scan-stream.ts'

/** A moment of a group that a page shows. */
export interface ScannedGroup extends SeenGroup {
  readonly lapse?: Lapse | undefined
}

/** One page over all groups: what it shows of each stood there at one moment. */
export type AllScanned =
  | {
      readonly ok: true
      readonly entries: readonly ScanEntry[]
      /** What was not looked at; undefined: nothing. */
      readonly rest: KeySpan | undefined
      readonly groups: readonly ScannedGroup[]
      readonly stalenessMs: number
    }
  | { readonly ok: false; readonly failure: Failure }

interface Part {
  readonly group: GroupId
  entries: readonly ScanEntry[]
  rest: KeySpan | undefined
  entriesMax: number
  seen: ScannedGroup | undefined
  stalenessMs: number
  /** Gives up what it waits for. */
  cancel: Cancel
}

/** Where keys are spread unevenly, those groups that hold a page up are asked for more. */
const ROUNDS_MAX = 4
/** A page without any key is read on, for as many keys as that. */
const EMPTY_ROUNDS_MAX = 1_000

/** Reads the first `limit` keys of a span, or fewer. `done` is called once. */
export function scanAll(
  shell: ScanShell,
  query: ScanQuery & { readonly limit: number },
  options: StreamOptions,
  done: (page: AllScanned) => void
): Cancel {
  const reading = new Reading(shell, query, { options, done })
  reading.start()
  return () => reading.fail(failure('timeout', 'its caller stopped waiting'))
}

class Reading {
  readonly #shell: ScanShell
  readonly #query: ScanQuery & { readonly limit: number }
  readonly #options: StreamOptions
  readonly #done: (page: AllScanned) => void
  readonly #deadline: number
  readonly #parts: readonly Part[]
  #span: KeySpan
  #left = 0
  #rounds = 0
  #emptyRounds = 0
  #isOver = false

  constructor(
    shell: ScanShell,
    query: ScanQuery & { readonly limit: number },
    how: { readonly options: StreamOptions; readonly done: (page: AllScanned) => void }
  ) {
    const { groups, span, limit } = query
    this.#shell = shell
    this.#query = query
    this.#options = how.options
    this.#done = how.done
    this.#deadline = shell.clock.monotonic() + how.options.timeoutMs
    this.#span = span
    const entriesMax = entriesFor(limit, groups.length)
    const nothing = { entries: [], rest: span, seen: undefined, stalenessMs: 0 } as const
    this.#parts = groups.map((group) => ({ group, ...nothing, entriesMax, cancel: () => {} }))
  }

  start(): void {
    if (this.#parts.length === 0) this.#settle()
    else this.#askAll(this.#parts)
  }

  fail(failed: Failure): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const { cancel } of this.#parts) cancel()
    this.#done({ ok: false, failure: failed })
  }

  /** Each anew from the beginning of the span: its part of the page is one page of its group. */
  #askAll(parts: readonly Part[]): void {
    this.#left = parts.length
    for (const part of parts) if (!this.#isOver) this.#ask(part)
  }

  #ask(part: Part): void {
    const { reverse, keysOnly, consistency, floors, groups } = this.#query
    const { group, entriesMax } = part
    const bytesMax = pageBytesOf(groups.length)
    const scan = { ...this.#span, reverse, keysOnly, entriesMax, bytesMax }
    const seen = floors === undefined ? {} : { floors }
    const operation = { kind: 'scan', group, scan, consistency, ...seen } as const
    const timeoutMs = Math.max(1, this.#deadline - this.#shell.clock.monotonic())
    let isAnswered = false
    const cancel = this.#shell.call(operation, { ...this.#options, timeoutMs }, (outcome) => {
      isAnswered = true
      part.cancel = () => {}
      if (!this.#isOver) this.#answered(part, outcome)
    })
    if (!isAnswered) part.cancel = cancel
  }

  #answered(part: Part, outcome: CallOutcome): void {
    if (!outcome.ok) {
      this.fail(outcome.failure)
      return
    }
    if (outcome.kind !== 'scan') {
      this.fail(failure('internal', `a scan answered as ${outcome.kind}`))
      return
    }
    const { page, group, applied, lapse, stalenessMs } = outcome
    part.entries = page.entries
    part.rest = restAfter(this.#span, page.next, this.#query.reverse)
    part.seen = { group, applied, lapse }
    part.stalenessMs = Math.max(part.stalenessMs, stalenessMs)
    if (--this.#left === 0) this.#settle()
  }

  #settle(): void {
    const { reverse, limit } = this.#query
    const how = reached(this.#parts, reverse)
    const bound = how.type === 'at' ? how.bound : undefined
    const all: ScanEntry[] = []
    if (how.type !== 'stuck') {
      for (const { entries } of this.#parts) {
        for (const entry of entries.slice(0, countBefore(entries, bound, reverse))) all.push(entry)
      }
    }
    const isShort = all.length < limit && how.type !== 'end'
    if (isShort && this.#askMore(bound, all.length)) return
    const entries = inOrder(all, reverse).slice(0, limit)
    const isCut = entries.length < all.length
    const rest = isCut ? restAt(all[limit], this.#span, reverse) : this.#restFrom(bound)
    this.#isOver = true
    const groups = this.#parts.flatMap(({ seen }) => seen ?? [])
    const stalenessMs = Math.max(0, ...this.#parts.map((part) => part.stalenessMs))
    this.#done({ ok: true, entries, rest, groups, stalenessMs })
  }

  #restFrom(bound: Uint8Array | undefined): KeySpan | undefined {
    if (this.#parts.every(({ rest }) => rest === undefined)) return undefined
    return restAfter(this.#span, bound, this.#query.reverse) ?? this.#span
  }

  /** Has those asked again that hold the others up; false: it is not worth it. */
  #askMore(bound: Uint8Array | undefined, found: number): boolean {
    const { reverse, limit } = this.#query
    if (found === 0) {
      // Nothing to show before the bound, nor will there be: it goes on from there.
      if (++this.#emptyRounds > EMPTY_ROUNDS_MAX) return false
      this.#span = this.#restFrom(bound) ?? this.#span
      this.#askAll(this.#parts)
      return true
    }
    if (++this.#rounds >= ROUNDS_MAX) return false
    const most = Math.min(limit, SCAN_ENTRIES_MAX)
    const behind = this.#parts.filter((part) => {
      const at = part.rest === undefined ? undefined : boundOf(part.rest, reverse)
      const isLast = at !== undefined && bound !== undefined && equalBytes(at, bound)
      // Else its page ended for another reason than its size.
      return isLast && part.entries.length >= part.entriesMax && part.entriesMax < most
    })
    if (behind.length === 0) return false
    for (const part of behind) part.entriesMax = most
    this.#askAll(behind)
    return true
  }
}

/** What begins with the key of `entry`. */
function restAt(
  entry: ScanEntry | undefined,
  span: KeySpan,
  reverse: boolean
): KeySpan | undefined {
  if (entry === undefined) return undefined
  return restAfter(span, reverse ? behindKey(entry.key) : entry.key, reverse)
}
