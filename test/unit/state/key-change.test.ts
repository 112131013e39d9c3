import { expect, test } from 'vitest'
import { encodeBody } from '../../../src/state/entry-body.ts'
import { changedKey, changedValue, type KeyChange } from '../../../src/state/key-change.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import { encodeCommand, type Operation } from '../../../src/wire/command.ts'
import { Runner } from './fixture.ts'

// Goal: whoever listens is told every change of a key, once, in the order of apply, with a position
// that rises and a revision that rises for each key; and nothing that is no change.

function listening(): { readonly on: Runner; readonly told: string[]; readonly all: KeyChange[] } {
  const on = new Runner()
  const told: string[] = []
  const all: KeyChange[] = []
  on.machine.listener = (change) => {
    all.push(change)
    const value = changedValue(change)
    const what = value === undefined ? (change.expired ? 'expired' : 'gone') : utf8Text(value)
    told.push(`${change.position} ${utf8Text(changedKey(change))} ${what} ${change.revision}`)
  }
  return { on, told, all }
}

test('puts, increments, touches and deletes are told with their numbers', () => {
  const { on, told } = listening()
  on.put('a', '1')
  on.increment('a', 4)
  on.touch('a', 1_000)
  on.delete('a')
  expect(told).toEqual(['1 a 1 1', '2 a 5 2', '3 a 5 3', '4 a gone 4'])
})

test('what changes nothing is not told', () => {
  const { on, told } = listening()
  on.delete('a')
  on.touch('a', 10)
  on.put('a', 'x', { ifRevision: 9 })
  on.put('t', 'text')
  on.increment('t', 1)
  on.run({ type: 'tick' })
  expect(told).toEqual(['4 t text 4'])
})

test('an expired key that is written over is told as gone, and then as written', () => {
  const { on, told, all } = listening()
  on.put('a', 'old', { ttlMs: 10 })
  on.time += 10
  expect(on.put('a', 'new')).toEqual({ type: 'result', result: { type: 'written', revision: 3 } })
  expect(told).toEqual(['1 a old 1', '2 a expired 2', '2 a new 3'])
  expect(all[1]?.position).toBe(all[2]?.position)
  on.put('a', 'newer')
  expect(told.at(-1)).toBe('4 a newer 4')
})

test('an expired key that is deleted is told as expired', () => {
  const { on, told } = listening()
  on.put('a', 'old', { ttlMs: 10 })
  on.time += 10
  expect(on.delete('a')).toEqual({ type: 'result', result: { type: 'absent' } })
  expect(told).toEqual(['1 a old 1', '2 a expired 2'])
  on.delete('a')
  expect(told).toHaveLength(2)
})

const gone = { type: 'delete', key: utf8('gone') } as const
const put = (key: string, value: string) =>
  ({ type: 'put', key: utf8(key), value: utf8(value) }) as const

test('a transaction in one group is told as one, with one position', () => {
  const { on, told } = listening()
  on.put('old', 'x', { ttlMs: 5 })
  on.put('gone', 'x')
  on.time += 5
  const writes = [put('a', '1'), put('old', '2'), gone]
  on.run({ type: 'transact', inOrder: false, parts: [{ group: 1, basis: 0, checks: [], writes }] })
  expect(told.slice(2)).toEqual(['3 a 1 4', '3 old expired 3', '3 old 2 4', '3 gone gone 4'])
})

/** Under one and the same name, of a transaction of others. */
function asTransaction({ machine, time }: Runner, operation: Operation): void {
  const numbers = { session: 'f'.repeat(32), seq: 1, ackedUpTo: 0, basis: 0 }
  const body = encodeBody(time, [encodeCommand({ ...numbers, operation })])
  machine.apply(machine.applied.index + 1, 1, body)
}

test('a prepared part is told at its decision, under the revision it was promised', () => {
  const { on, told } = listening()
  on.put('gone', 'x')
  const work = { checks: [], writes: [put('a', '1'), gone] }
  asTransaction(on, { type: 'prepare', anchor: 9, anchorBasis: 0, work })
  on.put('b', 'between')
  expect(told).toEqual(['1 gone x 1', '3 b between 3'])
  asTransaction(on, { type: 'resolve', committed: true })
  expect(told.slice(2)).toEqual(['4 a 1 2', '4 gone gone 2'])
  asTransaction(on, { type: 'resolve', committed: true })
  expect(told).toHaveLength(4)
})

test('what is aborted is not told', () => {
  const { on, told } = listening()
  const work = { checks: [], writes: [put('a', '1')] }
  asTransaction(on, { type: 'prepare', anchor: 9, anchorBasis: 0, work })
  asTransaction(on, { type: 'resolve', committed: false })
  expect(told).toEqual([])
})
