import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Entry } from '../../../src/raft/types.ts'
import { LOG_NUMBER_MAX } from '../../../src/wire/limits.ts'
import { assert } from '../../../src/world/assert.ts'
import { entry, type MessageBody, Solo, voters } from './solo.ts'

// Goal: no sequence of messages that pass the codec makes Raft throw, loses a committed entry or
// takes a term or commit index back, whatever nonsense they tell.

const small = fc.nat({ max: 8 })
const flag = fc.boolean()
const body: fc.Arbitrary<MessageBody> = fc.oneof(
  fc
    .record({ term: small, previousIndex: small, previousTerm: small, commit: small })
    .chain((fields) =>
      fc.array(fc.nat({ max: 2 }), { maxLength: 3 }).map((steps) => {
        let term = fields.previousTerm
        const entries: Entry[] = steps.map((step, i) => {
          term += step
          return entry(fields.previousIndex + 1 + i, term)
        })
        return { type: 'append' as const, ...fields, term: Math.max(fields.term, term), entries }
      })
    ),
  fc.record({
    type: fc.constant('append-reply' as const),
    term: small,
    rejected: flag,
    index: small,
    hintIndex: small,
    hintTerm: small
  }),
  fc.record({ type: fc.constant('heartbeat' as const), term: small, commit: small }),
  fc.record({
    type: fc.constantFrom('vote' as const, 'pre-vote' as const),
    term: small,
    lastIndex: small,
    lastTerm: small,
    transfer: flag
  }),
  fc.record({
    type: fc.constantFrom('vote-reply' as const, 'pre-vote-reply' as const),
    term: small,
    rejected: flag
  }),
  fc.record({
    type: fc.constantFrom('heartbeat-reply' as const, 'timeout-now' as const),
    term: small
  })
)
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ from: fc.integer({ min: 2, max: 4 }), body }) },
  { weight: 1, arbitrary: fc.constantFrom('tick' as const, 'propose' as const, 'sync' as const) }
)

function act(
  solo: Solo,
  step: 'tick' | 'propose' | 'sync' | { from: number; body: MessageBody }
): void {
  if (step === 'tick') solo.tick(5)
  else if (step === 'propose') solo.raft.propose(new Uint8Array(3))
  else if (step === 'sync') solo.sync()
  else solo.receive(step.from, step.body)
  solo.drain()
}

test('codec-valid nonsense does no harm', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (steps) => {
      const solo = new Solo({ members: voters(3) })
      let { term, commit } = solo.raft.status
      for (const step of steps) {
        act(solo, step)
        const { status } = solo.raft
        assert(status.term >= term && status.commit >= commit, 'term or commit went back')
        assert(status.commit <= status.lastIndex, 'committed beyond the log')
        ;({ term, commit } = status)
      }
      for (const [i, { index }] of solo.committed.entries()) assert(index === i + 2, 'out of order')
    }),
    { numRuns: 1_000 }
  )
})

test('in the last term there is nobody campaigns', () => {
  const solo = new Solo({ members: voters(3) })
  solo.receive(2, { type: 'heartbeat', term: LOG_NUMBER_MAX, commit: 0 })
  solo.tick(100)
  solo.receive(2, { type: 'timeout-now', term: LOG_NUMBER_MAX })
  solo.drain()
  expect(solo.raft.status).toMatchObject({ role: 'follower', term: LOG_NUMBER_MAX })
})
