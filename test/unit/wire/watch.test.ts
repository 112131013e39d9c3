import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareBytes, Malformed, utf8 } from '../../../src/wire/bytes.ts'
import { behindKey, spanOfPrefix } from '../../../src/wire/scan.ts'
import {
  decodePosition,
  decodeWatchAnswer,
  decodeWatchQuestion,
  encodePosition,
  encodeWatchAnswer,
  encodeWatchQuestion,
  isWithin,
  type WatchedChange,
  type WatchPage
} from '../../../src/wire/watch.ts'

// Goal: questions and answers of watches come through as they were, nothing else comes through, and
// ranges hold just what they name.

const key = fc.uint8Array({ minLength: 1, maxLength: 6 })
const small = fc.nat(1_000_000)

test('questions come through', () => {
  const span = fc.record({ start: key, end: fc.option(key, { nil: undefined }) })
  const places = fc.array(fc.record({ group: fc.nat(5_000), after: fc.maxSafeNat() }))
  const question = fc.record({ span, bytesMax: small, holdMs: small, places })
  fc.assert(
    fc.property(question, (one) => {
      expect(decodeWatchQuestion(encodeWatchQuestion(one))).toEqual(one)
    })
  )
})

const change = (position: number, place: number, more: Partial<WatchedChange> = {}) => {
  const value = utf8('v')
  return { position, place, key: utf8('k'), revision: 7, value, expired: false, ...more }
}

test('answers come through', () => {
  const pages: WatchPage[] = [
    {
      group: 3,
      verdict: 'told',
      upTo: 12,
      changes: [
        change(5, 0),
        change(5, 2, { value: undefined }),
        change(9, 1, { value: undefined, expired: true, revision: 2 ** 40 }),
        change(12, 0, { value: new Uint8Array(0) })
      ]
    },
    { group: 4, verdict: 'compacted', upTo: 0, changes: [] }
  ]
  expect(decodeWatchAnswer(encodeWatchAnswer(pages))).toEqual(pages)
  expect(decodePosition(encodePosition(2 ** 45))).toBe(2 ** 45)
})

test.each([
  ['the same change twice', [change(5, 0), change(5, 0)]],
  ['a position that goes back', [change(5, 0), change(4, 0)]],
  ['a position beyond the page', [change(13, 0)]]
])('%s is refused', (_, changes) => {
  const answer = encodeWatchAnswer([{ group: 1, verdict: 'told', upTo: 12, changes }])
  expect(() => decodeWatchAnswer(answer)).toThrow(Malformed)
})

test('a prefix holds the keys that begin with it', () => {
  const begins = (whole: Uint8Array, prefix: Uint8Array): boolean =>
    compareBytes(whole.subarray(0, prefix.length), prefix) === 0
  const prefix = fc.uint8Array({ maxLength: 4 })
  const ff = fc.uint8Array({ maxLength: 3, min: 0xfe, max: 0xff })
  fc.assert(
    fc.property(fc.oneof(prefix, ff), fc.oneof(key, ff), (one, other) => {
      expect(isWithin(other, spanOfPrefix(one))).toBe(begins(other, one))
    })
  )
})

test('the span of a key holds that key alone', () => {
  fc.assert(
    fc.property(key, key, (one, other) => {
      expect(isWithin(other, { start: one, end: behindKey(one) })).toBe(
        compareBytes(one, other) === 0
      )
      expect(isWithin(one, { start: one, end: behindKey(one) })).toBe(true)
    })
  )
})
