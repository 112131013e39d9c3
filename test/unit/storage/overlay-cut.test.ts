import { expect, test } from 'vitest'
import { World } from '../../../src/simulation/world.ts'
import type { CutPage } from '../../../src/storage/overlay-cut.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import { OverlayHarness } from './overlay-harness.ts'

// Goal: a page is what a group held at the moment of the call, in order, wherever it stood then.
// Method: random changes and flushes; cuts begin at any moment, and things go on while they read.

const KEYS = 40
const keyOf = (n: number): string => `k${String(n).padStart(2, '0')}`

test('a cut shows one moment, whatever is set and flushed around it', () => {
  for (let seed = 0; seed < 60; seed++) {
    const harness = new OverlayHarness(`cut ${seed}`)
    const random = new World(`cut ${seed}`).random.fork('changes')
    const model = new Map<string, string>()
    let flushing = false
    let checked = 0
    let begun = 0
    for (let step = 0; step < 300; step++) {
      const drawn = random.below(20)
      if (drawn < 12) {
        const key = keyOf(random.below(KEYS))
        const value = random.below(3) === 0 ? undefined : `${step}`
        harness.set(1, key, value)
        if (value === undefined) model.delete(key)
        else model.set(key, value)
      } else if (drawn < 14 && !flushing) {
        flushing = true
        harness.overlay.flush(
          () => {},
          () => {
            flushing = false
          }
        )
      } else if (drawn < 17) {
        const reverse = random.below(2) === 0
        const low = random.below(KEYS)
        const high = low + random.below(KEYS - low + 1)
        const limit = 1 + random.below(6)
        const range = { gte: utf8(keyOf(low)), lt: utf8(keyOf(high)), reverse }
        const then = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
        begun++
        harness.overlay.cut(1, { range, limit }, (fault, page) => {
          expect(fault).toBeUndefined()
          const span = spanOf(page, { low: keyOf(low), high: keyOf(high), reverse })
          const within = then.filter(([key]) => key >= span.low && key < span.high)
          expect(textOf(page)).toEqual(reverse ? within.reverse() : within)
          if (page.next === undefined) expect(span).toEqual({ low: keyOf(low), high: keyOf(high) })
          else expect(span.high > span.low).toBe(true)
          checked++
        })
      } else harness.run(random.below(4))
    }
    harness.run(1_000)
    expect(checked).toBe(begun)
  }
})

function spanOf(
  { next }: CutPage,
  { low, high, reverse }: { low: string; high: string; reverse: boolean }
): { low: string; high: string } {
  if (next === undefined) return { low, high }
  const bound = utf8Text(next) ?? '?'
  return reverse ? { low: bound, high } : { low, high: bound }
}

function textOf({ entries }: CutPage): [string, string][] {
  return entries.map(([key, value]) => [utf8Text(key) ?? '?', utf8Text(value) ?? '?'])
}
