import { expect, test } from 'vitest'
import type { CallOutcome } from '../../../src/client/inputs.ts'
import { concatBytes, utf8 } from '../../../src/wire/bytes.ts'
import { encodeFrame } from '../../../src/wire/frame.ts'
import { OneNode } from './one-node.ts'

const put = { type: 'put', key: utf8('k'), value: utf8('v') } as const
const mutate = { kind: 'mutate', operation: put } as const

function opened(): OneNode {
  const node = new OneNode()
  let ready = 0
  node.driver.start(() => {
    ready++
  })
  expect(ready).toBe(0)
  node.run(50)
  expect(ready).toBe(1)
  return node
}

test('goal: calls made inside the end of another call are served, alarms included', () => {
  const node = opened()
  const outcomes: CallOutcome[] = []
  const next = (left: number): void => {
    node.driver.call(mutate, { timeoutMs: 40 }, (outcome) => {
      outcomes.push(outcome)
      if (left === 3) node.silent = true
      if (left > 0) next(left - 1)
    })
  }
  next(5)
  node.run(1_000)
  expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, true, false, false, false])
  expect(node.driver.inFlight).toBe(0)
})

test('goal: a full queue is waited for; the call is not sent twice at once', () => {
  const node = opened()
  const outcomes: CallOutcome[] = []
  node.driver.call(mutate, { timeoutMs: 1_000 }, (outcome) => outcomes.push(outcome))
  node.run(50)
  node.full = true
  node.driver.call(mutate, { timeoutMs: 1_000 }, (outcome) => outcomes.push(outcome))
  node.run(200)
  expect(outcomes).toHaveLength(1)
  node.full = false
  node.run(800)
  expect(outcomes[1]).toMatchObject({ ok: true })
})

test('goal: a full queue to the end is a definite refusal', () => {
  const node = opened()
  const outcomes: CallOutcome[] = []
  node.driver.call(mutate, { timeoutMs: 1_000 }, (outcome) => outcomes.push(outcome))
  node.run(50)
  node.full = true
  node.driver.call(mutate, { timeoutMs: 300 }, (outcome) => outcomes.push(outcome))
  node.run(400)
  expect(outcomes[1]).toMatchObject({ failure: { code: 'overloaded', outcome: 'not_applied' } })
})

test('goal: garbage ends the link with a reason, and a new one serves the call', () => {
  const node = opened()
  node.deliver(Uint8Array.of(1, 2, 3))
  expect(node.closed).toEqual([expect.stringContaining('malformed frame')])
  const outcomes: CallOutcome[] = []
  node.driver.call(mutate, { timeoutMs: 1_000 }, (outcome) => outcomes.push(outcome))
  node.run(900)
  expect(outcomes[0]).toMatchObject({ ok: true })
})

test('goal: frames of kinds we do not know are passed over', () => {
  const node = opened()
  node.deliver(concatBytes(encodeFrame([200, 'new'])))
  expect(node.closed).toEqual([])
})

test('goal: a node of another version is not talked to', () => {
  const node = new OneNode()
  node.hello = { ...node.hello, version: 9 }
  node.driver.start(() => {})
  node.run(50)
  expect(node.closed[0]).toBe('protocol version')
  expect(node.requests).toEqual([])
})

test('goal: close gives up what does not end within its grace', () => {
  const node = opened()
  node.silent = true
  const outcomes: CallOutcome[] = []
  const closed: number[] = []
  node.driver.call(mutate, { timeoutMs: 600_000 }, (outcome) => outcomes.push(outcome))
  node.driver.close(() => closed.push(node.now), 500)
  node.driver.close(() => closed.push(node.now))
  const start = node.now
  node.run(1_000)
  expect(outcomes).toHaveLength(1)
  expect(closed).toEqual([start + 501, start + 501])
  node.driver.close(() => closed.push(node.now))
  expect(closed).toHaveLength(3)
  node.driver.call(mutate, { timeoutMs: 10 }, (outcome) => outcomes.push(outcome))
  expect(outcomes[1]).toMatchObject({ failure: { code: 'closed' } })
})

test('goal: a client that does nothing asks for nothing', () => {
  const node = opened()
  const { events } = node.world
  node.run(3_600_000)
  expect(node.world.events - events).toBe(0)
})

test('goal: a node that owes answers and says nothing is called anew', () => {
  const node = opened()
  node.silent = true
  node.driver.call(mutate, { timeoutMs: 10_000 }, () => {})
  node.run(2_500)
  expect(node.closed).toEqual([])
  node.run(3_000)
  expect(node.closed[0]).toBe('silent')
})

test('goal: closing ends a write that never left as unavailable, a read as timeout', () => {
  const node = opened()
  node.silent = true
  const outcomes: CallOutcome[] = []
  const get = { kind: 'get', key: utf8('k'), consistency: 'strong' } as const
  for (const operation of [mutate, get]) {
    node.driver.call(operation, { timeoutMs: 60_000 }, (outcome) => outcomes.push(outcome))
  }
  node.run(50)
  node.driver.close(() => {}, 100)
  node.run(200)
  const not_applied = { outcome: 'not_applied' }
  expect(outcomes).toMatchObject([
    { failure: { code: 'unavailable', ...not_applied } },
    { failure: { code: 'timeout', ...not_applied } }
  ])
})
