import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nameOfKey } from '../../../src/client/steps.ts'
import { KEY_BYTES_MAX } from '../../../src/wire/limits.ts'

// Goal: a name is as good as the key, and as cheap.

test('names are equal if and only if the keys are', () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 3 })
  const property = fc.property(key, key, (a, b) => {
    expect(nameOfKey(a) === nameOfKey(b)).toBe(a.join() === b.join())
  })
  fc.assert(property)
  const all = Array.from({ length: 256 }, (_, byte) => nameOfKey(Uint8Array.of(byte)))
  expect(new Set(all).size).toBe(256)
})

test('the longest key has a name of as many characters', () => {
  const key = new Uint8Array(KEY_BYTES_MAX).fill(0xff)
  expect(nameOfKey(key)).toHaveLength(KEY_BYTES_MAX)
})
