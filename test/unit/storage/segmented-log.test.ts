import { expect, test } from 'vitest'
import { encodeConfiguration } from '../../../src/raft/codec.ts'
import { segmentName } from '../../../src/storage/recovery.ts'
import { utf8Text } from '../../../src/wire/bytes.ts'
import { DiskFault } from '../../../src/world/disk.ts'
import { entries, entry, LogHarness, markAt, texts } from './log-harness.ts'

const HARD_STATE = { term: 1, vote: 0 }
const ALL = Number.POSITIVE_INFINITY

function logWithGroup(segmentBytes = 4096): LogHarness {
  const harness = new LogHarness('log', segmentBytes)
  harness.log.create(1, 10, markAt(1, 1), HARD_STATE)
  return harness
}

/** Goal: what a group is given comes back as the start of its Raft, after a crash. */
test('a committed log comes back whole', () => {
  const harness = logWithGroup()
  const members = [{ replica: 10, node: 'a', voter: true }]
  const change = encodeConfiguration({ members })
  harness.log.append(1, [
    ...entries(2, 3, 1),
    { index: 5, term: 2, kind: 'empty', data: change.slice(0, 0) }
  ])
  harness.log.append(1, [{ index: 6, term: 2, kind: 'configuration', data: change }])
  harness.log.setHardState(1, { term: 3, vote: 12 })
  expect(harness.commit()).toBeUndefined()
  harness.crash()
  const [group] = harness.log.groups()
  const { stable, ...start } = group?.start ?? { stable: undefined }
  expect({ ...group, start }).toEqual({
    group: 1,
    replica: 10,
    minReplica: 10,
    start: {
      hardState: { term: 3, vote: 12 },
      mark: markAt(1, 1),
      termRuns: [
        [2, 1],
        [5, 2]
      ],
      lastIndex: 6,
      configurations: [[6, { members }]]
    }
  })
  expect(stable?.entries(2, 7, ALL).map(({ kind }) => kind)).toEqual([
    'command',
    'command',
    'command',
    'empty',
    'configuration'
  ])
})

test('entries are served before, during and after their sync', () => {
  const harness = logWithGroup()
  const expected = ['entry 2 of 1', 'entry 3 of 1', 'entry 4 of 1']
  harness.log.append(1, entries(2, 3, 1))
  expect(texts(harness.log, 1, 2, 5)).toEqual(expected)
  harness.log.commit(() => {})
  harness.log.append(1, entries(5, 1, 1))
  expect(texts(harness.log, 1, 2, 6)).toEqual([...expected, 'entry 5 of 1'])
  harness.commit()
  expect(texts(harness.log, 1, 2, 6)).toEqual([...expected, 'entry 5 of 1'])
})

test('reading stops at the bytes asked for, but gives one entry at least', () => {
  const harness = logWithGroup()
  harness.log.append(1, entries(2, 9, 1))
  expect(harness.log.entries(1, 2, 11, 36)).toHaveLength(3)
  expect(harness.log.entries(1, 2, 11, 1)).toHaveLength(1)
  expect(harness.log.entries(1, 4, 6, ALL)).toHaveLength(2)
})

test('an overwriting append replaces all from its first index on', () => {
  const harness = logWithGroup()
  harness.log.append(1, entries(2, 6, 1))
  harness.log.append(1, entries(4, 2, 2))
  const check = (): void => {
    expect(harness.log.groups()[0]?.start.lastIndex).toBe(5)
    expect(harness.log.groups()[0]?.start.termRuns).toEqual([
      [2, 1],
      [4, 2]
    ])
    expect(texts(harness.log, 1, 2, 6)).toEqual([
      'entry 2 of 1',
      'entry 3 of 1',
      'entry 4 of 2',
      'entry 5 of 2'
    ])
  }
  check()
  harness.commit()
  harness.crash()
  check()
})

