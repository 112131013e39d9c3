import { expect, test } from 'vitest'
import type { DriverCall } from '../../../src/client/driver.ts'
import { runTransaction } from '../../../src/client/transactor.ts'
import type {
  TransactionOutcome,
  TransactionRequest
} from '../../../src/client/transactor-types.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { ModelStore } from './model-store.ts'

const put = (key: string, value: string) =>
  ({ type: 'put', key: utf8(key), value: utf8(value) }) as const
const get = (key: string) => ({ type: 'get', key: utf8(key) }) as const
const add = (key: string, by: number) => ({ type: 'increment', key: utf8(key), by }) as const
const remove = (key: string) => ({ type: 'delete', key: utf8(key) }) as const
const exists = (key: string, exists: boolean) =>
  ({ type: 'exists', key: utf8(key), exists }) as const

interface Running {
  outcome?: TransactionOutcome
  endedAt?: number
  cancel: () => void
}

function start(
  store: ModelStore,
  request: Partial<TransactionRequest>,
  options: Partial<DriverCall> = {}
): Running {
  const running: Running = { cancel: () => {} }
  const whole = { if: [], steps: [], otherwise: [], ...request }
  const asked = { timeoutMs: 1_000, ...options }
  running.cancel = runTransaction(store, whole, asked, (outcome) => {
    expect(running.outcome).toBeUndefined()
    running.outcome = outcome
    running.endedAt = store.world.now
  })
  return running
}

function run(store: ModelStore, request: Partial<TransactionRequest>, timeoutMs = 1_000) {
  const running = start(store, request, { timeoutMs })
  store.run(timeoutMs + 100)
  if (running.outcome === undefined) throw new Error('it did not end')
  return running.outcome
}

test('goal: conditions and writes go in one round trip, with gets of what it writes', () => {
  const store = new ModelStore('one')
  const outcome = run(store, {
    if: [exists('a', false)],
    steps: [put('a', '1'), get('a'), add('a', 4), get('a'), remove('a'), get('a')]
  })
  expect(store.operations).toMatchObject([{ kind: 'transact', checks: [{ type: 'exists' }] }])
  expect(outcome).toEqual({
    ok: true,
    id: { session: 'a'.repeat(32), seq: 1, anchor: 1 },
    committed: true,
    failed: [],
    results: [
      { type: 'written', revision: 1 },
      { type: 'got', record: { value: utf8('1'), revision: 1 } },
      { type: 'counted', value: 5, revision: 2 },
      { type: 'got', record: { value: utf8('5'), revision: 2 } },
      { type: 'deleted', revision: 3 },
      { type: 'got', record: undefined }
    ],
    groups: [{ group: 1, applied: 2 }]
  })
})

test('goal: a condition that does not hold is named, with all others that do not', () => {
  const store = new ModelStore('otherwise')
  store.write(put('a', '1'))
  const outcome = run(store, {
    if: [
      exists('a', false),
      exists('b', false),
      { type: 'value', key: utf8('a'), value: utf8('2') }
    ],
    steps: [put('b', 'x')],
    otherwise: [get('a'), put('c', 'y')]
  })
  expect(outcome).toMatchObject({
    committed: false,
    failed: [0, 2],
    results: [{ record: { revision: 1 } }, { type: 'written' }]
  })
  expect(store.text('b')).toBeUndefined()
  expect(store.text('c')).toBe('y')
  // Everything that the choice rests on must stand still for it.
  expect(store.transactions.at(-1)?.checks).toMatchObject([
    { type: 'revision', revision: 1 },
    { type: 'revision', revision: 0 }
  ])
})

test('goal: what writes nothing leaves no record', () => {
  const store = new ModelStore('reads')
  store.write(put('a', '1'))
  expect(run(store, { if: [exists('a', true)], steps: [get('a'), get('b')] })).toMatchObject({
    ok: true,
    id: undefined,
    committed: true,
    results: [{ record: { revision: 1 } }, { record: undefined }]
  })
  expect(run(store, { if: [exists('a', false)] })).toMatchObject({ committed: false, failed: [0] })
  expect(run(store, {})).toMatchObject({ ok: true, committed: true, results: [], groups: [] })
  expect(store.transactions).toEqual([])
})

test('goal: after an abort comes another attempt, ever later, from the third in order', () => {
  const store = new ModelStore('aborted')
  store.troubles = { abort: 100, unknown: 0, fail: 0 }
  const at: number[] = []
  store.onEffect = () => void at.push(store.world.now)
  const outcome = run(store, { steps: [put('a', '1')] }, 3_000)
  expect(outcome).toMatchObject({
    ok: false,
    failure: { code: 'contention', outcome: 'not_applied' },
    id: undefined
  })
  expect(store.transactions.map(({ inOrder }) => inOrder).slice(0, 4)).toEqual([
    false,
    false,
    true,
    true
  ])
  expect(at.length).toBeGreaterThan(6)
  expect(at.length).toBeLessThan(40)
  const gaps = at.slice(1).map((time, i) => time - (at[i] as number))
  expect(Math.max(...gaps)).toBeLessThan(520)
  expect(store.timeouts.every((timeout) => timeout > 0 && timeout <= 3_000)).toBe(true)
})

