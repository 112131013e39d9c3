import { expect, test } from 'vitest'
import { readSnapshot, type SnapshotOutcome } from '../../../src/client/snapshot.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { failure } from '../../../src/wire/failure.ts'
import { ModelStore } from './model-store.ts'

// Goal: what a snapshot shows stood there at one moment, and it comes although others write.

const put = (key: string, value: string) =>
  ({ type: 'put', key: utf8(key), value: utf8(value) }) as const
const remove = (key: string) => ({ type: 'delete', key: utf8(key) }) as const

interface Reading {
  outcome?: SnapshotOutcome
  cancel: () => void
}

function read(store: ModelStore, keys: readonly string[], timeoutMs = 1_000): Reading {
  const reading: Reading = { cancel: () => {} }
  reading.cancel = readSnapshot(store, keys.map(utf8), { timeoutMs }, (outcome) => {
    expect(reading.outcome).toBeUndefined()
    reading.outcome = outcome
  })
  return reading
}

function textsOf({ outcome }: Reading): readonly (string | undefined)[] {
  if (!outcome?.ok) throw new Error(outcome?.failure.message ?? 'no outcome')
  return outcome.records.map((record) => record && new TextDecoder().decode(record.value))
}

test('one key takes one read, more take two of each; equal keys are read once', () => {
  const store = new ModelStore('counts')
  store.write(put('a', '1'), put('b', '2'))
  const one = read(store, ['a', 'a'])
  store.run(50)
  expect(textsOf(one)).toEqual(['1', '1'])
  expect(store.operations).toHaveLength(1)
  const three = read(store, ['b', 'none', 'a', 'b'])
  store.run(50)
  expect(textsOf(three)).toEqual(['2', undefined, '1', '2'])
  expect(store.operations).toHaveLength(1 + 6)
  const none = read(store, [])
  expect(none.outcome).toEqual({ ok: true, records: [], groups: [] })
})

test('a key that was made and deleted between two reads of it was not absent all the time', () => {
  const store = new ModelStore('absent')
  store.write(put('b', 'old'))
  // Between the reads of `a`, and before `b` is read for the first time.
  const effects: string[] = []
  store.onEffect = (operation) => {
    if (operation.kind !== 'get') return
    const key = new TextDecoder().decode(operation.key)
    effects.push(key)
    if (effects.length === 1 && key === 'b') store.write(put('a', '1'), put('b', 'new'))
    if (effects.length === 2 && key === 'a') store.write(remove('a'))
  }
  const reading = read(store, ['b', 'a'])
  store.run(100)
  expect(effects.slice(0, 2)).toEqual(['b', 'a'])
  expect(textsOf(reading)).toEqual(['new', undefined])
})

test('a key that is made and deleted again is noticed, though it is absent in both rounds', () => {
  const store = new ModelStore('made and deleted')
  let reads = 0
  store.onEffect = () => {
    // After the first round, before the second.
    if (++reads === 3) store.write(put('a', '1'))
    if (reads === 3) store.write(remove('a'))
  }
  const reading = read(store, ['a', 'b'])
  store.run(100)
  expect(textsOf(reading)).toEqual([undefined, undefined])
  expect(store.operations).toHaveLength(6)
})

test('a store that does not tell of absent keys is asked by a transaction', () => {
  const store = new ModelStore('untold')
  store.tellsQuiet = false
  const reading = read(store, ['a', 'b'])
  store.run(200)
  expect(textsOf(reading)).toEqual([undefined, undefined])
  const [transaction, ...more] = store.transactions
  expect(more).toEqual([])
  expect(transaction).toMatchObject({ writes: [], checks: [{ revision: 0 }, { revision: 0 }] })
})

