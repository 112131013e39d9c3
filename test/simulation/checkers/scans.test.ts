import { describe, expect, test } from 'vitest'
import { checkPage, checkScan, type SeenPage, type SeenScan, type TruthAt } from './scans.ts'

// Goal: the checkers of scans accuse what is wrong, each kind of it, and nothing that is right.

const still = (key: string, revision: number): TruthAt => {
  return { key, revision, isMortal: false, intended: undefined }
}
const TRUTH: readonly TruthAt[] = [
  still('a', 3),
  still('b', 0),
  { key: 'c', revision: 5, isMortal: true, intended: undefined },
  { key: 'd', revision: 7, isMortal: false, intended: 9 },
  still('e', 8)
]
const WHOLE: SeenPage = {
  group: 1,
  from: 'a',
  to: undefined,
  reverse: false,
  entries: [
    ['a', 3],
    ['c', 5],
    ['d', 7],
    ['e', 8]
  ],
  next: undefined,
  applied: 20,
  consistency: 'strong'
}

describe('a page', () => {
  test.each<[string, Partial<SeenPage>]>([
    ['whole', {}],
    ['that ends early', { entries: WHOLE.entries.slice(0, 2), next: 'd' }],
    ['in reverse', { reverse: true, entries: [...WHOLE.entries].reverse() }],
    ['in reverse that ends early', { reverse: true, entries: [['e', 8]], next: 'd\0' }],
    ['of one key whose transaction is committed', { from: 'd', to: 'd\0', entries: [['d', 9]] }],
    [
      'of a session whose key is over by a clock',
      { consistency: 'session', entries: WHOLE.entries.filter(([key]) => key !== 'c') }
    ]
  ])('%s is right', (_, more) => {
    expect(checkPage({ ...WHOLE, ...more }, TRUTH)).toEqual([])
  })

  test.each<[string, Partial<SeenPage>]>([
    ['lacks a key', { entries: WHOLE.entries.slice(1) }],
    [
      'lacks a key that is over by a clock alone',
      { entries: WHOLE.entries.filter(([k]) => k !== 'c') }
    ],
    ['shows a key that is not there', { entries: [['a', 3], ['b', 4], ...WHOLE.entries.slice(1)] }],
    ['shows a key of nobody', { entries: [...WHOLE.entries, ['f', 1]] }],
    ['shows an older revision', { entries: [['a', 2], ...WHOLE.entries.slice(1)] }],
    [
      'shows a part of a transaction',
      { entries: [...WHOLE.entries.slice(0, 2), ['d', 9], ['e', 8]] }
    ],
    ['is out of order', { entries: [...WHOLE.entries].reverse() }],
    ['shows a key twice', { entries: [['a', 3], ...WHOLE.entries] }],
    ['claims more than it looked at', { entries: [['a', 3]], next: 'e' }]
  ])('that %s is wrong', (_, more) => {
    expect(checkPage({ ...WHOLE, ...more }, TRUTH)).not.toEqual([])
  })
})

const first: SeenPage = { ...WHOLE, entries: [['a', 3]], next: 'c' }
const second: SeenPage = { ...WHOLE, from: 'c', entries: WHOLE.entries.slice(1) }
const other: SeenPage = { ...WHOLE, group: 2, entries: [['b', 1]] }
const SCAN: SeenScan = {
  groups: [1, 2],
  from: 'a',
  to: undefined,
  reverse: false,
  keys: ['a', 'b', 'c', 'd', 'e'],
  pages: [first, other, second]
}

describe('a scan', () => {
  test('of pages that follow each other is right', () => {
    expect(checkScan(SCAN)).toEqual([])
  })

  test.each<[string, Partial<SeenScan>]>([
    ['leaves a gap', { pages: [first, other, { ...second, from: 'd' }] }],
    ['reads a part twice', { pages: [first, other, { ...second, from: 'b' }] }],
    ['ends before its end', { pages: [first, other], keys: ['a', 'b'] }],
    ['leaves a group out', { pages: [first, second], keys: ['a', 'c', 'd', 'e'] }],
    ['loses what a page had', { keys: ['a', 'b', 'c', 'd'] }],
    ['shows a key twice', { keys: ['a', 'b', 'b', 'c', 'd', 'e'] }],
    ['is out of order', { keys: ['a', 'c', 'b', 'd', 'e'] }]
  ])('that %s is wrong', (_, more) => {
    expect(checkScan({ ...SCAN, ...more })).not.toEqual([])
  })
})
