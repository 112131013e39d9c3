import { expect, test } from 'vitest'
import { ClientMachine } from '../../../src/client/machine.ts'
import { Nearest } from '../../../src/client/nearest.ts'
import { World } from '../../../src/simulation/world.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { type ModelCluster, NODES } from './model-cluster.ts'
import { groupOf, others, warm } from './warm.ts'

const key = utf8('key')

/** Reads one after another, each answered before the next; where they were sent. */
function reads(cluster: ModelCluster, kind: 'session' | 'eventual', count: number): string[] {
  const before = cluster.sent.length
  for (let i = 0; i < count; i++) {
    const call = cluster.sent.length + 1_000
    cluster.get(call, 'key', kind)
    cluster.run(150)
    expect(cluster.outcome(call)).toMatchObject({ ok: true, record: { value: utf8('value 1') } })
  }
  const gets = cluster.sent.slice(before).filter(({ request }) => request.kind === 'get')
  return gets.map(({ node }) => node)
}

test('goal: eventual reads have all members called and then stay with the nearest', () => {
  const cluster = warm()
  const [near = '', ...far] = others(groupOf(cluster).leader)
  for (const node of [...far, groupOf(cluster).leader]) cluster.far.set(node, 30)
  reads(cluster, 'eventual', 5)
  expect(new Set(reads(cluster, 'eventual', 20))).toEqual(new Set([near]))
})

const IDLE = { turn: 0, favourite: undefined, owedBy: () => 0 }

test('goal: where all are as near, clients begin anywhere, and reads go on where they went', () => {
  const began = new Set<string | undefined>()
  for (let turn = 0; turn < 30; turn++) {
    const nearest = new Nearest()
    for (const node of NODES) nearest.heard(node, 1, 0)
    const first = nearest.pick(NODES, 1, { ...IDLE, turn })
    began.add(first)
    for (let i = 0; i < 9; i++) expect(nearest.pick(NODES, 1, { ...IDLE, turn: i })).toBe(first)
  }
  expect(began).toEqual(new Set(NODES))
})

test('goal: of nodes that are as near none owes much more than the others', () => {
  const random = new World('spread').random
  const nearest = new Nearest()
  for (const node of NODES) nearest.heard(node, 1, 0)
  const owed = new Map<string | undefined, number>()
  const owedBy = (node: string | undefined): number => owed.get(node) ?? 0
  for (let i = 0; i < 2_000; i++) {
    // Answers come, of any of them, as long as they are in debt.
    const answering = NODES[random.below(3)]
    if (i > 100 && owedBy(answering) > 0) owed.set(answering, owedBy(answering) - 1)
    const picked = nearest.pick(NODES, 1, { turn: random.below(99), favourite: undefined, owedBy })
    const least = Math.min(...NODES.map(owedBy))
    owed.set(picked, owedBy(picked) + 1)
    expect(owedBy(picked) - least).toBeLessThanOrEqual(17)
  }
})

test('goal: a node that was measured when all were busy gets its share', () => {
  const nearest = new Nearest()
  nearest.heard('a', 1, 0)
  nearest.heard('b', 7, 0)
  const owedBy = (node: string): number => (node === 'a' ? 60 : 0)
  expect(nearest.pick(['a', 'b'], 1, { ...IDLE, owedBy })).toBe('a')
  for (let i = 0; i < 6; i++) nearest.heard('a', 7, 2)
  expect(nearest.pick(['a', 'b'], 3, { ...IDLE, owedBy })).toBe('b')
  // It is near: once nothing is in the way, its answers say so, and those of the other, too.
  nearest.heard('b', 1, 4)
  for (let i = 0; i < 6; i++) nearest.heard('a', 1, 5)
  expect(nearest.pick(['a', 'b'], 6, { ...IDLE, owedBy })).toBe('b')
  // One that stays slow is far in the end.
  for (let i = 0; i < 300; i++) nearest.heard('b', 7, 7)
  expect(nearest.pick(['a', 'b'], 8, { ...IDLE, owedBy })).toBe('a')
})

test('goal: 64 reads in flight are shared by all members of the group', () => {
  const cluster = warm()
  reads(cluster, 'eventual', 10)
  const before = cluster.sent.length
  for (let call = 5_000; call < 5_064; call++) cluster.get(call, 'key', 'eventual')
  const to = cluster.sent.slice(before).map(({ node }) => node)
  for (const node of NODES) expect(to.filter((one) => one === node).length).toBeGreaterThan(10)
  cluster.run(150)
  for (let call = 5_000; call < 5_064; call++) {
    expect(cluster.outcome(call)).toMatchObject({ ok: true })
  }
})

test('goal: one call finds out about a node that nobody knows, the others do not wait', () => {
  const nearest = new Nearest()
  const pick = (now: number): string | undefined => nearest.pick(['a', 'b'], now, IDLE)
  nearest.heard('a', 2, 0)
  expect([pick(1), pick(1), pick(1)]).toEqual(['b', 'a', 'a'])
  nearest.heard('b', 1, 2)
  nearest.silent('a', 500, 3)
  expect(pick(4)).toBe('b')
  // What was measured long ago is measured anew, one node at a time.
  expect([pick(10_500), pick(10_500), pick(10_500)]).toEqual(['a', 'b', 'b'])
})

