import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareBytes, Malformed, utf8 } from '../../../src/wire/bytes.ts'
import { SCAN_BYTES_MAX, SCAN_ENTRIES_MAX } from '../../../src/wire/limits.ts'
import {
  behindKey,
  decodeScan,
  decodeScanPage,
  encodeScan,
  encodeScanPage,
  spanOfPrefix
} from '../../../src/wire/scan.ts'

// Goal: what is asked and answered arrives as it was; anything else is Malformed and no worse.

const bytes = fc.uint8Array({ maxLength: 40 })
const key = fc.uint8Array({ minLength: 1, maxLength: 40 })
const number = fc.integer({ min: 1, max: 2 ** 40 })

const request = fc.record({
  start: bytes,
  end: fc.option(bytes, { nil: undefined }),
  reverse: fc.boolean(),
  keysOnly: fc.boolean(),
  entriesMax: fc.integer({ min: 1, max: SCAN_ENTRIES_MAX }),
  bytesMax: fc.integer({ min: 0, max: SCAN_BYTES_MAX })
})

const entry = fc.oneof(
  fc.record({ key, value: bytes, revision: number }),
  fc.record({ key, value: bytes, revision: number, expiresInMs: number, expiresAt: number })
)

const page = fc.record({
  entries: fc.array(entry, { maxLength: 5 }),
  next: fc.option(key, { nil: undefined }),
  lapse: fc.option(fc.record({ revision: number, expiresAt: number }), { nil: undefined })
})

test('a request and a page come back as they were', () => {
  fc.assert(
    fc.property(request, page, (scan, one) => {
      expect(decodeScan(encodeScan(scan))).toEqual(scan)
      expect(decodeScanPage(encodeScanPage(one))).toEqual(one)
    })
  )
})

test('any other bytes are refused or read, and do nothing else', () => {
  const hostile = fc.tuple(fc.oneof(request.map(encodeScan), page.map(encodeScanPage)), bytes)
  fc.assert(
    fc.property(hostile, fc.nat(), ([sound, noise], at) => {
      const spoilt = sound.slice()
      spoilt.set(noise.subarray(0, sound.length), at % Math.max(1, sound.length - noise.length))
      for (const decode of [decodeScan, decodeScanPage]) {
        try {
          decode(spoilt)
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed)
        }
      }
    })
  )
})

test('a page of no size, or of more than may be, is refused', () => {
  const scan = { start: utf8('a'), end: undefined, reverse: false, keysOnly: false }
  for (const [entriesMax, bytesMax] of [
    [0, 1],
    [SCAN_ENTRIES_MAX + 1, 1],
    [1, SCAN_BYTES_MAX + 1]
  ] as const) {
    const bad = encodeScan({ ...scan, entriesMax, bytesMax })
    expect(() => decodeScan(bad)).toThrow(Malformed)
  }
})

test('the span of a prefix holds just what begins with it', () => {
  const short = fc.uint8Array({ maxLength: 4 }).map((all) => all.map((one) => one | 0xfc))
  fc.assert(
    fc.property(short, short, (prefix, one) => {
      const { start, end } = spanOfPrefix(prefix)
      const begins = prefix.every((byte, i) => one[i] === byte)
      const isIn =
        compareBytes(one, start) >= 0 && (end === undefined || compareBytes(one, end) < 0)
      expect(isIn).toBe(begins)
    })
  )
})

test('nothing is between a key and the one behind it', () => {
  expect(behindKey(utf8('a'))).toEqual(utf8('a\0'))
})
