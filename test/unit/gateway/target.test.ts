import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  BadRequest,
  countIn,
  incrementOf,
  keyOf,
  names,
  queryOf,
  revisionOf,
  targetOf
} from '../../../src/gateway/target.ts'
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

test('whatever stands in a request line is a target, and a key or a BadRequest', () => {
  const attempt = (run: () => unknown): void => {
    try {
      run()
    } catch (error) {
      expect(error).toBeInstanceOf(BadRequest)
    }
  }
  fc.assert(
    fc.property(fc.string(), fc.constantFrom(undefined, 'base64url', 'x'), (text, encoding) => {
      expect(targetOf('GET', text)).toHaveProperty('route')
      attempt(() => keyOf(text, encoding))
      attempt(() => queryOf(text, ['timeout']))
      attempt(() => incrementOf(utf8(text)))
      attempt(() => revisionOf(text, 'If-Match'))
    })
  )
})

test.each([
  ['GET', '/v1/kv/a', { route: 'value', key: 'a' }],
  ['GET', '/v1/kv/a/b%2Fc?timeout=1', { route: 'value', key: 'a/b%2Fc' }],
  ['GET', '/v1/kv/a/increment', { route: 'value', key: 'a/increment' }],
  ['POST', '/v1/kv/a/increment', { route: 'increment', key: 'a' }],
  ['POST', '/v1/kv/a/increment/increment?x', { route: 'increment', key: 'a/increment' }],
  ['POST', '/v1/kv/a', { route: 'unknown' }],
  ['GET', '/v1/kv/', { route: 'value', key: '' }],
  ['GET', '/v1/kv', { route: 'unknown' }],
  ['GET', '/value', { route: 'unknown' }],
  ['GET', '/v1/cluster?timeout=5', { route: 'cluster' }],
  ['GET', '/livez', { route: 'live' }],
  ['GET', '/healthz', { route: 'live' }],
  ['GET', '/readyz', { route: 'ready' }],
  ['OPTIONS', '*', { route: 'unknown' }],
  ['GET', 'http://127.0.0.1:8101/livez', { route: 'live' }],
  ['PUT', 'HTTP://a/v1/kv/b?ttl=1', { route: 'value', key: 'b' }],
  ['GET', 'http://a?x', { route: 'unknown' }]
])('%s %s', (method, url, target) => {
  expect(targetOf(method, url)).toEqual(target)
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
  ['_x', 'base64url', /not base64url in canonical form/],
  ['a', 'hex', /encoding/]
])('key %s with encoding %s is refused', (text, encoding, line) => {
  expect(() => keyOf(text, encoding)).toThrow(line)
})

test('a key holds 4,096 bytes and no more, however it is written', () => {
  expect(keyOf('%6b'.repeat(4_096), undefined)).toHaveLength(4_096)
  const long = (): Uint8Array => keyOf('k'.repeat(4_097), undefined)
  expect(long).toThrow(expect.objectContaining({ code: 'too_large' }))
})

test('a query takes each known name once, in bounds', () => {
  const query = queryOf('/v1/kv/a?ttl=5&timeout=10', ['ttl', 'timeout'])
  expect(countIn(query, 'ttl', { min: 1, max: 5 })).toBe(5)
  expect(countIn(query, 'limit', { min: 1, max: 5 })).toBeUndefined()
  expect(() => countIn(query, 'timeout', { min: 1, max: 9 })).toThrow(/from 1 to 9/)
  expect(() => queryOf('/v1/kv/a?tll=5', ['ttl'])).toThrow(/unknown query parameter "tll"/)
  expect(() => queryOf('/v1/kv/a?ttl=5&ttl=5', ['ttl'])).toThrow(/twice/)
  for (const text of ['-1', '1.5', '1e3', '', '0x1', '99999999999999999999']) {
    const odd = queryOf(`/?ttl=${text}`, ['ttl'])
    expect(() => countIn(odd, 'ttl', { min: 0, max: 9 })).toThrow(BadRequest)
  }
})

test.each([
  ['', 1],
  ['{}', 1],
  ['{"by":-5}', -5],
  ['{"by":9007199254740991}', 9_007_199_254_740_991]
])('the increment %s is by %d', (text, by) => {
  expect(incrementOf(utf8(text))).toBe(by)
})

test.each([
  '{"by":1.5}',
  '{"by":"1"}',
  '{"by":null}',
  '{"to":1}',
  '[]',
  'null',
  '{',
  '{"by":1e999}'
])('the increment %s is refused', (text) => {
  expect(() => incrementOf(utf8(text))).toThrow(BadRequest)
})

test('a condition is one strong tag; a read may name several, weak ones too', () => {
  expect(revisionOf('"17"', 'If-Match')).toBe(17)
  for (const header of [
    '17',
    '*',
    '"01"',
    '"00"',
    'W/"17"',
    '"1", "2"',
    '"x"',
    '"99999999999999999"'
  ]) {
    expect(() => revisionOf(header, 'If-Match')).toThrow(/If-Match/)
  }
  expect(names('"1", W/"17"', 17)).toBe(true)
  expect(names('*', 17)).toBe(true)
  expect(names('"1", "7"', 17)).toBe(false)
})