test('goal: an outcome that is unknown ends it, names the attempt, and nothing follows', () => {
  const store = new ModelStore('unknown')
  store.troubles = { abort: 0, unknown: 100, fail: 0 }
  const outcome = run(store, { steps: [add('n', 1)] })
  expect(outcome).toMatchObject({
    ok: false,
    failure: { code: 'unknown_outcome', outcome: 'unknown' },
    id: { seq: 1 }
  })
  expect(store.operations).toHaveLength(1)
})

test('goal: giving up ends it at once, wherever it is, with what is certain', () => {
  const store = new ModelStore('given up')
  store.wayMs = 20
  const request = { if: [exists('a', false)], steps: [put('a', '1')] }
  const sent = start(store, request)
  store.run(0.01)
  sent.cancel()
  expect(sent.outcome).toMatchObject({ failure: { outcome: 'not_applied', code: 'unavailable' } })
  store.silent = true
  const reading = start(store, { if: [exists('a', true)], steps: [get('b'), put('a', '1')] })
  reading.cancel()
  expect(reading.outcome).toMatchObject({
    failure: { outcome: 'not_applied', code: 'unavailable' }
  })
  store.silent = false
  store.wayMs = 1
  store.troubles = { abort: 100, unknown: 0, fail: 0 }
  const waiting = start(store, { steps: [put('b', '1')] })
  store.run(3)
  waiting.cancel()
  waiting.cancel()
  expect(waiting.outcome).toMatchObject({ failure: { outcome: 'not_applied' } })
  expect(waiting.endedAt).toBe(store.world.now)
  const sentBefore = store.operations.length
  store.run(2_000)
  expect(store.operations).toHaveLength(sentBefore)
})

test('goal: what counts what is no number fails so, unless its conditions do not hold', () => {
  const store = new ModelStore('number')
  store.write(put('t', 'text'))
  const failed = { ok: false, failure: { code: 'not_a_number', outcome: 'not_applied' } }
  expect(run(store, { steps: [put('a', '1'), add('t', 1)] })).toMatchObject(failed)
  expect(store.text('a')).toBeUndefined()
  const both = { if: [exists('t', true)], steps: [add('t', 1)] }
  expect(run(store, both)).toMatchObject(failed)
  expect(run(store, { ...both, if: [exists('t', false)] })).toMatchObject({ committed: false })
})

test('goal: what is too large is refused before anything is sent', () => {
  const store = new ModelStore('large')
  const refused = { ok: false, failure: { code: 'too_large', outcome: 'not_applied' } }
  const many = (count: number) => Array.from({ length: count }, (_, i) => add(`k${i}`, 1))
  expect(run(store, { steps: many(1_025) })).toMatchObject(refused)
  expect(run(store, { otherwise: many(1_024), if: [exists('a', true)] })).toMatchObject(refused)
  const half = { type: 'put', key: utf8('a'), value: new Uint8Array(1_048_576) } as const
  expect(run(store, { steps: new Array(8).fill(half) })).toMatchObject(refused)
  expect(store.operations).toEqual([])
  expect(run(store, { steps: many(1_024) })).toMatchObject({ committed: true })
  expect(run(store, { steps: new Array(7).fill(half) })).toMatchObject({ committed: true })
})

test('goal: definite failures of calls are passed on as they are', () => {
  const store = new ModelStore('down')
  store.troubles = { abort: 0, unknown: 0, fail: 100 }
  const failed = { ok: false, failure: { code: 'unavailable', message: 'no leader' } }
  expect(run(store, { steps: [put('a', '1')] })).toMatchObject(failed)
  expect(run(store, { steps: [get('a'), get('b')] })).toMatchObject(failed)
  store.silent = true
  expect(run(store, { steps: [get('a'), put('b', '1')] }, 100)).toMatchObject({
    failure: { code: 'unavailable' }
  })
  expect(run(store, { steps: [get('a')] }, 100)).toMatchObject({ failure: { code: 'timeout' } })
})

test('goal: many that change the same keys all get through, one after another', () => {
  const store = new ModelStore('many')
  const request = { steps: [get('m'), add('n', 1), add('m', 1)] }
  const all = Array.from({ length: 12 }, () => start(store, request, { timeoutMs: 20_000 }))
  store.run(21_000)
  for (const { outcome } of all) expect(outcome).toMatchObject({ ok: true, committed: true })
  expect(store.text('n')).toBe('12')
})