test('goal: eventual reads go on while any one member answers, whoever it is', () => {
  for (const survivor of NODES) {
    const cluster = warm()
    reads(cluster, 'eventual', 3)
    groupOf(cluster).leader = 'nobody'
    for (const node of others(survivor)) cluster.kill(node)
    expect(reads(cluster, 'eventual', 3)).toEqual([survivor, survivor, survivor])
  }
})

test('goal: a read at a silent node goes on elsewhere soon, the next ones do not go there', () => {
  const cluster = warm()
  reads(cluster, 'eventual', 6)
  const silent = reads(cluster, 'eventual', 1)[0] ?? ''
  cluster.frozen.add(silent)
  for (const node of others(silent)) cluster.far.set(node, 5)
  const began = cluster.now
  cluster.get(2, 'key', 'eventual')
  for (let call = 3; call < 20; call++) cluster.get(call, 'key', 'session')
  cluster.run(300)
  for (let call = 2; call < 20; call++) {
    expect(cluster.outcome(call)).toMatchObject({ ok: true })
    expect((cluster.endedAt.get(call) ?? Infinity) - began).toBeLessThan(300)
  }
  expect(reads(cluster, 'eventual', 5)).not.toContain(silent)
})

test('goal: a session read carries the highest index this client was answered with', () => {
  const cluster = warm()
  reads(cluster, 'eventual', 3)
  cluster.put(2, 'key')
  cluster.run(50)
  cluster.get(3, 'key', 'session')
  cluster.run(50)
  expect(cluster.sent.at(-1)?.request.minApplied).toBe(groupOf(cluster).applied)
  // An older answer, of a replica that is behind, does not lower it.
  for (const node of NODES) cluster.lag.set(node, 1)
  cluster.get(4, 'key', 'eventual')
  cluster.run(50)
  for (const node of NODES) cluster.lag.set(node, 0)
  cluster.get(5, 'key', 'session')
  cluster.run(50)
  expect(cluster.sent.at(-1)?.request.minApplied).toBe(groupOf(cluster).applied)
})

test('goal: a replica that is behind sends the reader to the leader, in two steps at most', () => {
  const cluster = warm()
  reads(cluster, 'eventual', 6)
  const { leader } = groupOf(cluster)
  for (const node of others(leader)) cluster.lag.set(node, 5)
  cluster.far.set(leader, 20)
  reads(cluster, 'eventual', 20)
  const steps = reads(cluster, 'session', 1)
  expect(steps.at(-1)).toBe(leader)
  expect(steps.length).toBeLessThanOrEqual(2)
})

test('goal: a session that no replica has reached is unavailable in time, seldom asked', () => {
  const cluster = warm()
  reads(cluster, 'eventual', 6)
  const floors = new Map([1, 2].map((group) => [group, { applied: 1_000_000 }] as const))
  const operation = { kind: 'get', key, consistency: 'session', floors } as const
  const sent = cluster.sent.length
  cluster.step({ type: 'call', call: 2, operation, timeoutMs: 3_000 })
  cluster.run(3_100)
  expect(cluster.outcome(2)).toMatchObject({ ok: false, failure: { code: 'unavailable' } })
  expect(cluster.sent.length - sent).toBeLessThan(60)
})

test("goal: a floor of the caller's own takes the place of what the machine has seen", () => {
  const cluster = warm()
  reads(cluster, 'eventual', 3)
  const floors = new Map()
  const operation = { kind: 'get', key, consistency: 'session', floors } as const
  cluster.step({ type: 'call', call: 2, operation, timeoutMs: 1_000 })
  expect(cluster.sent.at(-1)?.request.minApplied).toBe(0)
})

test('goal: a machine that lives in a node asks that node, and another once it refused', () => {
  const world = new World('inside')
  const machine = new ClientMachine({ random: world.random, seeds: [], self: 'nodeB' })
  const { view } = warm().machine
  if (view === undefined) throw new Error('no map')
  machine.step({ type: 'view', view }, 0)
  for (const node of NODES) machine.step({ type: 'link-up', node }, 0)
  const operation = { kind: 'get', key, consistency: 'eventual' } as const
  const [first] = machine.step({ type: 'call', call: 1, operation, timeoutMs: 1_000 }, 1)
  if (first?.type !== 'send') throw new Error('nothing was sent')
  expect(first.node).toBe('nodeB')
  const { id } = first.request
  const refusal = { id, outcome: 'rejected', code: 'not_leader', message: '', leader: '' } as const
  const body = new Uint8Array(0)
  const reply = { ...refusal, applied: 0, epoch: 1, waitMs: 0, body }
  const effects = machine.step({ type: 'reply', node: 'nodeB', reply }, 2)
  const next = effects.find(({ type }) => type === 'send')
  expect(next).toMatchObject({ request: { kind: 'get', consistency: 'eventual' } })
  expect(next).not.toMatchObject({ node: 'nodeB' })
})
