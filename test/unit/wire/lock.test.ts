import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter, Malformed, utf8 } from '../../../src/wire/bytes.ts'
import { decodeCommand, encodeCommand, type Operation } from '../../../src/wire/command.ts'
import {
  LOCK_OWNER_BYTES_MAX,
  LOCK_PLACES_AT_ONCE_MAX,
  LOCK_TTL_MS_MAX,
  LOCK_TTL_MS_MIN
} from '../../../src/wire/limits.ts'
import {
  readLockName,
  readLockPlace,
  writeLockName,
  writeLockPlace
} from '../../../src/wire/lock.ts'
import { decodeLockView, encodeLockView } from '../../../src/wire/lock-result.ts'
import { lockNames, lockViews } from './lock-arbitraries.ts'
import type { Ingredients } from './transaction-arbitraries.ts'

// Goal: what is said of locks comes back as it was written, and nothing beyond the bounds is taken.
// Commands and results are in command.test.ts, with all others.

const count = fc.maxSafeNat()
const key = fc.uint8Array({ minLength: 1, maxLength: 40 })
const views = lockViews({ count } as Ingredients)

test('names and places come back', () => {
  fc.assert(
    fc.property(lockNames({ key }), count, (name, number) => {
      const writer = new ByteWriter()
      writeLockName(writer, name)
      writeLockPlace(writer, { ...name, number })
      const reader = new ByteReader(writer.finish())
      expect(readLockName(reader)).toEqual(name)
      expect(readLockPlace(reader)).toEqual({ ...name, number })
      reader.end()
    })
  )
})

test('a view of a lock comes back', () => {
  fc.assert(
    fc.property(views, (view) => {
      expect(decodeLockView(encodeLockView(view))).toEqual(view)
    })
  )
})

test('any bytes are a view of a lock or Malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
      try {
        const view = decodeLockView(bytes)
        expect(decodeLockView(encodeLockView(view))).toEqual(view)
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
      }
    }),
    { numRuns: 1_000 }
  )
})

test('a ttl, an owner or a list of places beyond the bounds is refused', () => {
  const read = (operation: Operation): Operation =>
    decodeCommand(
      encodeCommand({ session: '0f'.repeat(16), seq: 1, ackedUpTo: 0, basis: 0, operation })
    ).operation
  const acquire = {
    type: 'acquire',
    key: utf8('k'),
    guard: false,
    shared: false,
    wait: true,
    ttlMs: LOCK_TTL_MS_MIN,
    owner: 'o'.repeat(LOCK_OWNER_BYTES_MAX)
  } as const
  expect(read(acquire)).toEqual(acquire)
  expect(() => read({ ...acquire, ttlMs: LOCK_TTL_MS_MIN - 1 })).toThrow(Malformed)
  expect(() => read({ ...acquire, ttlMs: LOCK_TTL_MS_MAX + 1 })).toThrow(Malformed)
  expect(() => read({ ...acquire, owner: `${acquire.owner}o` })).toThrow(Malformed)
  expect(() => read({ ...acquire, key: new Uint8Array(0) })).toThrow(Malformed)
  const place = { key: utf8('k'), guard: true, number: 1, renewals: 0 }
  const many = Array.from({ length: LOCK_PLACES_AT_ONCE_MAX }, () => place)
  expect(read({ type: 'expire', places: many })).toEqual({ type: 'expire', places: many })
  expect(() => read({ type: 'expire', places: [...many, place] })).toThrow(Malformed)
  expect(() => read({ type: 'renew', places: [] })).toThrow(Malformed)
  expect(() => read({ type: 'renew', places: [{ ...place, ttlMs: 1 }] })).toThrow(Malformed)
})
