import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeGreeting, encodeHello, encodeRefused } from '../../../src/transport/greeting.ts'
import { Malformed, utf8 } from '../../../src/wire/bytes.ts'

const INSTANCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 0xff)

test('a greeting comes back', () => {
  const greeting = decodeGreeting(encodeHello(INSTANCE, 300, utf8('who I am')))
  expect(greeting).toEqual({
    type: 'hello',
    instance: '01020304050607ff',
    number: 300,
    hello: utf8('who I am')
  })
  expect(decodeGreeting(encodeRefused())).toEqual({ type: 'refused' })
})

test('the longest hello passes, a longer one does not', () => {
  const longest = new Uint8Array(64 * 1024)
  expect(decodeGreeting(encodeHello(INSTANCE, 1, longest)).type).toBe('hello')
  const longer = encodeHello(INSTANCE, 1, new Uint8Array(64 * 1024 + 1))
  expect(() => decodeGreeting(longer)).toThrow(Malformed)
})

test('anything else is Malformed and nothing worse', () => {
  for (const bytes of [[], [0], [3], [2, 0], [1], [1, 1, 2, 3]]) {
    expect(() => decodeGreeting(Uint8Array.from(bytes))).toThrow(Malformed)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        decodeGreeting(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
      }
    })
  )
})
