import { expect, test } from 'vitest'
import { ClientMachine } from '../../../src/client/machine.ts'
import { Throttle } from '../../../src/client/throttle.ts'
import { World } from '../../../src/simulation/world.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import type { NodeId } from '../../../src/wire/ids.ts'
import type { Reply } from '../../../src/wire/request.ts'
import { type ModelCluster, NO_FAULTS } from './model-cluster.ts'
import { groupOf, others, warm } from './warm.ts'

const REFUSAL: Omit<Reply, 'id'> = {
  outcome: 'rejected',
  code: 'overloaded',
  message: 'full',
  applied: 0,
  leader: '',
  epoch: 1,
  waitMs: 50,
  body: new Uint8Array(0)
}
const OVERLOADED = { ok: false, failure: { code: 'overloaded', outcome: 'not_applied' } }

/** A client whose requests are answered only by the test. */
function unanswered(): { cluster: ModelCluster; leader: NodeId } {
  const cluster = warm()
  cluster.faults = { ...NO_FAULTS, loseRequest: 100 }
  return { cluster, leader: groupOf(cluster).leader }
}

/** `node` refuses the request sent last. */
function refuse(cluster: ModelCluster, node: NodeId, more: Partial<Reply> = {}): void {
  const id = cluster.sent.at(-1)?.request.id ?? 0
  cluster.step({ type: 'reply', node, reply: { ...REFUSAL, id, ...more } })
}

test('goal: a call that is surely not applied ends with the refusal, and is not sent again', () => {
  const { cluster, leader } = unanswered()
  cluster.put(2, 'key', 1_000)
  const sent = cluster.sent.length
  refuse(cluster, leader)
  const failure = { code: 'overloaded', outcome: 'not_applied', retryAfterMs: 50, message: 'full' }
  expect(cluster.outcome(2)).toMatchObject({ ok: false, failure })
  cluster.run(2_000)
  expect(cluster.sent.length).toBe(sent)
})

test('goal: while a node has too much, its callers hear it without a frame, and no longer', () => {
  const { cluster, leader } = unanswered()
  cluster.put(2, 'key')
  refuse(cluster, leader)
  const sent = cluster.sent.length
  cluster.run(20)
  cluster.put(3, 'key')
  expect(cluster.outcome(3)).toMatchObject(OVERLOADED)
  expect(cluster.sent.length).toBe(sent)
  cluster.run(31)
  cluster.put(4, 'key')
  expect(cluster.sent.length).toBe(sent + 1)
  expect(cluster.outcomes.has(4)).toBe(false)
})

test('goal: refused writes say nothing about reads, nor one node about another', () => {
  const { cluster, leader } = unanswered()
  cluster.put(2, 'key')
  refuse(cluster, leader)
  const sent = cluster.sent.length
  cluster.get(3, 'key')
  expect(cluster.sent.at(sent)).toMatchObject({ node: leader, request: { kind: 'get' } })
  groupOf(cluster).leader = others(leader)[0] ?? ''
  cluster.step({ type: 'view', view: cluster.view() })
  cluster.put(4, 'key')
  expect(cluster.sent.at(-1)).toMatchObject({ node: others(leader)[0] })
})

test('goal: what a group refuses is not held against its node', () => {
  const { cluster, leader } = unanswered()
  cluster.put(2, 'key')
  refuse(cluster, leader, { applied: 7, waitMs: 100 })
  expect(cluster.outcome(2)).toMatchObject(OVERLOADED)
  cluster.put(3, 'key')
  expect(cluster.outcomes.has(3)).toBe(false)
})

test('goal: who hears that disks are full has the answer; a write in doubt asks on', () => {
  const { cluster, leader } = unanswered()
  cluster.put(2, 'key')
  refuse(cluster, leader, { code: 'unavailable', message: 'disks are full', waitMs: 0 })
  const failure = { code: 'unavailable', outcome: 'not_applied', message: 'disks are full' }
  expect(cluster.outcome(2)).toMatchObject({ ok: false, failure })
  cluster.put(3, 'key', 1_000)
  refuse(cluster, leader, { outcome: 'unknown', code: 'unknown_outcome' })
  cluster.run(100)
  const sent = cluster.sent.length
  refuse(cluster, cluster.sent.at(-1)?.node ?? '', { code: 'unavailable', waitMs: 0 })
  expect(cluster.outcomes.has(3)).toBe(false)
  cluster.run(1_000)
  expect(cluster.sent.length).toBeGreaterThan(sent)
  expect(cluster.outcome(3)).toMatchObject({ ok: false, failure: { code: 'unknown_outcome' } })
})

test('goal: a write in doubt goes on, until an answer says what became of it', () => {
  const { cluster, leader } = unanswered()
  cluster.put(2, 'key')
  const sent = cluster.sent.length
  refuse(cluster, leader, { outcome: 'unknown', code: 'unknown_outcome' })
  cluster.run(50)
  expect(cluster.sent.length).toBe(sent + 1)
  refuse(cluster, cluster.sent.at(-1)?.node ?? '')
  expect(cluster.outcomes.has(2)).toBe(false)
  cluster.faults = NO_FAULTS
  cluster.run(500)
  expect(cluster.outcome(2)).toMatchObject({ ok: true })
  expect(cluster.applications(2)).toBe(1)
})

test('goal: an eventual read goes on at another replica, and ends when all refuse', () => {
  const { cluster } = unanswered()
  cluster.get(2, 'key', 'eventual')
  const asked: NodeId[] = []
  while (!cluster.outcomes.has(2)) {
    const { node } = cluster.sent.at(-1) ?? { node: '' }
    asked.push(node)
    refuse(cluster, node)
  }
  expect(new Set(asked).size).toBe(3)
  expect(asked).toHaveLength(3)
  expect(cluster.outcome(2)).toMatchObject(OVERLOADED)
})

