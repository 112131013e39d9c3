import { expect, test } from 'vitest'
import type { CallOperation, CallOutcome } from '../../../src/client/inputs.ts'
import { runTransaction } from '../../../src/client/transactor.ts'
import type { Step, TransactionOutcome } from '../../../src/client/transactor-types.ts'
import { Turns } from '../../../src/client/turns.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { realClock, realTimers, systemRandom } from '../../../src/world/real.ts'

const MIB = 1024 * 1024
const LARGE = new Uint8Array(MIB)

const get = (key: string): Step => ({ type: 'get', key: utf8(key) })
const many = (count: number, step: Step): Step[] => Array.from({ length: count }, () => step)

/** Every key has the same large value; what is to be committed, is. */
function run(steps: readonly Step[]): { outcome?: TransactionOutcome; writes: number } {
  const heard: { outcome?: TransactionOutcome; writes: number } = { writes: 0 }
  const answer = (operation: CallOperation): CallOutcome => {
    const where = { ok: true, group: 1, applied: 1 } as const
    if (operation.kind === 'get') {
      return { ...where, kind: 'get', record: { value: LARGE, revision: 1 }, stalenessMs: 0 }
    }
    if (operation.kind !== 'transact') throw new TypeError(operation.kind)
    heard.writes += operation.writes.length
    const results = operation.writes.map(() => ({ type: 'written', revision: 2 }) as const)
    const id = { session: '0'.repeat(32), seq: 1, anchor: 1 }
    return { ok: true, kind: 'transact', id, decision: { type: 'committed', results }, groups: [] }
  }
  const call = (operation: CallOperation, _: object, done: (outcome: CallOutcome) => void) => {
    done(answer(operation))
    return () => {}
  }
  const [random, turns] = [systemRandom(), new Turns()]
  const shell = { call, clock: realClock, timers: realTimers, random, turns }
  const request = { if: [], steps, otherwise: [] }
  runTransaction(shell, request, { timeoutMs: 1_000 }, (outcome) => {
    heard.outcome = outcome
  })
  return heard
}

const put: Step = { type: 'put', key: utf8('own'), value: LARGE }

test.each([
  ['one value read often', many(9, get('a'))],
  ['its own value', [put, ...many(9, get('own'))]],
  ['both, with a write', [put, get('own'), ...many(8, get('a'))]]
])('goal: what would be too much to show is refused before it is written: %s', (_, steps) => {
  const { outcome, writes } = run(steps)
  expect(outcome).toMatchObject({ ok: false, failure: { code: 'too_large' } })
  expect(writes).toBe(0)
})

test('goal: 8 MiB are shown', () => {
  expect(run(many(8, get('a'))).outcome).toMatchObject({ ok: true, committed: true })
  const { outcome, writes } = run([put, ...many(4, get('own')), ...many(4, get('a'))])
  expect([outcome?.ok, writes]).toEqual([true, 1])
  const gone: Step = { type: 'delete', key: utf8('a') }
  expect(run([get('a'), gone, ...many(1_000, get('a'))]).outcome).toMatchObject({ ok: true })
})
