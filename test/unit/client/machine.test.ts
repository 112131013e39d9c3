import { expect, test } from 'vitest'
import type { Reply } from '../../../src/wire/request.ts'
import { ModelCluster, NO_FAULTS, NODES } from './model-cluster.ts'
import { groupOf, others, warm } from './warm.ts'

test('goal: a cold client dials a seed, fetches map and basis once, and finds the leader', () => {
  const cluster = warm()
  for (let call = 2; call < 10; call++) cluster.put(call, 'key')
  cluster.run(100)
  const kinds = cluster.sent.map(({ request }) => request.kind)
  expect(kinds.filter((kind) => kind === 'map')).toHaveLength(1)
  expect(kinds.filter((kind) => kind === 'basis')).toHaveLength(1)
  expect(kinds.filter((kind) => kind === 'mutate')).toHaveLength(9)
  expect(cluster.commands().map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('goal: a basis grows with the answers; what is answered is acknowledged by the next', () => {
  const cluster = warm()
  cluster.put(2, 'key')
  cluster.run(50)
  const [first, second] = cluster.commands()
  expect(second?.basis).toBeGreaterThan(first?.basis ?? 0)
  expect(second?.ackedUpTo).toBe(1)
})

test('goal: a refusal that names the leader is followed at once', () => {
  const cluster = warm()
  groupOf(cluster).leader = others(groupOf(cluster).leader)[0] as string
  cluster.put(2, 'key')
  cluster.run(30)
  expect(cluster.outcome(2)).toMatchObject({ ok: true })
})

test('goal: nodes that send us to each other make us wait longer and longer', () => {
  const cluster = warm()
  const group = groupOf(cluster)
  const sent = cluster.sent.length
  Object.defineProperty(group, 'leader', {
    get: () => NODES[cluster.sent.length % 3],
    configurable: true
  })
  cluster.faults = { ...NO_FAULTS, refuse: 100 }
  cluster.put(2, 'key', 3_000)
  cluster.run(3_100)
  expect(cluster.outcome(2)).toMatchObject({ failure: { outcome: 'not_applied' } })
  expect(cluster.sent.length - sent).toBeLessThan(60)
})

test('goal: while a group has no leader one copy asks around, not every call', () => {
  const cluster = warm()
  const sent = cluster.sent.length
  groupOf(cluster).leader = 'nobody'
  for (let call = 2; call < 202; call++) cluster.put(call, 'key', 2_000)
  cluster.run(1_000)
  // The first copies go to the old leader; what follows is one probe at a time.
  expect(cluster.sent.length - sent).toBeLessThan(200 + 40)
  groupOf(cluster).leader = NODES[0] as string
  cluster.run(900)
  for (let call = 2; call < 202; call++) expect(cluster.outcome(call)).toMatchObject({ ok: true })
})

test('goal: a leader that is silent on a standing link is given up for the next one', () => {
  const cluster = warm()
  const group = groupOf(cluster)
  const old = group.leader
  cluster.frozen.add(old)
  cluster.put(2, 'key', 5_000)
  cluster.run(500)
  group.leader = others(old)[0] as string
  cluster.run(3_000)
  expect(cluster.outcome(2)).toMatchObject({ ok: true })
  const copies = cluster.sent.filter(({ request }) => request.kind === 'mutate').slice(1)
  expect(new Set(copies.map(({ request }) => `${request.body}`)).size).toBe(1)
  expect(copies.filter(({ node }) => node === old)).toHaveLength(1)
})

test('goal: a silent probe does not hold up the other calls of its group', () => {
  const cluster = warm()
  const group = groupOf(cluster)
  const [frozen, next] = [group.leader, others(group.leader)[0] as string]
  cluster.cut(frozen)
  cluster.link(frozen)
  group.leader = next
  for (const node of NODES) if (node !== next) cluster.frozen.add(node)
  for (let call = 2; call < 20; call++) cluster.put(call, 'key', 5_000)
  cluster.run(4_000)
  for (let call = 2; call < 20; call++) expect(cluster.outcome(call)).toMatchObject({ ok: true })
})

test('goal: a lost link makes the same bytes go elsewhere, and the answer is the first one', () => {
  const cluster = warm()
  const group = groupOf(cluster)
  cluster.faults = { ...NO_FAULTS, loseReply: 100 }
  cluster.put(2, 'key')
  cluster.run(20)
  cluster.faults = NO_FAULTS
  cluster.cut(group.leader)
  cluster.run(200)
  expect(cluster.outcome(2)).toMatchObject({ ok: true, result: { revision: 2 } })
  expect(cluster.applications(2)).toBe(1)
})

test('goal: nobody there: a read and a write are unavailable, surely not applied', () => {
  const cluster = new ModelCluster('nobody')
  for (const node of NODES) cluster.alive.delete(node)
  cluster.start()
  cluster.put(1, 'key', 500)
  cluster.get(2, 'key')
  cluster.run(3_000)
  for (const call of [1, 2]) {
    const expected = { code: 'unavailable', outcome: 'not_applied' }
    expect(cluster.outcome(call)).toMatchObject({ ok: false, failure: expected })
  }
  expect(cluster.endedAt.get(1)).toBe(500)
})

test('goal: silence is unknown for a write and a timeout for a read', () => {
  const cluster = warm()
  for (const node of NODES) cluster.frozen.add(node)
  cluster.put(2, 'key', 800)
  cluster.get(3, 'key')
  cluster.run(3_000)
  const unknown = { code: 'unknown_outcome', outcome: 'unknown' }
  expect(cluster.outcome(2)).toMatchObject({ ok: false, failure: unknown })
  expect(cluster.outcome(3)).toMatchObject({ ok: false, failure: { code: 'timeout' } })
  expect(cluster.endedAt.get(2)).toBe(900)
})

test('goal: calls over the bound are refused at once and cost nothing', () => {
  const cluster = warm({ inFlightMax: 3 })
  for (let call = 2; call < 7; call++) cluster.put(call, 'key')
  for (const call of [5, 6]) {
    const failure = { code: 'overloaded', outcome: 'not_applied' }
    expect(cluster.outcome(call)).toMatchObject({ failure })
  }
  cluster.run(100)
  expect(cluster.outcome(4)).toMatchObject({ ok: true })
  expect(cluster.machine.inFlight).toBe(0)
})

test('goal: an expired session is followed by a new one, with a new basis, for one call', () => {
  const cluster = warm()
  const before = cluster.machine.session
  for (const group of cluster.groups) group.age()
  cluster.put(2, 'key')
  cluster.run(500)
  expect(cluster.outcome(2)).toMatchObject({ ok: true })
  expect(cluster.machine.session).not.toBe(before)
  const [, refused, again] = cluster.commands()
  expect(refused?.session).toBe(before)
  expect(again).toMatchObject({ session: cluster.machine.session, seq: 1 })
  expect(again?.basis).toBeGreaterThan(2_000_000)
})

test('goal: a session that expires while a copy is unanswered leaves the outcome unknown', () => {
  const cluster = warm()
  cluster.faults = { ...NO_FAULTS, loseReply: 100 }
  cluster.put(2, 'key')
  cluster.run(20)
  cluster.faults = NO_FAULTS
  for (const group of cluster.groups) group.age()
  cluster.cut(groupOf(cluster).leader)
  cluster.run(500)
  expect(cluster.outcome(2)).toMatchObject({ failure: { code: 'unknown_outcome' } })
  expect(cluster.applications(2)).toBe(1)
})

test('goal: giving up tells the node, and the truth: unknown once sent, else not applied', () => {
  const cluster = new ModelCluster('cancel')
  cluster.put(1, 'key')
  cluster.step({ type: 'cancel', call: 1 })
  expect(cluster.outcome(1)).toMatchObject({ failure: { outcome: 'not_applied' } })
  const warmed = warm()
  warmed.put(2, 'key')
  warmed.get(3, 'key')
  warmed.step({ type: 'cancel', call: 2 })
  warmed.step({ type: 'cancel', call: 3 })
  expect(warmed.outcome(2)).toMatchObject({ failure: { code: 'unknown_outcome' } })
  expect(warmed.outcome(3)).toMatchObject({ failure: { outcome: 'not_applied' } })
  expect(warmed.cancelled).toEqual(warmed.sent.slice(-2).map(({ request }) => request.id))
  warmed.run(100)
  warmed.outcome(2)
})

test('goal: a stale map is refused, fetched anew, and the call goes on', () => {
  const cluster = warm()
  cluster.epoch = 7
  cluster.put(2, 'key')
  cluster.run(300)
  expect(cluster.outcome(2)).toMatchObject({ ok: true })
  expect(cluster.machine.view?.map.epoch).toBe(7)
})

test('goal: a map of another cluster or an older one is never taken over', () => {
  const cluster = warm()
  const { map, ...hints } = cluster.view()
  const foreign = { ...map, clusterId: 'f'.repeat(32), epoch: 99 }
  cluster.step({ type: 'view', view: { map: foreign, ...hints } })
  cluster.step({ type: 'view', view: { map: { ...map, epoch: 0 }, ...hints } })
  expect(cluster.machine.view?.map).toMatchObject({ clusterId: map.clusterId, epoch: 1 })
})

test('goal: an answer of a node not asked, or to nothing we asked, changes nothing', () => {
  const cluster = warm()
  cluster.put(2, 'key')
  const { node, request } = cluster.sent.at(-1) as (typeof cluster.sent)[number]
  const reply: Reply = {
    id: request.id,
    outcome: 'rejected',
    code: 'invalid_argument',
    message: '',
    applied: 0,
    leader: '',
    epoch: 1,
    waitMs: 0,
    body: new Uint8Array(0)
  }
  cluster.step({ type: 'reply', node: others(node)[0] as string, reply })
  cluster.step({ type: 'reply', node, reply: { ...reply, id: request.id + 5 } })
  cluster.run(100)
  expect(cluster.outcome(2)).toMatchObject({ ok: true })
})

test('goal: a late copy never runs again in a session that its group forgot and reopened', () => {
  const cluster = warm()
  const group = groupOf(cluster)
  cluster.faults = { ...NO_FAULTS, loseReply: 100 }
  cluster.put(2, 'key', 5_000)
  cluster.run(20)
  expect(cluster.applications(2)).toBe(1)
  cluster.faults = NO_FAULTS
  group.age()
  // The read teaches a fresh basis, with which the third put alone could open the session again.
  cluster.get(3, 'key')
  cluster.run(50)
  cluster.put(4, 'key')
  cluster.run(100)
  cluster.cut(group.leader)
  cluster.run(4_000)
  expect(cluster.applications(2)).toBe(1)
  expect(cluster.outcome(2)).toMatchObject({ failure: { code: 'unknown_outcome' } })
  expect(cluster.outcome(4)).toMatchObject({ ok: true })
})

test('goal: a dial swallowed by a standing link does not hinder a later one', () => {
  const cluster = warm()
  const { leader } = groupOf(cluster)
  cluster.frozen.add(leader)
  for (const node of others(leader)) cluster.cut(node)
  for (const node of others(leader)) cluster.alive.delete(node)
  // Silence makes the client call the seeds, the linked node among them: nothing comes of that.
  cluster.put(2, 'key', 4_000)
  cluster.run(5_000)
  cluster.cut(leader)
  cluster.frozen.delete(leader)
  cluster.put(3, 'key', 1_000)
  cluster.run(1_000)
  expect(cluster.outcome(3)).toMatchObject({ ok: true })
})

test('goal: a node that takes every link and drops it at once is dialled ever more slowly', () => {
  const cluster = warm()
  const dialled = cluster.dialled.length
  const sent = cluster.sent.length
  for (const node of NODES) cluster.cut(node)
  cluster.faults = { ...NO_FAULTS, cutLink: 100, loseRequest: 0 }
  cluster.put(2, 'key', 10_000)
  cluster.run(10_000)
  expect(cluster.dialled.length - dialled).toBeLessThan(10 * 6 * 3)
  expect(cluster.sent.length - sent).toBeLessThan(10 * 6 * 6)
})
