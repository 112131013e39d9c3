import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keyText, Layer } from '../../../src/storage/layer.ts'
import { RecordCache } from '../../../src/storage/record-cache.ts'
import { utf8 } from '../../../src/wire/bytes.ts'

const BYTES_MAX = 4_000

const group = fc.nat({ max: 2 })
const key = fc.nat({ max: 12 })
const step = fc.oneof(
  fc.record({ do: fc.constant('read' as const), group, key }),
  fc.record({
    do: fc.constant('flush' as const),
    group,
    writes: fc.array(fc.tuple(key, fc.option(fc.nat({ max: 900 }))), { maxLength: 6 })
  }),
  fc.record({ do: fc.constant('clear' as const), group })
)

// Whatever was flushed, read and pushed out before: what the cache says of a key is what the store
// has, and it never holds more than it may.
test('the cache never says anything but what the store has', () => {
  let hits = 0
  let full = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
      const cache = new RecordCache(BYTES_MAX)
      const groups = [0, 1, 2].map(() => ({
        shelf: cache.shelf(),
        store: new Map<string, number>()
      }))
      for (const one of steps) {
        const { shelf, store } = groups[one.group] as (typeof groups)[number]
        if (one.do === 'clear') {
          shelf.clear()
          store.clear()
        } else if (one.do === 'flush') {
          const layer = new Layer()
          for (const [name, length] of one.writes) {
            const at = utf8(`k${name}`)
            layer.put(keyText(at), at, length === null ? undefined : new Uint8Array(length))
            if (length === null) store.delete(`k${name}`)
            else store.set(`k${name}`, length)
          }
          shelf.written(layer)
        } else {
          const at = utf8(`k${one.key}`)
          const stored = store.get(`k${one.key}`)
          const slot = shelf.find(keyText(at))
          if (slot !== undefined) {
            hits++
            expect(slot.value?.length).toBe(stored)
          } else if (stored !== undefined) shelf.keep(keyText(at), at, new Uint8Array(stored))
        }
        if (cache.bytes > BYTES_MAX / 2) full++
        expect(cache.bytes).toBeLessThanOrEqual(BYTES_MAX)
        expect(cache.bytes).toBeGreaterThanOrEqual(0)
      }
    }),
    { numRuns: 500 }
  )
  expect(hits).toBeGreaterThan(200)
  expect(full).toBeGreaterThan(200)
})
