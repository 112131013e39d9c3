import { expect, test } from 'vitest'
import { TRANSACTION_PREFIX } from '../../../src/state/layout.ts'
import { loadParts } from '../../../src/state/prepared.ts'
import { Records } from '../../../src/state/records.ts'
import type { Row } from '../../../src/state/unwritten-rows.ts'
import { Malformed } from '../../../src/wire/bytes.ts'
import type { Work } from '../../../src/wire/transaction.ts'
import {
  add,
  create,
  drop,
  exists,
  prepare,
  put,
  resolve,
  Site,
  works
} from './transaction-site.ts'

// Goal: what a table keeps of transactions is no more than what is asked for, goes with them, and
// is not taken for whole with a row too few or two that cannot be.

test('what a part holds is bounded by what was asked for', () => {
  const on = new Site()
  const value = 'v'.repeat(10_000)
  const keys = Array.from({ length: 50 }, (_, i) => `key${i}`)
  const writes = keys.map((key) => put(key, value))
  on.run(
    1,
    prepare(
      works(
        [...writes, ...writes],
        keys.map((key) => exists(key, false))
      )
    )
  )
  on.machine.prepareFlush()
  const rows = [...on.table.records.values()].filter(([key]) => key[0] === TRANSACTION_PREFIX[0])
  expect(rows.length).toBe(51)
  const bytes = rows.reduce((sum, [key, row]) => sum + key.length + row.length, 0)
  expect(bytes).toBeLessThan(50 * 10_100)
  on.run(1, resolve(true))
  on.machine.prepareFlush()
  expect([...on.table.records.values()].some(([key]) => key[0] === 0x74)).toBe(false)
})

test('parts with holes, and holds of no part, are told', () => {
  const on = new Site()
  on.run(1, prepare(works([add('a'), drop('b')], [exists('c', false)])))
  on.run(2, create(works([add('d')])))
  on.machine.prepareFlush()
  const rows = [...on.table.records.values()].filter(([key]) => key[0] === TRANSACTION_PREFIX[0])
  const { records, others } = Records.split(rows)
  expect([records.length, others.length]).toEqual([1, 6])
  expect(
    loadParts(others)
      .map(({ holds }) => holds.length)
      .sort()
  ).toEqual([1, 3])
  for (const [i] of others.entries()) {
    expect(() => loadParts(others.toSpliced(i, 1)), `without row ${i}`).toThrow(Malformed)
  }
})

test('a key that is held twice is told', () => {
  const rowsOf = (seq: number, work: Work): readonly Row[] => {
    const on = new Site()
    on.run(seq, prepare(work))
    on.machine.prepareFlush()
    return [...on.table.records.values()].filter(([key]) => key[0] === TRANSACTION_PREFIX[0])
  }
  const reads = works([], [exists('k', false)])
  const writes = works([add('k')])
  const both = (first: Work, second: Work) => () =>
    loadParts([...rowsOf(1, first), ...rowsOf(2, second)])
  expect(both(reads, reads)().length).toBe(2)
  for (const [first, second] of [
    [writes, writes],
    [reads, writes],
    [writes, reads]
  ] as const) {
    expect(both(first, second)).toThrow(Malformed)
  }
})
