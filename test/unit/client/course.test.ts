import { expect, test } from 'vitest'
import { Course } from '../../../src/client/course.ts'
import type { CallOperation, CallOutcome } from '../../../src/client/inputs.ts'
import { Turns } from '../../../src/client/turns.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { type Failure, failure } from '../../../src/wire/failure.ts'
import { ModelStore } from './model-store.ts'

// Goal: the calls of a transaction wait in line, and what was refused for load alone comes back
// until there is no time left.

const GET: CallOperation = { kind: 'get', key: utf8('a'), consistency: 'strong' }
const REFUSAL: Failure = { ...failure('overloaded', 'full'), retryAfterMs: 100 }

interface Desk {
  readonly store: ModelStore
  readonly course: Course
  /** Times at which it was called. */
  readonly calls: number[]
  readonly outcomes: CallOutcome[]
  readonly ask: () => () => void
}

/** What `answer` has for the calls, one after another; undefined: what the store says. */
function desk(answer: (call: number) => Failure | undefined, timeoutMs = 1_000): Desk {
  const store = new ModelStore('desk')
  const { clock, timers, random, turns } = store
  const calls: number[] = []
  const outcomes: CallOutcome[] = []
  const call: ModelStore['call'] = (operation, options, done) => {
    const failed = answer(calls.length)
    calls.push(store.world.now)
    if (failed === undefined) return store.call(operation, options, done)
    done({ ok: false, failure: failed })
    return () => {}
  }
  const course = new Course({ call, clock, timers, random, turns }, { timeoutMs })
  const ask = () => course.call(GET, (outcome) => void outcomes.push(outcome))
  return { store, course, calls, outcomes, ask }
}

test('what is refused for load comes back, no sooner than it was told, until it is served', () => {
  const { store, calls, outcomes, ask } = desk((call) => (call < 3 ? REFUSAL : undefined))
  ask()
  store.run(1_000)
  expect(outcomes).toMatchObject([{ ok: true, kind: 'get' }])
  const waits = calls.slice(1).map((time, i) => time - (calls[i] as number))
  expect(waits).toHaveLength(3)
  for (const wait of waits) expect(wait).toBeGreaterThan(100)
})

test('without time for another try it ends as refused; what may be applied is not repeated', () => {
  const { store, calls, outcomes, ask } = desk(() => REFUSAL)
  ask()
  store.run(2_000)
  expect(outcomes).toEqual([{ ok: false, failure: REFUSAL }])
  expect(calls.length).toBeGreaterThan(2)
  expect(store.world.now).toBeGreaterThan(0)
  const doubt = failure('overloaded', 'one of its copies', 'unknown')
  const doubtful = desk(() => doubt)
  doubtful.ask()
  doubtful.store.run(2_000)
  expect(doubtful.outcomes).toEqual([{ ok: false, failure: doubt }])
  expect(doubtful.calls).toHaveLength(1)
})

test('given up or over it comes back no more', () => {
  const given = desk(() => REFUSAL)
  const cancel = given.ask()
  cancel()
  cancel()
  expect(given.outcomes).toMatchObject([{ ok: false, failure: { code: 'timeout' } }])
  const over = desk(() => REFUSAL)
  over.ask()
  over.course.end()
  over.store.run(2_000)
  given.store.run(2_000)
  expect(over.outcomes).toEqual([{ ok: false, failure: REFUSAL }])
  expect([given.calls, over.calls].map(({ length }) => length)).toEqual([1, 1])
})

test('who finds the line full waits, and is told so when its time is over', () => {
  const store = new ModelStore('line')
  const { clock, timers, random, call } = store
  const turns = new Turns(2)
  const course = new Course({ call, clock, timers, random, turns }, { timeoutMs: 100 })
  const outcomes: CallOutcome[] = []
  const ask = () => course.call(GET, (outcome) => void outcomes.push(outcome))
  store.silent = true
  const first = ask()
  ask()
  const third = ask()
  ask()
  expect(store.operations).toHaveLength(2)
  third()
  first()
  expect(store.operations).toHaveLength(3)
  ask()
  store.run(200)
  expect(turns.line.waiting).toBe(0)
  expect(outcomes).toHaveLength(5)
  expect(outcomes.at(-1)).toMatchObject({ ok: false, failure: { outcome: 'not_applied' } })
  const codes = outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.failure.code))
  expect(codes.filter((code) => code === 'overloaded')).toHaveLength(1)
})
