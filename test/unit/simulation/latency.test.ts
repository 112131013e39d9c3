import { expect, test } from 'vitest'
import { drawDelay, SPREADS } from '../../../src/simulation/latency.ts'
import { seededRandom } from '../../../src/world/random.ts'

const drawn = (spread: (typeof SPREADS)[number]): number[] => {
  const random = seededRandom(spread)
  return Array.from({ length: 10_000 }, () => drawDelay([10, 110], spread, random)).sort(
    (a, b) => a - b
  )
}

test('every delay is within its bounds', () => {
  for (const spread of SPREADS) {
    const delays = drawn(spread)
    expect(delays[0]).toBeGreaterThanOrEqual(10)
    expect(delays.at(-1)).toBeLessThanOrEqual(110)
  }
})

test('even delays are even, tails thin out, spikes are rare and long', () => {
  const at = (spread: (typeof SPREADS)[number], share: number): number =>
    Math.round(drawn(spread)[Math.floor(share * 10_000)] ?? 0)
  expect(
    [0.1, 0.5, 0.9].map((share) => Math.abs(at('even', share) - (10 + share * 100)) < 3)
  ).toEqual([true, true, true])
  expect(at('tail', 0.5)).toBeLessThan(22)
  expect(at('tail', 0.999)).toBeGreaterThan(80)
  expect(at('spikes', 0.94)).toBeLessThan(16)
  expect(at('spikes', 0.96)).toBe(110)
})
