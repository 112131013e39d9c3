import { expect, test } from 'vitest'
import type { CallOutcome } from '../../../src/client/inputs.ts'
import { NODE_LIMITS } from '../../../src/node/config.ts'
import { NodeTransactions } from '../../../src/node/transactions.ts'
import type { Fate } from '../../../src/partition/encounters.ts'
import { failure } from '../../../src/wire/failure.ts'
import type { Result } from '../../../src/wire/result.ts'

// Goal: what a record says of a transaction is taken for that and for no more: where it says
// nothing, whoever met an intent knows nothing.

const clock = { monotonic: () => 0, wall: () => 0 }
const REF = { session: 'a'.repeat(32), seq: 1, anchor: 2, basis: 0 }

/** What a participant is told when its question is answered so. */
function fateBy(outcome: CallOutcome): Fate | undefined {
  let fate: Fate | undefined
  const node = new NodeTransactions(clock, NODE_LIMITS, (operation, _, done) => {
    expect(operation).toMatchObject({ kind: 'outcome', of: REF })
    done(outcome)
    return () => {}
  })
  node.ask(REF, (told) => {
    fate = told
  })
  return fate
}

test.each<[Result, Fate]>([
  [{ type: 'pending' }, 'pending'],
  [{ type: 'ended', committed: true }, 'committed'],
  [{ type: 'ended', committed: false }, 'aborted'],
  [{ type: 'aborted', why: 'moved' }, 'aborted'],
  [{ type: 'gone' }, 'unknown'],
  [{ type: 'refused', reason: 'no' }, 'unknown']
])('%o means %s', (result, fate) => {
  expect(fateBy({ ok: true, kind: 'outcome', group: 2, applied: 9, result })).toBe(fate)
})

test('no answer means nothing', () => {
  const timeout = failure('timeout', 'late')
  expect(fateBy({ ok: false, failure: timeout })).toBe('unknown')
  expect(fateBy({ ok: false, failure: failure('unknown_outcome', 'lost', 'unknown') })).toBe(
    'unknown'
  )
})
