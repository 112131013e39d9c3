import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RaftLog } from '../../../src/raft/log.ts'
import type { Configuration, Entry, Index, SnapshotMark, Term } from '../../../src/raft/types.ts'
import { AssertionError } from '../../../src/world/assert.ts'
import { LogImage } from './disk.ts'

// Goal: the log with its tail, term runs and promises says what a plain array of all entries says.

const configuration: Configuration = { members: [{ replica: 1, node: 'a', voter: true }] }
const MARK: SnapshotMark = { index: 1, term: 1, configuration }

class Rig {
  readonly disk = new LogImage({ term: 1, vote: 0 }, MARK)
  readonly log: RaftLog
  /** Every entry ever kept, from index 2 on. */
  readonly all: Term[] = []

  constructor(tailBytesMax: number) {
    this.log = new RaftLog(this.disk.start(1, this.disk), tailBytesMax)
  }

  append(term: Term): void {
    const index = this.log.last + 1
    this.log.append({ index, term, kind: 'command', data: new Uint8Array(4) })
    this.all.push(term)
  }

  persist(): void {
    if (!this.log.hasUnhanded) return
    const entries = this.log.takeUnhanded()
    this.disk.take({ reset: undefined, entries, hardState: undefined })
    const last = entries.at(-1) as Entry
    this.log.persist(last.index, last.term)
  }

  term(index: Index): Term {
    return index === 1 ? 1 : (this.all[index - 2] ?? 0)
  }
}

type Action = {
  readonly type: 'append' | 'truncate' | 'persist' | 'commit' | 'compact'
  readonly n: number
}

const actions = fc.array(
  fc.record({
    type: fc.constantFrom('append', 'append', 'append', 'truncate', 'persist', 'commit', 'compact'),
    n: fc.nat({ max: 7 })
  }) as fc.Arbitrary<Action>,
  { maxLength: 60 }
)

function act(rig: Rig, { type, n }: Action): void {
  const { log } = rig
  switch (type) {
    case 'append':
      rig.append(log.lastTerm + (n > 5 ? n - 5 : 0))
      return
    case 'truncate': {
      const index = log.last - n
      if (index <= log.commit) return
      log.truncate(index)
      rig.all.length = index - 2
      return
    }
    case 'persist':
      rig.persist()
      return
    case 'commit':
      log.commitTo(log.commit + n)
      while (log.hasDeliverable) {
        const before = log.delivered
        const entries = log.takeDeliverable(40)
        expect(entries.map((it) => it.term)).toEqual(entries.map((it) => rig.term(it.index)))
        expect(entries[0]?.index).toBe(before + 1)
      }
      return
    case 'compact': {
      const index = log.delivered - n
      const term = log.term(index)
      if (term === undefined || index <= log.mark.index) return
      const mark = { index, term, configuration }
      log.compact(mark)
      rig.disk.compact(mark)
    }
  }
}

function check({ log, ...rig }: Rig, term: (index: Index) => Term): void {
  expect(log.last).toBe(rig.all.length + 1)
  expect(log.lastTerm).toBe(term(log.last))
  expect(log.term(log.last + 1)).toBe(undefined)
  expect(log.term(log.mark.index - 1)).toBe(undefined)
  for (let index = log.mark.index; index <= log.last; index++) {
    expect(log.term(index)).toBe(term(index))
  }
  for (let at = log.mark.index; at <= log.last + 1; at++) {
    for (let most = 0; most <= log.lastTerm + 1; most++) {
      let expected = Math.min(at, log.last)
      while (expected >= log.mark.index && term(expected) > most) expected--
      expect(log.lastWithTermAtMost(at, most)).toBe(expected)
    }
  }
}

test('terms, ends and hints agree with an array of all entries', () => {
  fc.assert(
    fc.property(actions, fc.constantFrom(0, 60, 1_000), (list, tailBytesMax) => {
      const rig = new Rig(tailBytesMax)
      for (const action of list) act(rig, action)
      check(rig, (index) => rig.term(index))
    }),
    { numRuns: 300 }
  )
})

test('entries are served from the tail or the stable log, a bounded piece at a time', () => {
  const rig = new Rig(60)
  for (let i = 0; i < 10; i++) rig.append(2)
  rig.persist()
  rig.log.commitTo(11)
  while (rig.log.hasDeliverable) rig.log.takeDeliverable(1_000)
  rig.append(3)
  const seen: Index[] = []
  while (seen.length < 11) {
    const from = (seen.at(-1) ?? 1) + 1
    const piece = rig.log.entries(from, rig.log.last + 1, 45)
    expect(piece.length).toBeLessThan(12)
    seen.push(...piece.map((entry) => entry.index))
  }
  expect(seen).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
})

test('what came back after a truncation is durable only when its own batch is (ABA)', () => {
  const { log } = new Rig(1_000)
  const entry = (index: Index, term: Term): Entry => ({
    index,
    term,
    kind: 'command',
    data: new Uint8Array()
  })
  log.append(entry(2, 2))
  log.append(entry(3, 2))
  log.takeUnhanded()
  log.truncate(3)
  log.append(entry(3, 3))
  log.takeUnhanded()
  log.truncate(3)
  log.append(entry(3, 2))
  log.takeUnhanded()
  log.commitTo(3)
  expect(log.persist(3, 2)).toBe(true)
  expect(log.persisted).toBe(2)
  expect(log.persist(3, 3)).toBe(false)
  expect(log.persisted).toBe(2)
  expect(log.persist(3, 2)).toBe(true)
  expect(log.persisted).toBe(3)
})

test('a reset forgets all entries, and completions of the old log count for nothing', () => {
  const rig = new Rig(1_000)
  for (let i = 0; i < 5; i++) rig.append(2)
  rig.log.takeUnhanded()
  rig.log.reset({ index: 4, term: 3, configuration })
  expect(rig.log.term(5)).toBe(undefined)
  rig.log.persist(6, 2)
  expect([rig.log.persisted, rig.log.last, rig.log.commit, rig.log.lastTerm]).toEqual([4, 4, 4, 3])
  expect(rig.log.hasUnhanded).toBe(false)
})

test('a committed entry is never truncated, and no undelivered one compacted away', () => {
  const rig = new Rig(1_000)
  for (let i = 0; i < 3; i++) rig.append(2)
  rig.log.commitTo(3)
  expect(() => rig.log.truncate(3)).toThrow(AssertionError)
  expect(() => rig.log.compact({ index: 3, term: 2, configuration })).toThrow(AssertionError)
})
