import { expect, test } from 'vitest'
import type { CallOperation, CallOutcome } from '../../../src/client/inputs.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { decodeCommand } from '../../../src/wire/command.ts'
import { OneNode } from './one-node.ts'

// Goal: what became of a transaction can be asked for after its client gave up on it.

const KEY = utf8('a')
const TRANSACT: CallOperation = {
  kind: 'transact',
  checks: [],
  writes: [{ type: 'delete', key: KEY }],
  inOrder: false
}
const DELETE: CallOperation = { kind: 'mutate', operation: { type: 'delete', key: KEY } }

function call(node: OneNode, operation: CallOperation, timeoutMs: number): CallOutcome {
  let heard: CallOutcome | undefined
  node.driver.call(operation, { timeoutMs }, (outcome) => {
    heard = outcome
  })
  node.run(timeoutMs + 50)
  if (heard === undefined) throw new Error('a call without an end')
  return heard
}

/** What the last change that `node` heard of says of itself. */
function lastTicket(node: OneNode): { session: string; seq: number; ackedUpTo: number } {
  const request = node.requests.findLast(({ kind }) => kind === 'mutate')
  const { session, seq, ackedUpTo } = decodeCommand(request?.body ?? new Uint8Array(0))
  return { session, seq, ackedUpTo }
}

function started(): OneNode {
  const node = new OneNode()
  node.driver.start(() => {})
  node.run(100)
  call(node, DELETE, 100)
  return node
}

test('no later command acknowledges a transaction that may have happened', () => {
  const node = started()
  node.silent = true
  const unknown = call(node, TRANSACT, 500)
  const { session, seq } = lastTicket(node)
  expect(unknown).toMatchObject({
    ok: false,
    failure: { outcome: 'unknown' },
    id: { session, seq, anchor: 1 }
  })
  node.silent = false
  call(node, DELETE, 2_000)
  const next = lastTicket(node)
  expect(next.session).not.toBe(session)
  expect(next).toMatchObject({ seq: 1, ackedUpTo: 0 })
})

test('of many in a row the first is kept, and the rest as before: sessions are few', () => {
  const node = started()
  node.silent = true
  call(node, TRANSACT, 500)
  call(node, TRANSACT, 500)
  const second = lastTicket(node)
  node.silent = false
  call(node, DELETE, 2_000)
  expect(lastTicket(node)).toEqual({ session: second.session, seq: 2, ackedUpTo: 1 })
  node.run(60_000)
  node.silent = true
  call(node, TRANSACT, 500)
  node.silent = false
  call(node, DELETE, 2_000)
  expect(lastTicket(node).session).not.toBe(second.session)
})

test('a change whose outcome is unknown has no name, so its session goes on', () => {
  const node = started()
  const { session, seq } = lastTicket(node)
  node.silent = true
  call(node, DELETE, 500)
  node.silent = false
  call(node, DELETE, 2_000)
  expect(lastTicket(node)).toEqual({ session, seq: seq + 2, ackedUpTo: seq + 1 })
})
