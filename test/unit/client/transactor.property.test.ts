import fc from 'fast-check'
import { expect, test } from 'vitest'
import { holds, nameOfKey } from '../../../src/client/steps.ts'
import { runTransaction } from '../../../src/client/transactor.ts'
import type {
  Step,
  StepResult,
  TransactionOutcome,
  TransactionRequest
} from '../../../src/client/transactor-types.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import type { DataOperation } from '../../../src/wire/data-operation.ts'
import { ModelStore, runWrites, type Table, type Troubles, type Version } from './model-store.ts'

// Goal: whatever transactions run side by side, and whatever happens to their calls, each of those
// that end well did what it would have done alone at one moment between its beginning and its end.
// Method: the store keeps all its states; a reading of the rules written for this test runs the
// request against the state before its own (or, if it wrote nothing, any state of its time).

const KEYS = ['a', 'b', 'c', 'd'].map(utf8)
const key = fc.constantFrom(...KEYS)
const value = fc.constantFrom('1', '2', 'x').map(utf8)
const write: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('put' as const), key, value }),
  fc.record({ type: fc.constant('delete' as const), key }),
  fc.record({ type: fc.constant('increment' as const), key, by: fc.integer({ min: -2, max: 2 }) })
)
const step = fc.oneof(write, fc.record({ type: fc.constant('get' as const), key }))
const check = fc.oneof(
  fc.record({ type: fc.constant('exists' as const), key, exists: fc.boolean() }),
  fc.record({ type: fc.constant('value' as const), key, value }),
  fc.record({ type: fc.constant('revision' as const), key, revision: fc.nat(3) })
)
const steps = fc.array(step, { maxLength: 4 })
const request: fc.Arbitrary<TransactionRequest> = fc.record({
  if: fc.array(check, { maxLength: 3 }),
  steps,
  otherwise: steps
})
const percent = fc.constantFrom(0, 0, 10, 30)
const troubles: fc.Arbitrary<Troubles> = fc.record({
  abort: percent,
  unknown: percent,
  fail: fc.constantFrom(0, 0, 5)
})

interface Run {
  readonly request: TransactionRequest
  readonly began: number
  ended: number
  outcome: TransactionOutcome | undefined
}

interface Expected {
  readonly committed: boolean
  readonly failed: readonly number[]
  readonly results: readonly StepResult[]
}

/** What a request does alone, if it may take `revisions` for its writes; undefined: it fails. */
function alone(
  before: Table,
  { if: checks, ...request }: TransactionRequest,
  revisions: readonly number[]
): Expected | undefined {
  const failed = checks.flatMap((check, i) => {
    if (check.type === 'lock') throw new Error('nobody requires locks here')
    return holds(check, before.get(nameOfKey(check.key))) ? [] : [i]
  })
  const steps = failed.length === 0 ? request.steps : request.otherwise
  let table = before
  let next = 0
  const results: StepResult[] = []
  for (const step of steps) {
    if (step.type === 'get') {
      results.push({ type: 'got', record: table.get(nameOfKey(step.key)) })
      continue
    }
    const ran = runWrites(table, [step as DataOperation], () => revisions[next++] ?? -1)
    if (ran === undefined) return undefined
    table = ran.table
    results.push(...ran.results)
  }
  return { committed: failed.length === 0, failed, results }
}

const revisionsIn = (results: readonly StepResult[]): readonly number[] =>
  results.flatMap((result) => ('revision' in result ? [result.revision] : []))

/** The states that a run that left no state of its own may have seen. */
function statesOf({ began, ended }: Run, versions: readonly Version[]): readonly Table[] {
  return versions
    .filter((version, i) => {
      const until = versions[i + 1]?.since ?? Number.POSITIVE_INFINITY
      return version.since <= ended && until >= began
    })
    .map(({ table }) => table)
}

function judge(run: Run, { versions }: ModelStore): void {
  const { outcome } = run
  if (outcome === undefined) throw new Error('it did not end')
  const { id } = outcome
  const own = versions.findIndex((version) => {
    return id !== undefined && version.id?.seq === id.seq
  })
  if (!outcome.ok) {
    if (outcome.failure.outcome === 'not_applied') expect(own).toBe(-1)
    return
  }
  const { committed, failed, results } = outcome
  const revisions = revisionsIn(results)
  const before = own < 1 ? statesOf(run, versions) : [(versions[own - 1] as Version).table]
  const possible = before.map((table) => alone(table, run.request, revisions))
  expect(possible).toContainEqual({ committed, failed, results })
}

const schedule = fc.array(fc.tuple(fc.nat(12), request), { minLength: 1, maxLength: 25 })

function play(store: ModelStore, events: readonly (readonly [number, TransactionRequest])[]) {
  const runs: Run[] = []
  for (const [pause, request] of events) {
    store.run(pause)
    const run: Run = { request, began: store.world.now, ended: 0, outcome: undefined }
    runs.push(run)
    runTransaction(store, request, { timeoutMs: 400 }, (outcome) => {
      expect(run.outcome).toBeUndefined()
      run.outcome = outcome
      run.ended = store.world.now
    })
  }
  store.run(1_000)
  return runs
}

test('goal: what is answered is what a serial execution answers', () => {
  const property = fc.property(fc.nat(), troubles, schedule, (seed, mix, events) => {
    const store = new ModelStore(`${seed}`)
    store.troubles = mix
    const runs = play(store, events)
    for (const run of runs) judge(run, store)
    // Nobody tries again what may have been done.
    const told = runs.map(({ outcome }) => outcome?.id?.seq)
    for (const { id } of store.versions.slice(1)) expect(told).toContain(id?.seq)
  })
  fc.assert(property, { numRuns: 400 })
})

test('goal: without trouble nothing fails but what counts what is no number', () => {
  const property = fc.property(fc.nat(), schedule, (seed, events) => {
    const store = new ModelStore(`${seed}`)
    for (const { outcome } of play(store, events)) {
      if (outcome?.ok !== false) continue
      expect(['not_a_number', 'contention']).toContain(outcome.failure.code)
    }
  })
  fc.assert(property, { numRuns: 100 })
})
