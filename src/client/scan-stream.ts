import { equalBytes } from '../wire/bytes.ts'
import { type Failure, failure } from '../wire/failure.ts'
import type { GroupId } from '../wire/ids.ts'
import { SCAN_ENTRIES_MAX } from '../wire/limits.ts'
import type { Consistency } from '../wire/request.ts'
import type { KeySpan, ScanEntry } from '../wire/scan.ts'
import type { Cancel } from '../world/clock.ts'
import type { Shell } from './course.ts'
import type { CallOutcome, Floor } from './inputs.ts'
import { boundOf, countBefore, inOrder, type Reached, reached, restAfter } from './scan-merge.ts'

/** Which keys, of which groups, and how. */
export interface ScanQuery {
  readonly groups: readonly GroupId[]
  readonly span: KeySpan
  readonly reverse: boolean
  readonly keysOnly: boolean
  /** So many entries at most; undefined: all. */
  readonly limit: number | undefined
  readonly consistency: Consistency
  /** See CallOperation. */
  readonly floors?: ReadonlyMap<GroupId, Floor>
}

export interface StreamOptions {
  /** Of each page. */
  readonly timeoutMs: number
  /** Of the whole scan, on the monotonic clock; absent: it has none. */
  readonly deadline?: number
  readonly trace?: string
}

/** `entries` empty: the scan is over. */
export type ScanBatch =
  | { readonly ok: true; readonly entries: readonly ScanEntry[] }
  | { readonly ok: false; readonly failure: Failure }

export type ScanShell = Pick<Shell, 'call' | 'clock' | 'timers'>

interface Source {
  readonly group: GroupId
  entries: readonly ScanEntry[]
  rest: KeySpan | undefined
  /** Gives up what it waits for; undefined: nothing. */
  asking: Cancel | undefined
  /** Of its next page. */
  entriesMax: number
}

/** What is kept ahead of the reader, of all groups, twice over while pages are on their way. */
const AHEAD_BYTES = 4 * 1024 * 1024
const PAGE_BYTES_MIN = 8 * 1024
const PAGE_BYTES_MAX = 256 * 1024
/** Pages asked for at once. */
const ASKED_MAX = 128
/** The first pages are small: many scans end with them. */
const FIRST_ENTRIES = 64
const GROWTH = 4
/** An overloaded node is asked again after this, if it does not say when. */
const REST_MS = 100

/** The size of pages, so that those of so many groups together take a bounded memory. */
export function pageBytesOf(groups: number): number {
  const share = Math.floor(AHEAD_BYTES / Math.max(1, groups))
  return Math.min(PAGE_BYTES_MAX, Math.max(PAGE_BYTES_MIN, share))
}

/**
 * How many entries to ask each group for so that all together have the first `limit` of them, most
 * likely: keys are spread by a hash, so what one group has of them varies by the root of its share.
 */
export function entriesFor(limit: number, groups: number): number {
  const share = limit / Math.max(1, groups)
  const most = Math.ceil(share + 4 * Math.sqrt(share)) + 8
  return Math.min(SCAN_ENTRIES_MAX, limit, most)
}

/**
 * The keys of a span over all groups, merged in order. Reads ahead of who takes them: of each group
 * a page that came and one that is on its way, never more.
 */
export class ScanStream {
  readonly #shell: ScanShell
  readonly #query: ScanQuery
  readonly #options: StreamOptions
  readonly #sources: readonly Source[]
  readonly #pageBytes: number
  #left: number
  #asking = 0
  #failure: Failure | undefined
  #waiting: ((batch: ScanBatch) => void) | undefined
  #isOver = false

