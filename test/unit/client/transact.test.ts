import { expect, test } from 'vitest'
import { partitionOf } from '../../../src/keyspace/hash.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { decodeCommand } from '../../../src/wire/command.ts'
import type { Request } from '../../../src/wire/request.ts'
import { hex } from '../../../src/wire/session-id.ts'
import { ModelCluster, NO_FAULTS, NODES } from './model-cluster.ts'

// Goal: one call over many groups is one command under one number, with all that is promised of
// mutations.

/** Keys in group 1 and in group 2 of the model. */
const inGroup = (group: number): string[] =>
  Array.from({ length: 40 }, (_, i) => `k${i}`).filter(
    (key) => partitionOf(utf8(key), 2) === group - 1
  )
const [A = '', A2 = ''] = inGroup(1)
const [B = ''] = inGroup(2)

function started(): ModelCluster {
  const cluster = new ModelCluster('transact')
  cluster.start()
  cluster.run(50)
  return cluster
}

const transactions = (cluster: ModelCluster): Request[] =>
  cluster.sent
    .map(({ request }) => request)
    .filter(
      ({ kind, body }) => kind === 'mutate' && decodeCommand(body).operation.type === 'transact'
    )

test('it goes to the leader of the lowest group, with a basis of each, fetched once', () => {
  const cluster = started()
  cluster.putAll(1, [B, A, A2])
  cluster.run(50)
  const bases = cluster.sent.filter(({ request }) => request.kind === 'basis')
  expect(bases.map(({ request }) => request.group).sort()).toEqual([1, 2])
  const [request, ...more] = transactions(cluster)
  expect(more).toEqual([])
  expect(request).toMatchObject({ group: 1, consistency: 'strong' })
  const { operation, basis } = decodeCommand(request?.body ?? new Uint8Array(0))
  expect(operation).toMatchObject({ inOrder: false, parts: [{ group: 1 }, { group: 2 }] })
  expect(basis).toBe(operation.type === 'transact' ? operation.parts[0]?.basis : undefined)
})

test('results come in the order of the writes, with what was seen of every group', () => {
  const cluster = started()
  cluster.put(1, B)
  cluster.run(50)
  cluster.putAll(2, [B, A, A2])
  cluster.run(50)
  const outcome = cluster.outcome(2)
  const [one, two] = [cluster.groups[1], cluster.groups[2]]
  expect(outcome).toEqual({
    ok: true,
    kind: 'transact',
    id: { session: cluster.machine.session, seq: 2, anchor: 1 },
    decision: {
      type: 'committed',
      results: [2, 1, 2].map((revision) => ({ type: 'written', revision }))
    },
    groups: [
      { group: 1, applied: one?.applied },
      { group: 2, applied: two?.applied }
    ]
  })
})

test('what it saw of other groups binds session reads and later commands', () => {
  const cluster = started()
  cluster.putAll(1, [A, B])
  cluster.run(50)
  const applied = cluster.groups[2]?.applied
  cluster.get(2, B, 'session')
  cluster.run(50)
  cluster.put(3, B)
  cluster.run(50)
  const read = cluster.sent.find(({ request }) => request.kind === 'get')
  expect(read?.request.minApplied).toBe(applied)
  expect(cluster.commands().at(-1)).toMatchObject({ seq: 2, ackedUpTo: 1, basis: applied })
  expect(cluster.outcome(2)).toMatchObject({ ok: true, record: { revision: 1 } })
})

test('all copies are the same bytes, also when a lost answer makes it go again', () => {
  const cluster = started()
  for (const [call, key] of [A, B].entries()) cluster.put(8 + call, key)
  cluster.run(50)
  cluster.faults = { ...NO_FAULTS, loseReply: 100 }
  cluster.putAll(1, [A, B], 6_000)
  cluster.run(100)
  cluster.cut(cluster.groups[1]?.leader ?? '')
  cluster.faults = NO_FAULTS
  cluster.run(4_000)
  expect(cluster.outcome(1)).toMatchObject({ decision: { type: 'committed' } })
  const bodies = transactions(cluster).map(({ body }) => hex(body))
  expect(bodies.length).toBeGreaterThan(1)
  expect(new Set(bodies).size).toBe(1)
  expect(cluster.applications(1)).toBe(2)
})

test('an outcome that is unknown names the attempt; one that is known does not need to', () => {
  const cluster = started()
  cluster.put(2, A)
  cluster.put(3, B)
  cluster.run(50)
  cluster.faults = { ...NO_FAULTS, loseReply: 100 }
  cluster.putAll(4, [A, B], 200)
  cluster.run(250)

  const last = decodeCommand(transactions(cluster).at(-1)?.body ?? new Uint8Array(0))
  expect(cluster.outcome(4)).toMatchObject({
    failure: { code: 'unknown_outcome', outcome: 'unknown' },
    id: { session: last.session, seq: last.seq, anchor: 1 }
  })
  cluster.faults = NO_FAULTS
  for (const node of NODES) cluster.kill(node)
  cluster.putAll(5, [A, B], 200)
  cluster.run(250)
  expect(cluster.outcome(5)).toMatchObject({ failure: { outcome: 'not_applied' } })
  expect(cluster.outcome(5)).not.toHaveProperty('id')
})