/** Goal (R): a batch leaves for the disk only when the one before it is durable. */
test('while a sync is in flight the next batch gathers', () => {
  const harness = logWithGroup()
  const events: string[] = []
  harness.log.commit(() => events.push('first'))
  const written = harness.disk.size(segmentName(1))
  harness.log.append(1, entries(2, 1, 1))
  harness.log.commit(() => events.push('second'))
  harness.log.append(1, entries(3, 1, 1))
  harness.log.commit(() => events.push('third'))
  expect(harness.disk.size(segmentName(1))).toBe(written)
  expect(events).toEqual([])
  harness.world.runWhile(1000, () => events.length > 0)
  expect(events).toEqual(['first'])
  expect(harness.disk.size(segmentName(1))).toBeGreaterThan(written)
  harness.world.runWhile(1000, () => events.length > 1)
  expect(events).toEqual(['first', 'second', 'third'])
})

test('a commit with nothing new waits for what is in flight, and else for nothing', () => {
  const harness = logWithGroup()
  const events: string[] = []
  harness.log.commit(() => events.push('first'))
  harness.log.commit(() => events.push('second'))
  expect(events).toEqual([])
  harness.run(100)
  expect(events).toEqual(['first', 'second'])
  harness.log.commit(() => events.push('third'))
  expect(events).toEqual(['first', 'second', 'third'])
})

test('the durable sequence counts records, once they are durable', () => {
  const harness = logWithGroup()
  expect(harness.log.durableSequence).toBe(0)
  harness.commit()
  expect(harness.log.durableSequence).toBe(2)
  harness.log.append(1, entries(2, 3, 1))
  expect(harness.log.durableSequence).toBe(2)
  harness.commit()
  expect(harness.log.durableSequence).toBe(3)
  harness.crash()
  expect(harness.log.durableSequence).toBe(3)
})

/** Goal (R): the first failed write or sync is final, and nobody is told of durability. */
test.each(['failNextSync', 'failNextAppend'] as const)('%s ends the log', (fail) => {
  const harness = logWithGroup()
  harness.commit()
  harness.disk[fail]()
  harness.log.append(1, entries(2, 1, 1))
  const faults: unknown[] = []
  harness.log.commit((fault) => faults.push(fault))
  harness.log.append(1, entries(3, 1, 1))
  harness.log.commit((fault) => faults.push(fault))
  harness.run(1000)
  const sizes = harness.disk.list().map((name) => harness.disk.size(name))
  harness.log.append(1, entries(4, 1, 1))
  expect(harness.commit()).toBeInstanceOf(DiskFault)
  expect(faults).toEqual([expect.any(DiskFault), expect.any(DiskFault)])
  expect(harness.disk.list().map((name) => harness.disk.size(name))).toEqual(sizes)
  expect(harness.log.durableSequence).toBe(2)
})

test('what just became durable sets nothing going if the next batch fails at once', () => {
  const harness = logWithGroup()
  const faults: unknown[] = []
  harness.log.commit((fault) => faults.push(fault))
  harness.log.append(1, entries(2, 1, 1))
  harness.log.commit((fault) => faults.push(fault))
  harness.disk.failNextAppend()
  harness.run(1000)
  expect(faults).toEqual([expect.any(DiskFault), expect.any(DiskFault)])
})

test('segments go once every group has compacted what they hold', () => {
  const harness = logWithGroup()
  harness.log.create(2, 20, markAt(1, 1), HARD_STATE)
  harness.log.append(2, entries(2, 1, 1))
  for (let index = 2; index < 302; index++) {
    harness.log.append(1, entries(index, 1, 1))
    harness.commit()
  }
  expect(harness.disk.list().length).toBeGreaterThan(4)
  const before = harness.log.bytes
  harness.log.compact(1, markAt(300, 1))
  harness.commit()
  expect(harness.disk.list()[0]).toBe(segmentName(1))
  harness.log.compact(2, markAt(2, 1))
  harness.commit()
  expect(harness.disk.list()).toHaveLength(1)
  expect(harness.log.bytes).toBeLessThan(before / 4)
  expect(harness.log.bytes).toBe(harness.disk.size(harness.disk.list()[0] ?? ''))
  harness.crash()
  expect(texts(harness.log, 1, 301, 302)).toEqual(['entry 301 of 1'])
  expect(harness.log.groups()[1]?.start.lastIndex).toBe(2)
})