test('goal: eventual reads pass by a node that refuses them just now', () => {
  const { cluster } = unanswered()
  cluster.get(2, 'key', 'eventual')
  const { node } = cluster.sent.at(-1) ?? { node: '' }
  refuse(cluster, node)
  for (let call = 3; call < 20; call++) {
    cluster.get(call, 'key', 'eventual')
    expect(cluster.sent.at(-1)?.node).not.toBe(node)
  }
})

test('goal: who refuses before it is known whether it leads does not hide the leader', () => {
  const { cluster, leader } = unanswered()
  const [first = '', second = ''] = others(leader)
  cluster.get(2, 'key')
  // A refusal that names nobody: the next member is asked whether it leads.
  refuse(cluster, leader, { code: 'not_leader' })
  const asked = cluster.sent.at(-1)?.node ?? ''
  expect([first, second]).toContain(asked)
  refuse(cluster, asked)
  cluster.get(3, 'key')
  expect(cluster.sent.at(-1)?.node).not.toBe(asked)
})

test('goal: the map and bases are fetched from a node that refuses everything else', () => {
  const { cluster, leader } = unanswered()
  cluster.put(2, 'key')
  refuse(cluster, leader)
  cluster.faults = NO_FAULTS
  cluster.epoch++
  cluster.run(50)
  cluster.put(3, 'key')
  cluster.run(200)
  expect(cluster.outcome(3)).toMatchObject({ ok: true })
})

test('goal: whoever asks before calling hears what the call would, and then may call', () => {
  const { cluster, leader } = unanswered()
  const { machine } = cluster
  const shedMs = (kind: 'get' | 'mutate'): number => machine.shedMs(kind, utf8('key'), cluster.now)
  expect(machine.isShedding(cluster.now)).toBe(false)
  expect(shedMs('mutate')).toBe(0)
  cluster.put(2, 'key')
  refuse(cluster, leader)
  expect(machine.isShedding(cluster.now)).toBe(true)
  expect(shedMs('mutate')).toBeGreaterThan(0)
  expect(shedMs('get')).toBe(0)
  const sent = cluster.sent.length
  const operation = { type: 'put', key: utf8('key'), value: utf8('1') } as const
  const call = { kind: 'mutate', operation } as const
  cluster.step({ type: 'call', call: 3, operation: call, timeoutMs: 1_000, admitted: true })
  expect(cluster.sent.length).toBe(sent + 1)
  cluster.run(1_251)
  expect(machine.isShedding(cluster.now)).toBe(false)
  expect(shedMs('mutate')).toBe(0)
})

test('goal: before there is a map nobody is refused', () => {
  const machine = new ClientMachine({ random: new World('mapless').random, seeds: [] })
  expect(machine.shedMs('get', utf8('key'), 0)).toBe(0)
})

test('goal: the wait is at least half of what the node asked for, and never more', () => {
  const throttle = new Throttle(new World('throttle').random)
  const waits = Array.from({ length: 200 }, (_, i) => {
    throttle.refused(`node ${i}`, 'get', 50, 1_000)
    return throttle.waitMs(`node ${i}`, 'get', 1_000)
  })
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(25)
  expect(Math.max(...waits)).toBeLessThanOrEqual(50)
  expect(new Set(waits).size).toBeGreaterThan(10)
  expect(throttle.waitMs('node 1', 'mutate', 1_000)).toBe(0)
  expect(throttle.waitMs('node 1', 'get', 1_050)).toBe(0)
  throttle.refused('node 1', 'get', 1e9, 2_000)
  expect(throttle.waitMs('node 1', 'get', 2_000)).toBeLessThanOrEqual(1_000)
})

test('goal: a node that refuses is sent little more than it answers', () => {
  const throttle = new Throttle(new World('surplus').random)
  throttle.refused('node', 'mutate', 100, 0)
  let sent = 0
  let answered = 0
  // It answers 3 of the calls of each millisecond, of which there are 50.
  for (let now = 1; now <= 2_000; now++) {
    const before = sent
    for (let i = 0; i < 50; i++) if (throttle.waitMs('node', 'mutate', now) === 0) sent++
    for (let i = 0; i < 3; i++) throttle.answered('node', 'mutate')
    answered += 3
    for (let i = before + 3; i < sent; i++) throttle.refused('node', 'mutate', 100, now)
  }
  expect(sent).toBeGreaterThan(answered)
  expect(sent).toBeLessThan(1.5 * answered)
  expect(throttle.isShedding('node', 'mutate', 2_101)).toBe(false)
  expect(throttle.isActive(2_101)).toBe(true)
  expect(throttle.isActive(3_301)).toBe(false)
  for (let i = 0; i < 1_000; i++) expect(throttle.waitMs('node', 'mutate', 3_301)).toBe(0)
})

test('goal: after the wait a few are sent at once, and all in little more than a second', () => {
  const throttle = new Throttle(new World('opening').random)
  const sentIn = (from: number, calls: number): number => {
    let sent = 0
    for (let i = 0; i < calls; i++) {
      const now = from + (100 * i) / calls
      if (throttle.waitMs('node', 'mutate', now) === 0) sent++
    }
    return sent
  }
  throttle.refused('node', 'mutate', 100, 0)
  // Five come every millisecond, and none was answered.
  expect(sentIn(0, 500)).toBeLessThan(50)
  const sent = Array.from({ length: 13 }, (_, i) => sentIn(100 + 100 * i, 500))
  expect(sent[0]).toBeGreaterThan(0)
  expect(sent[0]).toBeLessThan(50)
  expect(sent.at(-1)).toBe(500)
})
