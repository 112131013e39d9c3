import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BadRequest } from '../../../src/gateway/bad-request.ts'
import { keyOf } from '../../../src/gateway/url-key.ts'
import { utf8 } from '../../../src/wire/bytes.ts'

const nonEmpty = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 })

test('any text survives as a percent-encoded key, any bytes as base64url', () => {
  fc.assert(
    fc.property(nonEmpty, (text) => {
      fc.pre(text !== '.' && text !== '..')
      expect(keyOf(encodeURIComponent(text), undefined)).toEqual(utf8(text))
    })
  )
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64url')
      expect(keyOf(text, 'base64url')).toEqual(bytes)
      expect(
        keyOf(encodeURIComponent(Buffer.from(bytes).toString('base64url')), 'base64url')
      ).toEqual(bytes)
    })
  )
})

test('whatever stands in a path is a key or a BadRequest', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom(undefined, 'base64url' as const), (text, encoding) => {
      try {
        expect(keyOf(text, encoding).length).toBeGreaterThan(0)
      } catch (error) {
        expect(error).toBeInstanceOf(BadRequest)
      }
    })
  )
})

test.each([
  ['', undefined, /at least 1 byte/],
  ['%', undefined, /two hex digits/],
  ['%4', undefined, /two hex digits/],
  ['%zz', undefined, /two hex digits/],
  ['%FF', undefined, /not UTF-8/],
  ['%C0%80', undefined, /not UTF-8/],
  ['.', undefined, /base64url/],
  ['%2e%2e', undefined, /base64url/],
  ['a', 'base64url', /not base64url/],
  ['a+b/', 'base64url', /not base64url/],
  ['', 'base64url', /at least 1 byte/],
  ['_w==', 'base64url', /not base64url/],
  ['_x', 'base64url', /not base64url in canonical form/]
] as const)('key %s with encoding %s is refused', (text, encoding, line) => {
  expect(() => keyOf(text, encoding)).toThrow(line)
})

test('a key holds 4,096 bytes and no more, however it is written', () => {
  expect(keyOf('%6b'.repeat(4_096), undefined)).toHaveLength(4_096)
  const long = (): Uint8Array => keyOf('k'.repeat(4_097), undefined)
  expect(long).toThrow(expect.objectContaining({ code: 'too_large' }))
})
