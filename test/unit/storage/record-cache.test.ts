import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecordCache } from '../../../src/storage/record-cache.ts'
import { RecordMap, type Slot } from '../../../src/storage/record-map.ts'
import { utf8 } from '../../../src/wire/bytes.ts'

const BYTES_MAX = 2_500

/** A group as the overlay drives its records, over a store that is a map. */
class Group {
  readonly records: RecordMap
  readonly store = new Map<string, number>()
  /** What reads must show. */
  readonly truth = new Map<string, number>()
  #flush = 1
  #dirty: Slot[] = []
  #flushing: { readonly slots: Slot[]; readonly content: Map<string, number> } | undefined

  constructor(cache: RecordCache) {
    this.records = new RecordMap(cache)
  }

  /** Whether memory knew the key; throws if what it knew is wrong. */
  read(name: string): boolean {
    const key = utf8(name)
    const slot = this.records.find(key)
    const stored = this.store.get(name)
    if (slot === undefined && stored !== undefined) this.records.keep(key, new Uint8Array(stored))
    expect(slot === undefined ? stored : slot.value?.length).toBe(this.truth.get(name))
    return slot !== undefined
  }

  /** As apply does it: with the array it read by. */
  set(name: string, length: number | undefined): void {
    const key = utf8(name)
    this.records.find(key)
    const value = length === undefined ? undefined : new Uint8Array(length)
    const slot = this.records.set(key, value, this.#flush)
    if (slot !== undefined) this.#dirty.push(slot)
    if (length === undefined) this.truth.delete(name)
    else this.truth.set(name, length)
  }

  freeze(): void {
    if (this.#flushing !== undefined) return
    this.#flushing = { slots: this.#dirty, content: new Map(this.truth) }
    this.#dirty = []
    this.#flush++
  }

  flushed(): void {
    if (this.#flushing === undefined) return
    const { slots, content } = this.#flushing
    this.store.clear()
    for (const [name, length] of content) this.store.set(name, length)
    this.records.written(slots, this.#flush - 1)
    this.#flushing = undefined
  }

  clear(): void {
    this.records.clear()
    this.store.clear()
    this.truth.clear()
    this.#dirty = []
    this.#flushing = undefined
  }
}

const KINDS = ['read', 'read', 'set', 'set', 'delete', 'freeze', 'flushed', 'clear'] as const
const step = fc.record({
  kind: fc.constantFrom(...KINDS, ...KINDS.slice(0, -1), ...KINDS.slice(0, -1)),
  group: fc.nat({ max: 2 }),
  name: fc.nat({ max: 12 }).map((n) => `k${n}`),
  length: fc.oneof(fc.nat({ max: 900 }), fc.constant(5_000))
})

// Whatever was set, flushed, read and pushed out before, in whatever order: a read shows what was
// set last, and what is in memory although the store has it never exceeds its bound.
test('records in memory and the store together are what was set', () => {
  let hits = 0
  let full = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 150 }), (steps) => {
      const cache = new RecordCache(BYTES_MAX)
      const groups = [0, 1, 2].map(() => new Group(cache))
      for (const { kind, group, name, length } of steps) {
        const one = groups[group] as Group
        if (kind === 'read') hits += Number(one.read(name))
        else if (kind === 'set') one.set(name, length)
        else if (kind === 'delete') one.set(name, undefined)
        else one[kind]()
        if (cache.bytes > BYTES_MAX / 3) full++
        expect(cache.bytes).toBeLessThanOrEqual(BYTES_MAX)
        expect(cache.bytes).toBeGreaterThanOrEqual(0)
      }
      for (const one of groups) one.clear()
      expect(cache.bytes).toBe(0)
    }),
    { numRuns: 800 }
  )
  expect(hits).toBeGreaterThan(500)
  expect(full).toBeGreaterThan(1_000)
})
