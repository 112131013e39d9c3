import { expect, test } from 'vitest'
import { META_KEY } from '../../../src/state/layout.ts'
import { loadSaved, NO_ROWS } from '../../../src/state/meta.ts'
import { QueueCheck } from '../../../src/state/queue-check.ts'
import { TableCheck } from '../../../src/state/table-check.ts'
import { Malformed } from '../../../src/wire/bytes.ts'
import { type MapTable, Runner } from './fixture.ts'

// Goal: a snapshot or a table that lost, changed or gained one record is never taken for whole.
// Method: one flush of some keys and a session, damaged in each way in turn.

function flushed(): MapTable {
  const on = new Runner()
  for (const key of ['a', 'b', 'c', 'd']) on.put(key, key.repeat(200))
  on.delete('d')
  on.put('b', 'short', { ttlMs: 5 })
  on.machine.prepareFlush()
  return on.table
}

function check(table: MapTable): void {
  const whole = new TableCheck()
  for (const [key, value] of table.records.values()) whole.add(key, value)
  whole.finish()
}

test('what a flush left is whole', () => {
  const table = flushed()
  expect(table.records.size).toBe(6)
  expect(() => check(table)).not.toThrow()
})

test('a record missing, from a later time or garbled shows', () => {
  const table = flushed()
  for (const [name, [key, value]] of table.records) {
    const hole = table.copy()
    hole.records.delete(name)
    expect(() => check(hole), `hole at ${name}`).toThrow(Malformed)
    for (let i = 0; i < value.length; i++) {
      const garbled = table.copy()
      garbled.records.set(name, [key, value.with(i, (value[i] as number) ^ 4)])
      expect(() => check(garbled), `${name} byte ${i}`).toThrow(Malformed)
    }
  }
  const later = new Runner()
  later.put('a', 'other')
  const mixed = table.copy()
  for (const [name, record] of later.table.records) mixed.records.set(name, record)
  expect(() => check(mixed)).toThrow(/not those/)
})

test('a queue of idempotency keys with a hole shows, whatever the hashes say', () => {
  const on = new Runner()
  for (const key of [1, 2, 3]) {
    const once = { key: Uint8Array.of(key), digest: new Uint8Array(32), notAfter: on.time }
    on.run({ type: 'claim', once })
  }
  on.machine.prepareFlush()
  const records = [...on.table.records.values()]
  const queue = records.filter(([key]) => key[0] === 0x69 || key[0] === 0x71)
  expect(queue.length).toBe(7)
  const checked = (of: typeof queue): void => {
    const whole = new QueueCheck()
    for (const [key, value] of of) whole.add(key, value)
    whole.finish()
  }
  expect(() => checked(queue)).not.toThrow()
  expect(() => checked([])).not.toThrow()
  for (const [i] of queue.entries()) expect(() => checked(queue.toSpliced(i, 1))).toThrow(Malformed)
})

test('a record of no kind is refused', () => {
  expect(() => new TableCheck().add(Uint8Array.of(0x7a), Uint8Array.of(1))).toThrow(Malformed)
})

test('a start refuses sessions that are not those of the flush', () => {
  const table = flushed()
  const meta = table.get(META_KEY)
  const sessions = [...table.records.values()].filter(([key]) => key.length === 17)
  expect(sessions.length).toBe(1)
  expect(loadSaved(meta, { ...NO_ROWS, sessions }).sessions.length).toBe(1)
  expect(() => loadSaved(meta, NO_ROWS)).toThrow(Malformed)
  expect(() => loadSaved(undefined, { ...NO_ROWS, sessions })).toThrow(Malformed)
  const [[key, value] = [META_KEY, META_KEY]] = sessions
  for (let i = 0; i < value.length; i++) {
    const garbled = value.with(i, (value[i] as number) ^ 1)
    const spoiled = { ...NO_ROWS, sessions: [[key, garbled]] as const }
    expect(() => loadSaved(meta, spoiled), `byte ${i}`).toThrow(Malformed)
  }
})
