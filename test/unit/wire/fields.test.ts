import { expect, test } from 'vitest'
import { Malformed } from '../../../src/wire/bytes.ts'
import {
  asArray,
  asBoolean,
  asBytes,
  asChoice,
  asHexId,
  asInteger,
  asPeerId,
  asText,
  asTuple
} from '../../../src/wire/fields.ts'

type Check = (value: unknown) => unknown

/** Each check, what it lets through, and what it does not. */
const CHECKS: readonly (readonly [string, Check, readonly unknown[], readonly unknown[]])[] = [
  ['integer', (v) => asInteger(v), [0, 1, 2 ** 53 - 1], [-1, -0, 1.5, 2 ** 53, '1', null, 1n]],
  ['not a number', (v) => asInteger(v, -5, 5), [-5, 5], [Number.NaN, Infinity, -6, 6, [1]]],
  ['text', (v) => asText(v, 3, 1), ['a', 'abc'], ['', 'abcd', 1, null, ['a'], new Uint8Array(1)]],
  ['hex id', asHexId, ['0123456789abcdef'.repeat(2)], ['', 'A'.repeat(32), 'a'.repeat(33), 1]],
  ['peer id', asPeerId, ['12D3KooWabc', 'n1'], ['', 'a b', 'a/b', 'x'.repeat(129), 5]],
  [
    'bytes',
    (v) => asBytes(v, 2, 1),
    [Buffer.from('ab')],
    [Buffer.alloc(3), new Uint8Array(0), 'a']
  ],
  ['boolean', asBoolean, [true, false], [0, 1, 'true', null]],
  ['choice', (v) => asChoice(v, ['a', 'b']), [0, 1], [2, -1, 'a', 'length', null]],
  ['array', (v) => asArray(v, 2, 1), [[1], [1, 2]], [[], [1, 2, 3], 'ab', new Uint8Array(1), {}]],
  ['tuple', (v) => asTuple(v, 2), [[1, 2]], [[1], [1, 2, 3], null]]
]

test.each(CHECKS)('%s', (_, check, good, bad) => {
  for (const value of good) expect(() => check(value)).not.toThrow()
  for (const value of bad) expect(() => check(value), String(value)).toThrow(Malformed)
})

test('a check answers what it was given; a choice answers the choice', () => {
  expect(asInteger(7)).toBe(7)
  expect(asChoice(1, ['a', 'b'])).toBe('b')
})
