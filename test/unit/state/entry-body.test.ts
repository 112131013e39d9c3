import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBody, encodeBody } from '../../../src/state/entry-body.ts'
import { Malformed } from '../../../src/wire/bytes.ts'

// Goal: an entry's body comes back as it was made, and anything else is Malformed, never more.

test('a body comes back as it was', () => {
  const commands = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 })
  fc.assert(
    fc.property(fc.maxSafeNat(), commands, (time, given) => {
      const { version, time: back, commands: read } = decodeBody(encodeBody(time, given))
      expect([version, back, read]).toEqual([1, time, given])
    })
  )
})

test('what is no body is Malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeBody(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
      }
    })
  )
  const body = encodeBody(5, [Uint8Array.of(1, 2)])
  expect(() => decodeBody(body.subarray(0, body.length - 1))).toThrow(Malformed)
  expect(() => decodeBody(Uint8Array.of(...body, 0))).toThrow(Malformed)
  expect(() => decodeBody(Uint8Array.of(2, 0, 0))).toThrow(/version/)
  expect(() => decodeBody(Uint8Array.of(1, 0, 0xff, 0xff, 0xff, 0xff, 1))).toThrow(Malformed)
})
