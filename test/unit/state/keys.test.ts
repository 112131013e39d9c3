import { expect, test } from 'vitest'
import { canonicalInteger, decodeRecord, encodeRecord, isSound } from '../../../src/state/keys.ts'
import { dataKey } from '../../../src/state/layout.ts'
import { Malformed, utf8 } from '../../../src/wire/bytes.ts'
import type { Result } from '../../../src/wire/result.ts'
import { Runner } from './fixture.ts'

// Goal: each data command does what the contract (§3) says, condition by condition, and every
// command, refused ones too, takes the next number.

const result = (value: Result) => ({ type: 'result', result: value })

test('a put is written under its number and keeps when it was created', () => {
  const on = new Runner()
  expect(on.put('a', 'one')).toEqual(result({ type: 'written', revision: 1 }))
  expect(on.put('a', 'two')).toEqual(result({ type: 'written', revision: 2 }))
  expect(on.read('a')).toEqual(['two', 2, 1, undefined])
  expect(on.read('b')).toBeUndefined()
})

test('revisions go on after a delete', () => {
  const on = new Runner()
  on.put('a', 'one')
  expect(on.delete('a')).toEqual(result({ type: 'deleted', revision: 2 }))
  expect(on.read('a')).toBeUndefined()
  expect(on.delete('a')).toEqual(result({ type: 'absent' }))
  expect(on.put('a', 'two')).toEqual(result({ type: 'written', revision: 4 }))
  expect(on.read('a')).toEqual(['two', 4, 4, undefined])
  expect(on.machine.keyCount).toBe(1)
})

test('a condition that fails changes nothing but takes a number', () => {
  const on = new Runner()
  on.put('a', 'one')
  expect(on.put('a', 'x', { ifRevision: 0 })).toEqual(result({ type: 'conflict', revision: 1 }))
  expect(on.put('a', 'x', { ifRevision: 7 })).toEqual(result({ type: 'conflict', revision: 1 }))
  expect(on.put('b', 'x', { ifRevision: 7 })).toEqual(result({ type: 'conflict', revision: 0 }))
  expect(on.delete('a', { ifRevision: 2 })).toEqual(result({ type: 'conflict', revision: 1 }))
  expect(on.increment('b', 1, { ifRevision: 9 })).toEqual(result({ type: 'conflict', revision: 0 }))
  expect(on.machine.counter).toBe(6)
  expect(on.read('a')).toEqual(['one', 1, 1, undefined])
  expect(on.put('b', 'new', { ifRevision: 0 })).toEqual(result({ type: 'written', revision: 7 }))
  expect(on.delete('a', { ifRevision: 1 })).toEqual(result({ type: 'deleted', revision: 8 }))
  expect(on.delete('a', { ifRevision: 0 })).toEqual(result({ type: 'absent' }))
})

test('increment counts from zero and keeps the expiry', () => {
  const on = new Runner()
  expect(on.increment('n', 5)).toEqual(result({ type: 'counted', value: 5, revision: 1 }))
  expect(on.increment('n', -7)).toEqual(result({ type: 'counted', value: -2, revision: 2 }))
  expect(on.read('n')).toEqual(['-2', 2, 1, undefined])
  on.put('n', '10', { ttlMs: 500 })
  const counted = { type: 'counted', value: 11, revision: 4, expiresInMs: 500 } as const
  expect(on.increment('n', 1)).toEqual(result(counted))
  expect(on.read('n')).toEqual(['11', 4, 1, 1_000_500])
  on.put('n', '1')
  expect(on.read('n')).toEqual(['1', 5, 1, undefined])
})

test('increment refuses what is no safe integer, before and after', () => {
  const on = new Runner()
  const max = Number.MAX_SAFE_INTEGER
  for (const [text, by] of [
    ['x', 1],
    ['', 1],
    [String(max), 1],
    [String(-max), -1]
  ] as const) {
    on.put('n', text)
    expect(on.increment('n', by), text).toEqual(result({ type: 'not-a-number' }))
    expect(on.read('n')?.[0]).toBe(text)
  }
  on.put('n', String(max - 1))
  expect(on.increment('n', 1)).toMatchObject(result({ type: 'counted', value: max, revision: 10 }))
})

