import { expect, test } from 'vitest'
import { Freshness } from '../../../src/partition/freshness.ts'

// Goal: a state counts as current from the moment of asking, once it has what the leader told.

test('nothing is known before somebody was asked', () => {
  expect(new Freshness().currentAt(7)).toBe(Number.NEGATIVE_INFINITY)
})

test('what is applied counts at once, from when it was asked', () => {
  const freshness = new Freshness()
  freshness.told(100, 7, 7)
  expect(freshness.currentAt(7)).toBe(100)
})

test('what is not applied yet counts when it is, and not a moment earlier', () => {
  const freshness = new Freshness()
  freshness.told(100, 7, 7)
  freshness.told(200, 9, 7)
  expect(freshness.currentAt(8)).toBe(100)
  expect(freshness.currentAt(9)).toBe(200)
})

test('a replica that always lags still gets on', () => {
  const freshness = new Freshness()
  for (let round = 1; round <= 10; round++) freshness.told(round * 100, round + 5, round)
  // Told at 100: index 6. What was told meanwhile waited for nothing.
  expect(freshness.currentAt(6)).toBeGreaterThanOrEqual(100)
  expect(freshness.currentAt(15)).toBeGreaterThanOrEqual(600)
})

test('answers that come late or twice set nothing back', () => {
  const freshness = new Freshness()
  freshness.told(200, 8, 8)
  freshness.told(100, 7, 8)
  freshness.told(200, 8, 8)
  expect(freshness.currentAt(8)).toBe(200)
})