test('keys that never stand still are held by a transaction; without time it is contention', () => {
  const store = new ModelStore('restless')
  store.write(put('a', '0'), put('b', '0'))
  let writes = 0
  store.onEffect = ({ kind }) => {
    const value = `${++writes}`
    const isRestless = kind === 'get' && store.operations.length < 20
    if (isRestless) store.write(put('a', value), put('b', value))
  }
  const reading = read(store, ['a', 'b'])
  store.run(1_000)
  const [a, b] = textsOf(reading)
  expect(a).toBe(b)
  expect(store.transactions).toHaveLength(2)
  store.onEffect = () => store.write(put('a', `${++writes}`), put('b', `${writes}`))
  const hopeless = read(store, ['a', 'b'], 300)
  store.run(400)
  expect(hopeless.outcome).toMatchObject({
    ok: false,
    failure: { code: 'contention', outcome: 'not_applied' }
  })
  expect(store.transactions.at(-1)).toMatchObject({ inOrder: true })
})

test('keys that others always hold are read in a moment in which none of them moves', () => {
  const store = new ModelStore('always held')
  store.write(put('a', '0'), put('b', '0'))
  store.troubles = { abort: 100, unknown: 0, fail: 0 }
  let writes = 0
  store.onEffect = () => {
    const value = `${++writes}`
    if (store.transactions.length < 2) store.write(put('a', value), put('b', value))
  }
  const reading = read(store, ['a', 'b'])
  store.run(1_000)
  const [a, b] = textsOf(reading)
  expect(a).toBe(b)
  expect(store.transactions).toHaveLength(2)
})

test('what only reads is never of unknown outcome', () => {
  const store = new ModelStore('unknown')
  store.tellsQuiet = false
  store.troubles = { abort: 0, unknown: 100, fail: 0 }
  const reading = read(store, ['a', 'b'])
  store.run(200)
  expect(reading.outcome).toMatchObject({ failure: { code: 'timeout', outcome: 'not_applied' } })
})

test('too many keys are refused before anything is sent, too many bytes as they come', () => {
  const store = new ModelStore('large')
  const many = Array.from({ length: 1_025 }, (_, i) => `k${i}`)
  const refused = { ok: false, failure: { code: 'too_large', outcome: 'not_applied' } }
  expect(read(store, many).outcome).toMatchObject(refused)
  expect(store.operations).toEqual([])
  const all = read(store, many.slice(1))
  store.run(500)
  expect(all.outcome).toMatchObject({ ok: true })
  const value = new Uint8Array(1_048_576)
  const keys = Array.from({ length: 9 }, (_, i) => `large${i}`)
  store.write(...keys.map((key) => ({ type: 'put', key: utf8(key), value }) as const))
  const large = read(store, keys)
  store.run(100)
  expect(large.outcome).toMatchObject(refused)
  expect(read(store, keys.slice(1)).outcome).toBeUndefined()
})

test('at most 64 reads are without an answer', () => {
  const store = new ModelStore('window')
  store.silent = true
  const reading = read(
    store,
    Array.from({ length: 1_000 }, (_, i) => `k${i}`)
  )
  expect(store.operations).toHaveLength(64)
  reading.cancel()
  expect(reading.outcome).toMatchObject({ failure: { code: 'timeout' } })
  reading.cancel()
  store.run(2_000)
  expect(store.operations).toHaveLength(64)
})

test('the first failure ends it, and what is out is given up', () => {
  const store = new ModelStore('failing')
  const given: number[] = []
  const call: ModelStore['call'] = (operation, options, done) => {
    const number = store.operations.length
    const cancel = store.call(operation, options, done)
    if (number === 2) done({ ok: false, failure: failure('unavailable', 'no leader') })
    return () => {
      given.push(number)
      cancel()
    }
  }
  const outcomes: SnapshotOutcome[] = []
  // Answered before the call returns: those before it are given up, and no other is begun.
  const { clock, timers, random, turns } = store
  readSnapshot(
    { call, clock, timers, random, turns },
    ['a', 'b', 'c', 'd'].map(utf8),
    { timeoutMs: 100 },
    (o) => outcomes.push(o)
  )
  store.run(200)
  expect(outcomes).toMatchObject([{ ok: false, failure: { code: 'unavailable' } }])
  expect(given).toEqual([0, 1])
})
