import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BATCH_SIZES, Histogram, LATENCY_MS } from '../../../src/world/histogram.ts'
import { Tally } from '../../../src/world/tally.ts'

test('each value is in the first bucket that it does not exceed', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 20_000, noNaN: true })), (values) => {
      const histogram = new Histogram()
      for (const value of values) histogram.observe(value)
      const expected = new Array<number>(LATENCY_MS.length + 1).fill(0)
      for (const value of values) {
        const at = LATENCY_MS.findIndex((bound) => value <= bound)
        const bucket = at < 0 ? LATENCY_MS.length : at
        expected[bucket] = (expected[bucket] ?? 0) + 1
      }
      expect([...histogram.counts]).toEqual(expected)
      expect(histogram.count).toBe(values.length)
      expect(histogram.sum).toBeCloseTo(values.reduce((sum, value) => sum + value, 0))
    })
  )
})

test('bounds rise', () => {
  for (const bounds of [LATENCY_MS, BATCH_SIZES]) {
    expect(bounds).toEqual([...new Set(bounds)].sort((a, b) => a - b))
  }
})

test('a tally keeps kinds and ends apart', () => {
  const tally = new Tally()
  tally.record('get', 'ok', 1)
  tally.record('get', 'ok', 2)
  tally.record('get', 'overloaded', 0)
  tally.record('put', 'ok', 4)
  expect(Object.fromEntries(tally.kinds.get('get')?.ends ?? [])).toEqual({ ok: 2, overloaded: 1 })
  expect(tally.kinds.get('get')?.latency.sum).toBe(3)
  expect(tally.kinds.get('put')?.latency.count).toBe(1)
})
