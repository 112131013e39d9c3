import { expect, test } from 'vitest'
import { realClock, realTimers, systemRandom } from '../../../src/world/real.ts'

test('goal: the end of a turn comes before any timer, never inside the call', async () => {
  const order: string[] = []
  const all = new Promise<void>((resolve) => realTimers.after(5, resolve))
  realTimers.soon(() => order.push('soon'))
  realTimers.soon(() => order.push('then'))
  order.push('now')
  await all
  expect(order).toEqual(['now', 'soon', 'then'])
})

test('goal: a cancelled timer stays silent, cancelling twice does no harm', async () => {
  const fired: string[] = []
  const cancel = realTimers.after(1, () => fired.push('cancelled'))
  cancel()
  cancel()
  await new Promise<void>((resolve) => realTimers.after(10, resolve))
  expect(fired).toEqual([])
})

test('goal: the monotonic clock measures what a timer waits', async () => {
  const start = realClock.monotonic()
  await new Promise<void>((resolve) => realTimers.after(20, resolve))
  const waited = realClock.monotonic() - start
  expect(waited).toBeGreaterThanOrEqual(19)
  expect(Number.isInteger(realClock.wall())).toBe(true)
})

test('goal: numbers stay in their range and reach all of it; bytes may exceed one draw', () => {
  const random = systemRandom()
  const seen = new Set<number>()
  for (let i = 0; i < 400; i++) seen.add(random.below(6))
  expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5])
  expect(random.below(1)).toBe(0)
  const bytes = random.fork('any').bytes(150_000)
  expect(bytes.subarray(140_000).some((byte) => byte !== 0)).toBe(true)
})