test('a compaction that is not durable removes nothing', () => {
  const harness = logWithGroup()
  for (let index = 2; index < 102; index++) {
    harness.log.append(1, entries(index, 1, 1))
    harness.commit()
  }
  const before = harness.disk.list()
  harness.disk.hangSyncs()
  harness.log.compact(1, markAt(101, 1))
  harness.log.commit(() => {})
  harness.run(1000)
  expect(harness.disk.list()).toEqual(before)
  harness.disk.resumeSyncs()
  harness.run(1000)
  expect(harness.disk.list()).toHaveLength(1)
})

/** Goal: whoever drops the log learns which groups hold its oldest segments, and with what. */
test('old entries are those that enough newer bytes follow', () => {
  const harness = logWithGroup()
  harness.log.create(2, 20, markAt(1, 1), HARD_STATE)
  harness.log.append(2, entries(2, 3, 1))
  for (let index = 2; index < 302; index++) {
    harness.log.append(1, entries(index, 1, 1))
    harness.commit()
  }
  expect([...harness.log.oldEntries(harness.log.bytes + 1)]).toEqual([])
  const old = harness.log.oldEntries(8192)
  expect([...old.keys()]).toEqual([1, 2])
  expect(old.get(2)).toBe(4)
  for (const [group, index] of old) harness.log.compact(group, markAt(index, 1))
  harness.commit()
  expect([...harness.log.oldEntries(8192)]).toEqual([])
  expect(harness.log.bytes).toBeGreaterThanOrEqual(8192)
  expect(harness.log.bytes).toBeLessThan(8192 + 2 * 4096)
  expect([...harness.log.oldEntries(0).keys()]).toEqual([1])
})

test('a buried group leaves a tombstone, also when its segments are gone', () => {
  const harness = logWithGroup()
  harness.log.append(1, entries(2, 3, 1))
  harness.log.bury(1, 11)
  harness.log.create(2, 20, markAt(1, 1), HARD_STATE)
  for (let index = 2; index < 302; index++) {
    harness.log.append(2, entries(index, 1, 1))
    harness.log.compact(2, markAt(index, 1))
    harness.commit()
  }
  expect(harness.disk.list()).toHaveLength(1)
  harness.crash()
  const [tombstone] = harness.log.groups()
  expect([tombstone?.group, tombstone?.replica, tombstone?.minReplica]).toEqual([1, 0, 11])
  expect(() => harness.log.create(1, 10, markAt(1, 1), HARD_STATE)).toThrow('buried')
})

test('a tombstone stands where there never was a group', () => {
  const harness = new LogHarness('tombstone')
  harness.log.bury(7, 3)
  harness.commit()
  harness.crash()
  expect(harness.log.groups()[0]).toMatchObject({ group: 7, replica: 0, minReplica: 3 })
  harness.log.create(7, 3, markAt(1, 1), HARD_STATE)
  expect(harness.commit()).toBeUndefined()
})

test('a reset forgets all entries and goes on behind its mark', () => {
  const harness = logWithGroup()
  harness.log.append(1, entries(2, 5, 1))
  harness.log.reset(1, markAt(100, 4))
  harness.log.append(1, [entry(101, 4)])
  harness.commit()
  harness.crash()
  expect(harness.log.groups()[0]?.start).toMatchObject({
    hardState: { term: 4, vote: 0 },
    mark: markAt(100, 4),
    termRuns: [[101, 4]],
    lastIndex: 101
  })
})

test('large appends become several records that read as one', () => {
  const harness = logWithGroup()
  const large = Array.from({ length: 20 }, (_, i) => entry(2 + i, 1, `${i}`.repeat(10_000)))
  harness.log.append(1, large)
  harness.commit()
  expect(harness.log.durableSequence).toBeGreaterThan(4)
  harness.crash()
  expect(texts(harness.log, 1, 2, 22)).toEqual(large.map(({ data }) => utf8Text(data)))
})

test('closing waits for what was committed', () => {
  const harness = logWithGroup()
  const events: string[] = []
  harness.log.commit(() => events.push('first'))
  harness.log.append(1, entries(2, 1, 1))
  harness.log.commit(() => events.push('second'))
  harness.log.close(() => events.push('closed'))
  harness.run(1000)
  expect(events).toEqual(['first', 'second', 'closed'])
})