test('only the canonical decimal text of a safe integer is a number', () => {
  const yes = ['0', '1', '-1', '10', '9007199254740991', '-9007199254740991']
  for (const text of yes) expect(canonicalInteger(utf8(text)), text).toBe(Number(text))
  const no = ['', '-', '-0', '+1', ' 1', '1 ', '1e3', '01', '-01', '0x1', '1.0', '1.', '٣', '--1']
  const big = ['9007199254740992', '-9007199254740992', '99999999999999999', '1'.repeat(400)]
  for (const text of [...no, ...big]) expect(canonicalInteger(utf8(text)), text).toBeUndefined()
})

test('from its expiry on a key is absent to everything', () => {
  const on = new Runner()
  on.put('a', '1', { ttlMs: 100 })
  on.time += 99
  on.run({ type: 'tick' })
  expect(on.read('a')).toEqual(['1', 1, 1, 1_000_100])
  on.time += 1
  on.run({ type: 'tick' })
  expect(on.read('a')).toBeUndefined()
  expect(on.put('a', '2', { ifRevision: 1 })).toEqual(result({ type: 'conflict', revision: 0 }))
  // The end of the old one has 5.
  expect(on.increment('a', 4)).toEqual(result({ type: 'counted', value: 4, revision: 6 }))
  expect(on.read('a')).toEqual(['4', 6, 6, undefined])
  on.put('a', '2', { ttlMs: 0 })
  expect(on.delete('a')).toEqual(result({ type: 'absent' }))
  expect(on.machine.keyCount).toBe(0)
})

test('a touch sets the expiry, keeps the value, and moves the revision', () => {
  const on = new Runner()
  expect(on.touch('a', 100)).toEqual(result({ type: 'absent' }))
  expect(on.read('a')).toBeUndefined()
  on.put('a', '1')
  expect(on.touch('a', 100)).toEqual(result({ type: 'written', revision: 3 }))
  expect(on.read('a')).toEqual(['1', 3, 2, 1_000_100])
  on.time += 99
  expect(on.touch('a', 100, { ifRevision: 2 })).toEqual(result({ type: 'conflict', revision: 3 }))
  expect(on.touch('a', 100, { ifRevision: 3 })).toEqual(result({ type: 'written', revision: 5 }))
  expect(on.read('a')).toEqual(['1', 5, 2, 1_000_199])
  expect(on.touch('a')).toEqual(result({ type: 'written', revision: 6 }))
  expect(on.read('a')).toEqual(['1', 6, 2, undefined])
  on.touch('a', 1)
  on.time += 1
  expect(on.touch('a')).toEqual(result({ type: 'absent' }))
  expect(on.touch('a', 5, { ifRevision: 7 })).toEqual(result({ type: 'conflict', revision: 0 }))
  expect(on.read('a')).toBeUndefined()
})

test('entry time never goes back, and no ttl is too long', () => {
  const on = new Runner()
  on.put('a', '1', { ttlMs: 10 })
  on.time += 10
  on.run({ type: 'tick' })
  on.time -= 5
  on.run({ type: 'tick' })
  expect(on.machine.time).toBe(1_000_010)
  expect(on.read('a')).toBeUndefined()
  on.put('b', '1', { ttlMs: Number.MAX_SAFE_INTEGER })
  expect(on.read('b')?.[3]).toBe(Number.MAX_SAFE_INTEGER)
})

test('a record knows its key and every one of its bits', () => {
  for (const length of [0, 3, 100, 1_000]) {
    const at = dataKey(utf8('key'))
    const value = new Uint8Array(length).fill(65)
    const record = { value, revision: 2 ** 40, created: 3, expiresAt: 2 ** 41 + 1 }
    const bytes = encodeRecord(at, record)
    expect(decodeRecord(bytes)).toEqual(record)
    expect(isSound(at, bytes)).toBe(true)
    expect(isSound(dataKey(utf8('kez')), bytes)).toBe(false)
    for (let i = 0; i < bytes.length; i++) {
      const flipped = bytes.slice()
      flipped[i] = (flipped[i] as number) ^ (1 << (i & 7))
      expect(isSound(at, flipped), `byte ${i}`).toBe(false)
    }
  }
  expect(() => decodeRecord(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 9, 1, 1))).toThrow(Malformed)
  expect(isSound(dataKey(utf8('a')), new Uint8Array(4))).toBe(false)
})
