import { expect, test } from 'vitest'
import { SnapshotReceiver } from '../../../src/partition/snapshot-receiver.ts'
import { encodeConfiguration, encodeMark } from '../../../src/raft/codec.ts'
import type { SnapshotMark } from '../../../src/raft/types.ts'
import type { Receiver } from '../../../src/storage/overlay.ts'
import { compareBytes } from '../../../src/wire/bytes.ts'
import { encodeStatePage, type StateEntry } from '../../../src/wire/state-page.ts'
import { Runner } from '../state/fixture.ts'

// Goal: a snapshot takes the state's place only if its records are exactly those of one flush.

const CONFIGURATION = { members: [{ replica: 1, node: 'n', voter: true }] }
/** Three entries were applied. */
const STANDS = { index: 3, term: 1, configuration: CONFIGURATION }

function records(): StateEntry[] {
  const on = new Runner()
  for (const key of ['a', 'b', 'c']) on.put(key, key.repeat(50))
  on.machine.setConfiguration(encodeConfiguration(CONFIGURATION), 0)
  on.machine.prepareFlush()
  return [...on.table.records.values()].sort(([a], [b]) => compareBytes(a, b))
}

/** What became of a snapshot of `pages`, each put kept before the next comes. */
function receive(
  pages: readonly (readonly StateEntry[])[],
  stands: SnapshotMark = STANDS
): readonly string[] {
  const told: string[] = []
  const into: Receiver = {
    put: (_, done) => done(undefined),
    finish: (_, done) => done(undefined),
    abort: () => told.push('abort')
  }
  const mark = encodeMark(stands)
  const bound = { group: 1, from: 1, to: 2, term: 1, transfer: 1, mark }
  const first = { ...bound, sequence: 0, last: pages.length === 1 }
  const receiver = new SnapshotReceiver(first, stands, into, {
    acknowledge: (next) => told.push(`kept ${next}`),
    complete: () => told.push('complete'),
    damaged: () => told.push('damaged'),
    fault: () => told.push('fault')
  })
  for (const [sequence, entries] of pages.entries()) {
    const last = sequence === pages.length - 1
    const chunk = { ...bound, sequence, last, page: encodeStatePage(entries) }
    receiver.take(chunk)
    // A copy must not be counted twice.
    if (!last) receiver.take(chunk)
  }
  return told
}

test('all records of one flush make a snapshot', () => {
  const all = records()
  expect(receive([all])).toEqual(['complete'])
  const [first, ...rest] = all
  expect(receive([[first as StateEntry], rest, []])).toEqual([
    'kept 1',
    'kept 1',
    'kept 2',
    'kept 2',
    'complete'
  ])
})

test('one record less, twice or with another bit is no snapshot', () => {
  const all = records()
  for (const [i, [key, value]] of all.entries()) {
    const garbled = value.with(value.length - 1, (value.at(-1) as number) ^ 1)
    expect(receive([all.toSpliced(i, 1)]), `without ${i}`).toEqual(['abort', 'damaged'])
    expect(receive([all.with(i, [key, garbled])]), `garbled ${i}`).toEqual(['abort', 'damaged'])
  }
  expect(receive([[...all, all[0] as StateEntry]])).toEqual(['abort', 'damaged'])
})

test('records in another order, or of another place in the log, are no snapshot', () => {
  const all = records()
  expect(receive([all.toReversed()])).toEqual(['abort', 'damaged'])
  const [first, ...rest] = all
  expect(receive([rest, [first as StateEntry]])).toEqual(['kept 1', 'kept 1', 'abort', 'damaged'])
  expect(receive([all], { ...STANDS, index: 4 })).toEqual(['abort', 'damaged'])
  expect(receive([all], { ...STANDS, term: 2 })).toEqual(['abort', 'damaged'])
})

test('nothing is told of a snapshot that was given up while its last page was written', () => {
  const told: string[] = []
  let written = (): void => {}
  const into: Receiver = {
    put: (_, done) => {
      written = () => done(undefined)
    },
    finish: (_, done) => done(undefined),
    abort: () => told.push('abort')
  }
  const bound = { group: 1, from: 1, to: 2, term: 1, transfer: 1, mark: encodeMark(STANDS) }
  const chunk = { ...bound, sequence: 0, last: true }
  const receiver = new SnapshotReceiver(chunk, STANDS, into, {
    acknowledge: () => told.push('kept'),
    complete: () => told.push('complete'),
    damaged: () => told.push('damaged'),
    fault: () => told.push('fault')
  })
  receiver.take({ ...chunk, page: encodeStatePage(records()) })
  receiver.abort()
  written()
  expect(told).toEqual(['abort'])
})
