import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Malformed } from '../../../src/wire/bytes.ts'
import {
  bothLapses,
  decodeRead,
  encodeRead,
  isPast,
  type Lapse,
  type ReadRecord
} from '../../../src/wire/read-body.ts'

const number = fc.integer({ min: 1, max: 2 ** 50 })
const value = fc.uint8Array({ maxLength: 40 })
const lapse: fc.Arbitrary<Lapse> = fc.record({ revision: number, expiresAt: number })

test('a record comes back with what is left of its ttl; past it only its end is told', () => {
  fc.assert(
    fc.property(
      value,
      number,
      number,
      fc.integer({ min: -5, max: 5 }),
      (bytes, revision, ...at) => {
        const [expiresAt, left] = at
        const answer = decodeRead(
          encodeRead({ value: bytes, revision, expiresAt }, expiresAt - left)
        )
        const record = { value: bytes, revision, expiresInMs: left, expiresAt }
        expect(answer).toEqual(left > 0 ? { record } : { lapse: { revision, expiresAt } })
        const lasting = decodeRead(encodeRead({ value: bytes, revision }, expiresAt))
        expect(lasting).toEqual({ record: { value: bytes, revision } })
      }
    )
  )
  expect(decodeRead(encodeRead(undefined, 7))).toEqual({})
})

test('of an absent key it is told since when none like it was created, if that is known', () => {
  fc.assert(
    fc.property(fc.nat(), (index) => {
      expect(decodeRead(encodeRead(undefined, 7, index))).toEqual({ quietSince: index })
    })
  )
})

test('bytes that nobody wrote are refused as malformed, or read without harm', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      try {
        decodeRead(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
      }
    })
  )
  for (const bytes of [[0, 0, 0], [0, 0x80], [2, 1], [4, 1, 1, 0], [5, 1], [8], []]) {
    expect(() => decodeRead(Uint8Array.from(bytes))).toThrow(Malformed)
  }
})

test('two lapses together pass over what either does, and nothing that never expires', () => {
  const small = fc.integer({ min: 1, max: 5 })
  const few = fc.record({ revision: small, expiresAt: small })
  fc.assert(
    fc.property(few, few, few, lapse, (a, b, key, any) => {
      const record: ReadRecord = { value: new Uint8Array(0), ...key, expiresInMs: 1 }
      const both = bothLapses(a, b)
      const isEither = isPast(record, a) || isPast(record, b)
      if (isEither) expect(both !== undefined && isPast(record, both)).toBe(true)
      expect(isPast({ value: record.value, revision: key.revision }, any)).toBe(false)
      expect(bothLapses(a, undefined)).toEqual(a)
      expect(bothLapses(undefined, b)).toEqual(b)
    })
  )
  expect(bothLapses(undefined, undefined)).toBeUndefined()
})
