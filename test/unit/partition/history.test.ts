import { expect, test } from 'vitest'
import { History } from '../../../src/partition/history.ts'
import { utf8 } from '../../../src/wire/bytes.ts'

// Goal: a history shows what came behind a position, whole commands and in order, and forgets whole
// commands, the oldest first, but never the last.

const change = (position: number, key = 'ka') => {
  const record = new Uint8Array(100)
  return { position, at: utf8(key), record, revision: position, expired: false }
}

const shown = (history: History, position: number): string[] =>
  [...history.after(position)].map(({ change: one, place }) => `${one.position}.${place}`)

test('it shows what came behind a position', () => {
  const history = new History(10)
  for (const position of [12, 12, 15, 16]) history.add(change(position))
  expect(shown(history, 10)).toEqual(['12.0', '12.1', '15.0', '16.0'])
  expect(shown(history, 12)).toEqual(['15.0', '16.0'])
  expect(shown(history, 14)).toEqual(['15.0', '16.0'])
  expect(shown(history, 16)).toEqual([])
  expect(shown(history, 99)).toEqual([])
  expect([history.floor, history.latest, history.count]).toEqual([10, 16, 4])
})

test('it forgets whole commands, and says from where on it knows', () => {
  const history = new History(0)
  for (const position of [1, 1, 1, 2, 3]) history.add(change(position))
  history.shrink(4, Number.POSITIVE_INFINITY)
  expect(history.floor).toBe(1)
  expect(shown(history, 1)).toEqual(['2.0', '3.0'])
  history.shrink(100, history.bytes / 2)
  expect(history.floor).toBe(2)
  expect(shown(history, 2)).toEqual(['3.0'])
})

test('the last command stays, however large', () => {
  const history = new History(0)
  history.add(change(1))
  for (let i = 0; i < 5; i++) history.add(change(2))
  history.shrink(1, 1)
  expect(shown(history, 1)).toHaveLength(5)
  expect(history.floor).toBe(1)
})

test('it does not grow while it forgets as much as it learns', () => {
  const history = new History(0)
  for (let position = 1; position <= 10_000; position++) {
    history.add(change(position))
    history.shrink(50, Number.POSITIVE_INFINITY)
  }
  expect(history.count).toBe(50)
  expect(history.floor).toBe(9_950)
  expect(shown(history, 9_998)).toEqual(['9999.0', '10000.0'])
  expect(history.bytes).toBe(50 * (160 + 2 + 100))
})