test('in a group that forgot the session it goes on in a new one, with new bases', () => {
  const cluster = started()
  cluster.putAll(1, [A, B])
  cluster.run(50)
  const before = cluster.machine.session
  for (const group of cluster.groups) group.age()
  cluster.putAll(2, [A, B])
  cluster.run(300)
  expect(cluster.outcome(2)).toMatchObject({ decision: { type: 'committed' } })
  expect(cluster.machine.session).not.toBe(before)
  expect(cluster.applications(2)).toBe(2)
})

test('if only a part is refused for its basis, the next attempt brings a newer one', () => {
  const cluster = started()
  cluster.putAll(1, [A, B])
  cluster.run(50)
  cluster.groups[2]?.age()
  cluster.putAll(2, [A, B])
  cluster.run(100)
  expect(cluster.outcome(2)).toMatchObject({ decision: { type: 'aborted', why: 'ended' } })
  cluster.putAll(3, [A, B])
  cluster.run(100)
  expect(cluster.outcome(3)).toMatchObject({ decision: { type: 'committed' } })
})

test('checks go with the parts of their keys, and what moved aborts all of it', () => {
  const cluster = started()
  const operation = {
    kind: 'transact',
    checks: [{ type: 'revision', key: utf8(B), revision: 7 }],
    writes: [{ type: 'put', key: utf8(A), value: utf8('value 1') }],
    inOrder: true
  } as const
  cluster.step({ type: 'call', call: 1, operation, timeoutMs: 500 })
  cluster.run(100)
  expect(cluster.outcome(1)).toMatchObject({
    ok: true,
    id: { anchor: 1 },
    decision: { type: 'aborted', why: 'moved' },
    groups: [{ group: 1 }]
  })
  expect(cluster.applications(1)).toBe(0)
  expect(
    decodeCommand(transactions(cluster)[0]?.body ?? new Uint8Array(0)).operation
  ).toMatchObject({ inOrder: true })
})

test('one that waits for a basis and is given up leaves nothing behind', () => {
  const cluster = started()
  for (const node of NODES) cluster.frozen.add(node)
  cluster.putAll(1, [A, B], 200)
  cluster.run(100)
  cluster.step({ type: 'cancel', call: 1 })
  for (const node of NODES) cluster.frozen.delete(node)
  cluster.run(5_000)
  expect(cluster.outcome(1)).toMatchObject({ failure: { outcome: 'not_applied' } })
  expect(transactions(cluster)).toEqual([])
})

test('a forwarded command keeps its bytes and its number, whatever becomes of sessions', () => {
  const cluster = started()
  cluster.put(1, A)
  cluster.run(50)
  const { session } = cluster.machine
  const command = cluster.sent.find(({ request }) => request.kind === 'mutate')?.request.body
  const forward = { kind: 'forward', group: 1, command: command ?? new Uint8Array(0) } as const
  cluster.step({ type: 'call', call: 2, operation: forward, timeoutMs: 500 })
  cluster.run(50)
  expect(cluster.outcome(2)).toMatchObject({ ok: true, kind: 'forward', group: 1 })
  expect(cluster.applications(1)).toBe(1)

  cluster.groups[1]?.age()
  cluster.step({ type: 'call', call: 3, operation: forward, timeoutMs: 500 })
  cluster.run(50)
  const refused = { outcome: 'not_applied', message: 'refused: session_expired' }
  expect(cluster.outcome(3)).toMatchObject({ ok: false, failure: refused })
  expect(cluster.machine.session).toBe(session)
  cluster.faults = { ...NO_FAULTS, loseReply: 100 }
  cluster.step({ type: 'call', call: 4, operation: forward, timeoutMs: 100 })
  cluster.run(150)
  expect(cluster.outcome(4)).toMatchObject({ failure: { outcome: 'unknown' } })
})

test('an outcome is asked of the leader of the anchor, and asking is no mutation', () => {
  const cluster = started()
  const of = { session: 'a'.repeat(32), seq: 3, anchor: 2 }
  cluster.faults = { ...NO_FAULTS, loseReply: 100 }
  cluster.step({ type: 'call', call: 1, operation: { kind: 'outcome', of }, timeoutMs: 100 })
  cluster.run(150)
  expect(cluster.outcome(1)).toMatchObject({ failure: { outcome: 'not_applied', code: 'timeout' } })
  const asked = cluster.sent.find(({ request }) => request.kind === 'outcome')
  expect(asked).toMatchObject({
    node: cluster.groups[2]?.leader,
    request: { group: 2, consistency: 'strong' }
  })
  expect(hex(asked?.request.body ?? new Uint8Array(0))).toBe(`${of.session}03`)
})
