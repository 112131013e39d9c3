import { expect, test } from 'vitest'
import { Lives } from '../../../src/node/lives.ts'
import { NodeNotes } from '../../../src/node/notes.ts'
import { LOG_END_KEY, lifeKey, noteWrite, readNote } from '../../../src/storage/node-notes.ts'
import type { StateWrite } from '../../../src/world/state-store.ts'

const STORE = '0123456789abcdef0123456789abcdef'
const life = (bootCount: number, bootNonce: number, durableSequence: number) => ({
  storeId: STORE,
  bootCount,
  bootNonce,
  durableSequence
})

/** What was written, as a store reads it. */
class Notes {
  readonly #values = new Map<string, Uint8Array>()

  write(writes: readonly StateWrite[]): void {
    for (const { key, value } of writes)
      if (value !== undefined) this.#values.set(String(key), value)
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(String(key))
  }
}

const everybody = (): boolean => true

test('a disk is stale that started less often, or twice, or knows less than before', () => {
  const lives = new Lives(new Notes())
  expect(lives.isStale(life(3, 30, 100))).toBe(false)
  lives.saw(life(3, 30, 100))
  expect(lives.isStale(life(3, 30, 90))).toBe(false)
  expect(lives.isStale(life(3, 31, 100))).toBe(true)
  expect(lives.isStale(life(2, 20, 100))).toBe(true)
  expect(lives.isStale(life(4, 40, 99))).toBe(true)
  expect(lives.isStale(life(4, 40, 100))).toBe(false)
  lives.advanced(STORE, 150)
  expect(lives.isStale(life(4, 40, 149))).toBe(true)
  lives.advanced(STORE, 120)
  expect(lives.isStale(life(4, 40, 149))).toBe(true)
  lives.saw(life(4, 40, 150))
  expect(lives.isStale(life(3, 30, 150))).toBe(true)
})

test('what is noted is known after a restart, and written once', () => {
  const store = new Notes()
  const lives = new Lives(store)
  lives.saw(life(3, 30, 100))
  store.write(lives.notes(everybody))
  expect(lives.notes(everybody)).toEqual([])
  lives.saw(life(3, 30, 100))
  expect(lives.notes(everybody)).toEqual([])
  lives.advanced(STORE, 101)
  store.write(lives.notes(everybody))
  const next = new Lives(store)
  expect(next.isStale(life(4, 40, 100))).toBe(true)
  expect(next.isStale(life(3, 31, 101))).toBe(true)
  expect(next.isStale(life(4, 40, 101))).toBe(false)
})

test('disks of strangers are not noted, and forgotten with their link', () => {
  const lives = new Lives(new Notes())
  lives.saw(life(3, 30, 100))
  expect(lives.notes(() => false)).toEqual([])
  lives.forget(STORE)
  expect(lives.isStale(life(1, 1, 1))).toBe(false)
})

test('a note that rots is damage', () => {
  const key = lifeKey(STORE)
  const { value } = noteWrite(key, [3, 30, 100]) as { value: Uint8Array }
  for (let bit = 0; bit < value.length * 8; bit++) {
    const rotten = value.slice()
    rotten[bit >> 3] = (rotten[bit >> 3] as number) ^ (1 << (bit & 7))
    expect(() => readNote({ get: () => rotten }, key, 3)).toThrow('damaged')
  }
  for (let length = 0; length < value.length; length++) {
    expect(() => readNote({ get: () => value.subarray(0, length) }, key, 3)).toThrow('damaged')
  }
  // Under another key it is not that note.
  expect(() => readNote({ get: () => value }, LOG_END_KEY, 3)).toThrow('damaged')
  expect(readNote({ get: () => value }, key, 3)).toEqual([3, 30, 100])
})

test('notes go along with flushes, or by themselves after ten seconds', () => {
  let now = 0
  const log = { durableSequence: 5 }
  const clock = { monotonic: () => now, wall: () => 0 }
  const lives: StateWrite[] = []
  const notes = new NodeNotes({ clock, log, lives: () => lives.splice(0) })
  expect(notes.due).toBe(false)
  expect(notes.take()).toEqual([noteWrite(LOG_END_KEY, [5])])
  expect(notes.take()).toEqual([])
  now = 9_999
  expect(notes.due).toBe(false)
  now = 10_000
  expect(notes.due).toBe(true)
  log.durableSequence = 6
  lives.push(noteWrite(lifeKey(STORE), [1, 2, 3]))
  expect(notes.take()).toHaveLength(2)
  expect(notes.due).toBe(false)
})
