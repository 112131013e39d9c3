import { expect, test } from 'vitest'
import { durationMs } from '../../../src/cli/duration.ts'

test.each([
  ['500ms', 500],
  ['10s', 10_000],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['0s', 0],
  ['010s', 10_000]
])('%s is %d ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms)
})

test.each([
  ...['', '10', 's', '10S', '10 s', ' 10s', '10s ', '-1s', '+1s', '1.5h', '1e3ms', '1h30m', '1w'],
  '999999999999d'
])('%o is none', (text) => {
  expect(durationMs(text)).toBeUndefined()
})