  constructor(shell: ScanShell, query: ScanQuery, options: StreamOptions) {
    const { groups, span, limit } = query
    this.#shell = shell
    this.#query = query
    this.#options = options
    this.#left = limit ?? Number.POSITIVE_INFINITY
    this.#pageBytes = pageBytesOf(groups.length)
    const entriesMax = limit === undefined ? FIRST_ENTRIES : entriesFor(limit, groups.length)
    this.#sources = groups.map((group) => {
      return { group, entries: [], rest: span, asking: undefined, entriesMax }
    })
  }

  /** The next entries. Requires: the call before it was answered. */
  next(done: (batch: ScanBatch) => void): void {
    this.#waiting = done
    this.#proceed()
  }

  /** Asks for nothing more, and gives up what is on its way. Idempotent. */
  stop(): void {
    this.#isOver = true
    for (const source of this.#sources) {
      source.asking?.()
      source.asking = undefined
      source.entries = []
    }
  }

  #proceed(): void {
    const entries = this.#isOver ? [] : this.#take()
    const isOver = this.#isOver
    if (!isOver) this.#askAhead()
    if (this.#waiting === undefined) return
    if (entries.length > 0) this.#hand({ ok: true, entries })
    else if (this.#failure !== undefined) this.#hand({ ok: false, failure: this.#failure })
    else if (this.#isOver) this.#hand({ ok: true, entries: [] })
  }

  #hand(batch: ScanBatch): void {
    const done = this.#waiting
    this.#waiting = undefined
    done?.(batch)
  }

  /** What has come from all groups; nothing while nobody waits for it. */
  #take(): readonly ScanEntry[] {
    if (this.#waiting === undefined) return []
    const { reverse } = this.#query
    const how = reached(this.#sources, reverse)
    if (how.type === 'stuck') return []
    const bound = how.type === 'at' ? how.bound : undefined
    const all: ScanEntry[] = []
    for (const source of this.#sources) {
      const count = countBefore(source.entries, bound, reverse)
      if (count === 0) continue
      for (const entry of source.entries.slice(0, count)) all.push(entry)
      source.entries = source.entries.slice(count)
    }
    const merged = inOrder(all, reverse).slice(0, this.#left)
    this.#left -= merged.length
    if (this.#left === 0 || how.type === 'end') this.stop()
    return merged
  }

  #askAhead(): void {
    if (this.#failure !== undefined) return
    let ahead = 0
    for (const { entries } of this.#sources) ahead += entries.length
    const isEnough = ahead >= this.#left
    const { reverse } = this.#query
    const how = reached(this.#sources, reverse)
    for (const source of this.#sources) {
      if (this.#isOver || this.#asking >= ASKED_MAX) return
      if (source.rest === undefined || source.asking !== undefined) continue
      // With enough at hand only those are asked that hold the others up.
      const isWanted = isEnough
        ? isAt(boundOf(source.rest, reverse), how)
        : bytesOf(source.entries) < this.#pageBytes
      if (!isWanted) continue
      this.#ask(source, source.rest, this.#deadline())
    }
  }

  #deadline(): number {
    const { timeoutMs, deadline = Number.POSITIVE_INFINITY } = this.#options
    return Math.min(deadline, this.#shell.clock.monotonic() + timeoutMs)
  }

  #ask(source: Source, rest: KeySpan, deadline: number): void {
    const { reverse, keysOnly, consistency, floors } = this.#query
    const { group, entriesMax } = source
    const scan = { ...rest, reverse, keysOnly, entriesMax, bytesMax: this.#pageBytes }
    const seen = floors === undefined ? {} : { floors }
    const operation = { kind: 'scan', group, scan, consistency, ...seen } as const
    const timeoutMs = Math.max(1, deadline - this.#shell.clock.monotonic())
    const { trace } = this.#options
    const call = { timeoutMs, ...(trace === undefined ? {} : { trace }) }
    let isAnswered = false
    this.#asking++
    source.asking = () => {}
    const cancel = this.#shell.call(operation, call, (outcome) => {
      isAnswered = true
      this.#asking--
      source.asking = undefined
      if (!this.#isOver) this.#answered({ source, rest, deadline }, outcome)
    })
    if (!isAnswered) source.asking = cancel
  }

  #answered(
    asked: { readonly source: Source; readonly rest: KeySpan; readonly deadline: number },
    outcome: CallOutcome
  ): void {
    const { source, rest, deadline } = asked
    if (!outcome.ok) {
      const waitMs = outcome.failure.retryAfterMs ?? REST_MS
      const isBusy = outcome.failure.code === 'overloaded'
      if (isBusy && this.#shell.clock.monotonic() + waitMs < deadline) {
        source.asking = this.#shell.timers.after(waitMs, () => {
          source.asking = undefined
          this.#ask(source, rest, deadline)
        })
      } else this.#fail(outcome.failure)
    } else if (outcome.kind !== 'scan') {
      this.#fail(failure('internal', `a scan answered as ${outcome.kind}`))
    } else {
      const { entries, next } = outcome.page
      source.entries = source.entries.length === 0 ? entries : [...source.entries, ...entries]
      source.rest = restAfter(rest, next, this.#query.reverse)
      source.entriesMax = Math.min(SCAN_ENTRIES_MAX, source.entriesMax * GROWTH)
    }
    this.#proceed()
  }

  #fail(failed: Failure): void {
    this.#failure ??= failed
    this.stop()
  }
}

function isAt(bound: Uint8Array | undefined, how: Reached): boolean {
  if (how.type !== 'at') return bound === undefined
  return bound !== undefined && equalBytes(bound, how.bound)
}

function bytesOf(entries: readonly ScanEntry[]): number {
  let bytes = 0
  for (const { key, value } of entries) bytes += key.length + value.length
  return bytes
}
