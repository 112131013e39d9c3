import { expect, test } from 'vitest'
import { Spans } from '../../../src/world/spans.ts'

test('the first to begin after a moment is found, whatever ended first', () => {
  const spans = new Spans()
  expect(spans.firstFrom(0)).toBeUndefined()
  expect(spans.longestFrom(0)).toBe(0)
  spans.remember(10, 15)
  spans.remember(30, 31)
  spans.remember(20, 40)
  expect(spans.firstFrom(5)).toEqual({ began: 10, ended: 15 })
  expect(spans.firstFrom(10)).toEqual({ began: 10, ended: 15 })
  expect(spans.firstFrom(11)).toEqual({ began: 20, ended: 40 })
  expect(spans.firstFrom(31)).toBeUndefined()
  expect(spans.longestFrom(0)).toBe(20)
  expect(spans.longestFrom(41)).toBe(0)
})

test('what is long past is forgotten', () => {
  const spans = new Spans()
  for (let at = 0; at < 10_000; at++) spans.remember(at, at + 1)
  expect(spans.firstFrom(0)?.began).toBeGreaterThan(5_000)
  expect(spans.firstFrom(9_000)).toEqual({ began: 9_000, ended: 9_001 })
})
