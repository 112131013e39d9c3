import { expect, test } from 'vitest'
import type { CallOperation, CallOutcome } from '../../../src/client/inputs.ts'
import {
  entriesFor,
  pageBytesOf,
  type ScanBatch,
  type ScanQuery,
  ScanStream
} from '../../../src/client/scan-stream.ts'
import { type Life, World } from '../../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import { failure } from '../../../src/wire/failure.ts'
import type { ScanEntry, ScanPage, ScanRequest } from '../../../src/wire/scan.ts'

// Goal: over any number of groups, and whatever pages they answer with, a scan shows each key once
// and in order, asks for no more than it may hold, and leaves nothing behind when it ends.
// Method: groups in memory that answer late, in any order, with pages cut anywhere.

class Groups {
  readonly world: World
  readonly life: Life
  readonly keys: readonly (readonly string[])[]
  /** Pages on their way, by group. */
  readonly asked = new Map<number, number>()
  calls = 0
  cancelled = 0
  /** Calls to be refused as too many, from now on. */
  refused = 0
  failed = false
  readonly #random: World['random']

  constructor(seed: string, groups: number) {
    this.world = new World(seed)
    this.life = this.world.life('client')
    this.#random = this.world.random.fork('groups')
    const all = Array.from({ length: groups }, (): string[] => [])
    const count = this.#random.below(120)
    for (let i = 0; i < count; i++) {
      all[this.#random.below(groups)]?.push(`k${String(i).padStart(3, '0')}`)
    }
    this.keys = all
  }

  readonly call = (
    operation: CallOperation,
    _options: object,
    done: (outcome: CallOutcome) => void
  ): (() => void) => {
    if (operation.kind !== 'scan') throw new Error(operation.kind)
    const { group, scan } = operation
    this.calls++
    this.asked.set(group, (this.asked.get(group) ?? 0) + 1)
    expect(this.asked.get(group)).toBe(1)
    let isOver = false
    this.world.schedule(this.life, this.#random.below(5), 'answer', () => {
      if (isOver) return
      isOver = true
      this.asked.set(group, 0)
      done(this.#answer(group, scan))
    })
    return () => {
      if (isOver) return
      isOver = true
      this.cancelled++
      this.asked.set(group, 0)
      done({ ok: false, failure: failure('timeout', 'given up') })
    }
  }

  #answer(group: number, scan: ScanRequest): CallOutcome {
    if (this.refused > 0) {
      this.refused--
      return { ok: false, failure: { ...failure('overloaded', 'full'), retryAfterMs: 3 } }
    }
    if (this.failed) return { ok: false, failure: failure('unavailable', 'nobody there') }
    const page = this.#page(this.keys[group - 1] ?? [], scan)
    return { ok: true, kind: 'scan', page, group, applied: 1, stalenessMs: 0 }
  }

  /** Ends anywhere, also before anything was found. */
  #page(keys: readonly string[], { start, end, reverse, entriesMax }: ScanRequest): ScanPage {
    const from = utf8Text(start) ?? ''
    const to = end === undefined ? '~' : (utf8Text(end) ?? '')
    const left = keys.filter((key) => key >= from && key < to)
    if (reverse) left.reverse()
    const shown = left.slice(0, Math.min(entriesMax, this.#random.below(8)))
    const entries = shown.map(
      (key): ScanEntry => ({ key: utf8(key), value: utf8('v'), revision: 1 })
    )
    if (shown.length === left.length) return { entries, next: undefined }
    const next = left[shown.length] as string
    return { entries, next: utf8(reverse ? `${next}\0` : next) }
  }
}

function query(groups: number, more: Partial<ScanQuery> = {}): ScanQuery {
  return {
    groups: Array.from({ length: groups }, (_, i) => i + 1),
    span: { start: utf8('k'), end: utf8('l') },
    reverse: false,
    keysOnly: false,
    limit: undefined,
    consistency: 'strong',
    ...more
  }
}

/** Takes batches until the end or `most` entries. */
function taken(groups: Groups, wanted: ScanQuery, most = Number.POSITIVE_INFINITY) {
  const { call, life } = groups
  const shell = { call, clock: life.clock, timers: life.timers }
  const stream = new ScanStream(shell, wanted, { timeoutMs: 1_000 })
  const keys: string[] = []
  let last: ScanBatch | undefined
  const next = (): void => {
    stream.next((batch) => {
      last = batch
      if (!batch.ok || batch.entries.length === 0) return
      for (const { key } of batch.entries) keys.push(utf8Text(key) ?? '?')
      if (keys.length < most) next()
      else stream.stop()
    })
  }
  next()
  groups.world.runUntil(groups.world.now + 5_000)
  return { keys, last }
}

test('every key once, in order, from any number of groups', () => {
  for (let seed = 0; seed < 200; seed++) {
    const count = 1 + (seed % 9)
    const groups = new Groups(`all ${seed}`, count)
    const reverse = seed % 2 === 0
    const end = seed % 3 === 0 ? undefined : utf8('k060')
    const limit = seed % 5 === 0 ? 1 + (seed % 17) : undefined
    const span = { start: utf8(seed % 4 === 0 ? '' : 'k020'), end }
    const { keys } = taken(groups, query(count, { reverse, limit, span }))
    const within = groups.keys
      .flat()
      .filter((key) => key >= (utf8Text(span.start) ?? '') && (!end || key < 'k060'))
    const wanted = within.sort()
    if (reverse) wanted.reverse()
    expect(keys).toEqual(wanted.slice(0, limit))
    expect([...groups.asked.values()].every((asked) => asked === 0)).toBe(true)
  }
})

test('whoever leaves early leaves nothing on its way', () => {
  for (let seed = 0; seed < 40; seed++) {
    const groups = new Groups(`early ${seed}`, 5)
    taken(groups, query(5), 3)
    const { calls } = groups
    groups.world.runUntil(groups.world.now + 1_000)
    expect(groups.calls).toBe(calls)
    expect([...groups.asked.values()].every((asked) => asked === 0)).toBe(true)
  }
})

test('a node that has too much to do is asked again; any other failure ends the scan', () => {
  const busy = new Groups('busy', 4)
  busy.refused = 9
  expect(taken(busy, query(4)).keys).toEqual(busy.keys.flat().sort())
  const gone = new Groups('gone', 4)
  gone.failed = true
  const { last } = taken(gone, query(4))
  expect(last).toMatchObject({ ok: false, failure: { code: 'unavailable' } })
  expect([...gone.asked.values()].every((asked) => asked === 0)).toBe(true)
})

test('an empty span asks nobody', () => {
  const groups = new Groups('none', 3)
  expect(taken(groups, query(0)).last).toEqual({ ok: true, entries: [] })
  expect(groups.calls).toBe(0)
})

test('pages shrink as groups grow in number, and a limit asks for little more', () => {
  for (const groups of [1, 3, 64, 1_024, 4_096]) {
    expect(2 * groups * pageBytesOf(groups)).toBeLessThanOrEqual(
      Math.max(16 * 1024 * 1024, groups * 16 * 1024)
    )
  }
  expect(entriesFor(10, 1)).toBe(10)
  expect(entriesFor(100, 64)).toBeLessThan(20)
  expect(entriesFor(10_000, 64)).toBeLessThan(300)
})
