import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BadRequest } from '../../../src/gateway/bad-request.ts'
import { headerReader, queryReader } from '../../../src/gateway/parameters.ts'

const size = { type: 'integer', minimum: 1, maximum: 9 } as const
const color = { type: 'string', enum: ['red', 'green'] } as const
const tag = { type: 'string', pattern: '^"[0-9]+"$', title: 'one tag' } as const
const open = { type: 'boolean' } as const

const read = queryReader({ size, color, open })

test('a query takes each known name once, as what its schema says', () => {
  expect(read('/a')).toEqual({})
  expect(read('/a?')).toEqual({})
  expect(read('/a?size=5&open=false')).toEqual({ size: 5, open: false })
  expect(read('/a?color=%72ed')).toEqual({ color: 'red' })
})

test.each([
  ['?sze=5', 'unknown query parameter "sze"; this call takes: size, color, open'],
  ['?size=5&size=5', 'size is given twice'],
  ['?size=10', 'size must be a whole number from 1 to 9'],
  ['?color=blue', 'color must be red or green'],
  ['?open=1', 'open must be true or false'],
  ['?__proto__=1', 'unknown query parameter "__proto__"; this call takes: size, color, open']
])('%s is refused: %s', (url, line) => {
  expect(() => read(url)).toThrow(new BadRequest(line))
})

test.each(['-1', '1.5', '1e0', '', '0x1', ' 1', '99999999999999999999'])(
  '%j is no whole number within bounds',
  (text) => {
    expect(() => read(`/?size=${encodeURIComponent(text)}`)).toThrow(/whole number/)
  }
)

test('whatever stands in a query, it is read or a BadRequest', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        read(`/a?${text}`)
      } catch (error) {
        expect(error).toBeInstanceOf(BadRequest)
      }
    })
  )
})

test('headers are read by their schemas, and those that matter are never passed over', () => {
  const headers = headerReader({ 'if-match': tag }, ['if-match', 'if-none-match'])
  expect(headers({ host: 'a' })).toEqual({})
  expect(headers({ 'if-match': '"1"' })).toEqual({ 'if-match': '"1"' })
  expect(() => headers({ 'if-match': '1' })).toThrow('If-Match must be one tag')
  expect(() => headers({ 'if-none-match': '"1"' })).toThrow(
    'this call does not take the header If-None-Match'
  )
})
