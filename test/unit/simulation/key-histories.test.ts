import { expect, test } from 'vitest'
import { type KeyChange, KeyHistories } from '../../../src/simulation/key-histories.ts'

// Goal: what a strong read or a snapshot shows stood there at one moment after it was asked for.
// Method: histories of few changes, and readings that are possible or not.

const is = (key: string, revision: number): KeyChange => ({
  key,
  revision,
  isThere: true,
  isFading: false
})
const gone = (key: string, revision: number): KeyChange => ({
  ...is(key, revision),
  isThere: false
})

test('a read may show what stood at any moment since it was asked for', () => {
  const keys = new KeyHistories()
  keys.changed([is('a', 1)])
  const asked = keys.now()
  keys.changed([is('a', 5)])
  keys.changed([gone('a', 6)])
  for (const revision of [1, 5, 0]) keys.shown([['a', revision]], asked)
  expect(() => keys.shown([['a', 3]], asked)).toThrow(/shows revision 3 under a, which nobody/)
  expect(() => keys.shown([['a', 5]], keys.now())).toThrow(/which was over when it was asked for/)
  expect(keys.revisionOf('a')).toBe(0)
})

test('a snapshot shows what stood together', () => {
  const keys = new KeyHistories()
  const asked = keys.now()
  keys.changed([is('a', 1)])
  keys.changed([gone('a', 2), is('b', 1)])
  keys.changed([is('c', 1)])
  const snapshot = (a: number, b: number, c: number) => () =>
    keys.shown(
      [
        ['a', a],
        ['b', b],
        ['c', c]
      ],
      asked
    )
  for (const [a, b, c] of [
    [0, 0, 0],
    [1, 0, 0],
    [0, 1, 0],
    [0, 1, 1]
  ] as const) {
    expect(snapshot(a, b, c)).not.toThrow()
  }
  // Both are absent twice, and never while the other one is.
  expect(snapshot(1, 1, 0)).toThrow(/which never stood together/)
  expect(snapshot(0, 0, 1)).toThrow(/which never stood together/)
})

test('a key that came and went in between was not absent all the time', () => {
  const keys = new KeyHistories()
  keys.changed([is('a', 1)])
  keys.changed([gone('a', 2)])
  const asked = keys.now()
  keys.changed([is('b', 1)])
  keys.changed([is('a', 3)])
  keys.changed([gone('b', 2)])
  keys.changed([gone('a', 4), is('b', 3)])
  expect(() =>
    keys.shown(
      [
        ['a', 0],
        ['b', 0]
      ],
      keys.now()
    )
  ).toThrow()
  expect(() =>
    keys.shown(
      [
        ['a', 0],
        ['b', 0]
      ],
      asked
    )
  ).not.toThrow()
  expect(() =>
    keys.shown(
      [
        ['a', 3],
        ['b', 3]
      ],
      asked
    )
  ).toThrow(/never stood together/)
})

test('a change is known from then on, whatever came after it', () => {
  const keys = new KeyHistories()
  expect(keys.isKnown(is('a', 4))).toBe(false)
  keys.changed([is('a', 4)])
  keys.changed([is('a', 7)])
  expect([4, 7, 5].map((revision) => keys.isKnown(is('a', revision)))).toEqual([true, true, false])
})

test('revisions rise, also over deletions', () => {
  const keys = new KeyHistories()
  keys.changed([is('a', 4)])
  keys.changed([gone('a', 7)])
  expect(() => keys.changed([is('a', 7)])).toThrow(/a has revision 7 now, and had 7 before/)
})

test('of what may be over by the time alone nothing is claimed', () => {
  const keys = new KeyHistories()
  keys.changed([{ ...is('a', 1), isFading: true }])
  expect(keys.revisionOf('a')).toBeUndefined()
  keys.shown([['a', 0]], keys.now())
  keys.shown([['a', 9]], keys.now())
})
