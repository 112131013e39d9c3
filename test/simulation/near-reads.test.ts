import { expect, test } from 'vitest'
import type { CallOperation, CallOutcome } from '../../src/client/inputs.ts'
import type { Answered } from '../../src/partition/answer.ts'
import type { SimulatedClient } from '../../src/simulation/client.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import { decodeRead } from '../../src/wire/read-body.ts'
import type { Consistency } from '../../src/wire/request.ts'
import { type Caller, clientCaller, GatewayCaller } from './callers.ts'

// Goal: what each replica answers to reads that do not need the leader, and how old it says it is.

const KEY = utf8('key')
const GROUP = 1

function formed(seed: string, nodes = 3): SimulatedCluster {
  const options = { nodes, replicas: nodes, partitions: 1, clients: 1, limits: {} }
  const cluster = new SimulatedCluster(new World(seed), options)
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  cluster.run(3_000)
  return cluster
}

function call(cluster: SimulatedCluster, operation: CallOperation): CallOutcome & { ok: true } {
  const outcome = ended(cluster, operation)
  if (!outcome.ok) throw new Error(`not done: ${JSON.stringify(outcome)}`)
  return outcome
}

function ended(cluster: SimulatedCluster, operation: CallOperation): CallOutcome {
  let outcome: CallOutcome | undefined
  cluster.clients[0]?.call(operation, 8_000, (told) => {
    outcome = told
  })
  cluster.runTo(10_000, () => outcome !== undefined)
  if (outcome === undefined) throw new Error('a call without an end')
  return outcome
}

function read(
  cluster: SimulatedCluster,
  caller: Caller,
  consistency: Consistency
): CallOutcome & { ok: true; kind: 'get' } {
  let outcome: CallOutcome | undefined
  const done = (told: CallOutcome): void => {
    outcome = told
  }
  caller.call({ kind: 'get', key: KEY, consistency }, 2_000, done, () => {})
  cluster.runTo(5_000, () => outcome !== undefined)
  if (!outcome?.ok || outcome.kind !== 'get') throw new Error('a read failed')
  return outcome
}

function put(cluster: SimulatedCluster, value: string, more: { ttlMs?: number } = {}): number {
  const operation = { type: 'put', key: KEY, value: utf8(value), ...more } as const
  const outcome = call(cluster, { kind: 'mutate', operation })
  if (outcome.kind !== 'mutate') throw new Error(`a put answered as ${outcome.kind}`)
  return outcome.applied
}

interface Told {
  readonly answer: Answered
  readonly afterMs: number
  readonly value: string | undefined
}

/** What `node` itself answers. */
function ask(
  cluster: SimulatedCluster,
  node: SimulatedNode | undefined,
  consistency: Consistency,
  minApplied = 0
): Told {
  const { machine } = node ?? {}
  const map = machine?.membership.map
  if (machine === undefined || map === undefined) throw new Error('it is not up')
  const began = cluster.world.now
  let answer: Answered | undefined
  const { clusterId, epoch } = map
  const head = { id: 1_000_000 + began, kind: 'get', clusterId, group: GROUP, epoch } as const
  const rest = { timeoutMs: 1_000, consistency, minApplied, principal: '', trace: '', body: KEY }
  machine.door.enter('test', { ...head, ...rest }, (told) => {
    answer = told
  })
  cluster.world.runWhile(began + 5_000, () => answer !== undefined)
  if (answer === undefined) throw new Error('no answer')
  const { record } = answer.outcome === 'ok' ? decodeRead(answer.body) : {}
  const value = record === undefined ? undefined : utf8Text(record.value)
  return { answer, afterMs: cluster.world.now - began, value }
}

const leads = (node: SimulatedNode): boolean => node.machine?.host.get(GROUP)?.isLeader ?? false
const leaderOf = ({ nodes }: SimulatedCluster): SimulatedNode | undefined => nodes.find(leads)
const followerOf = ({ nodes }: SimulatedCluster): SimulatedNode | undefined =>
  nodes.find((node) => !leads(node))

function cutOff({ nodes, network }: SimulatedCluster, alone: SimulatedNode | undefined): void {
  const others = nodes.filter((node) => node !== alone)
  network.cut(
    [alone?.name ?? ''],
    others.map(({ name }) => name),
    'both'
  )
}

test('every replica answers eventual at once; how old is known from the last question', () => {
  const cluster = formed('eventual')
  put(cluster, 'one')
  cluster.run(1_500)
  for (const node of cluster.nodes) {
    const { answer, value, afterMs } = ask(cluster, node, 'eventual')
    expect([value, afterMs]).toEqual(['one', 0])
    expect(answer.waitMs).toBeLessThanOrEqual(1_200)
    // Being read, it asks at every tick.
    cluster.run(250)
    expect(ask(cluster, node, 'eventual').answer.waitMs).toBeLessThanOrEqual(250)
  }
})

test('a group of one replica is never old', () => {
  const cluster = formed('alone', 1)
  put(cluster, 'one')
  cluster.run(100_000)
  expect(ask(cluster, cluster.nodes[0], 'eventual')).toMatchObject({
    value: 'one',
    answer: { waitMs: 0 }
  })
})

test('cut off, a replica answers on and says truly since when, leader or not', () => {
  for (const pick of [leaderOf, followerOf]) {
    const cluster = formed('cut off')
    put(cluster, 'one')
    cluster.run(1_500)
    const alone = pick(cluster)
    cutOff(cluster, alone)
    const cutAt = cluster.world.now
    cluster.run(5_000)
    put(cluster, 'two')
    const { answer, value } = ask(cluster, alone, 'eventual')
    expect(value).toBe('one')
    expect(answer.waitMs).toBeGreaterThanOrEqual(cluster.world.now - cutAt)
    expect(answer.waitMs).toBeLessThanOrEqual(cluster.world.now - cutAt + 1_500)
    expect(ask(cluster, alone, 'session').value).toBe('one')
  }
})

test('a leader that was replaced and does not know it claims no more than it was told', () => {
  let unaware = 0
  for (let seed = 0; seed < 12; seed++) {
    const cluster = formed(`replaced ${seed}`)
    put(cluster, 'one')
    cluster.run(1_500)
    const old = leaderOf(cluster)
    cutOff(cluster, old)
    let writtenAt = Number.POSITIVE_INFINITY
    const operation = { type: 'put', key: KEY, value: utf8('two') } as const
    cluster.clients[0]?.call({ kind: 'mutate', operation }, 8_000, () => {
      writtenAt = cluster.world.now
    })
    for (let i = 0; i < 400; i++) {
      cluster.run(10)
      const { now } = cluster.world
      if (now > writtenAt && old !== undefined && leads(old)) unaware++
      const { answer, value } = ask(cluster, old, 'eventual')
      expect(value).toBe('one')
      if (now > writtenAt) expect(answer.waitMs).toBeGreaterThanOrEqual(now - writtenAt)
    }
    expect(writtenAt).toBeLessThan(cluster.world.now)
  }
  expect(unaware).toBeGreaterThan(10)
})

test('after a restart without a majority age is told by the clocks, and never too young', () => {
  const cluster = formed('restart')
  put(cluster, 'one')
  const writtenAt = cluster.world.now
  const [a, b, c] = cluster.nodes
  for (const node of [b, c]) node?.kill(false)
  cluster.run(60_000)
  a?.kill(false)
  a?.boot()
  cluster.run(3_000)
  const { answer, value } = ask(cluster, a, 'eventual')
  // The last entry may have reached it without the news that it is committed.
  expect(value === 'one' || value === undefined).toBe(true)
  expect(answer.waitMs).toBeGreaterThanOrEqual(cluster.world.now - writtenAt)
})

test('after a restart with the clocks set back, age is not known', () => {
  const cluster = formed('set back')
  put(cluster, 'one')
  const [a, b, c] = cluster.nodes
  for (const node of [b, c]) node?.kill(false)
  cluster.run(60_000)
  a?.kill(false)
  a?.boot()
  a?.life?.shiftWall(-3_600_000)
  cluster.run(3_000)
  expect(ask(cluster, a, 'eventual').answer.waitMs).toBe(Number.MAX_SAFE_INTEGER)
  for (const node of [b, c]) node?.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  cluster.run(3_000)
  expect(ask(cluster, a, 'eventual').answer.waitMs).toBeLessThanOrEqual(1_200)
})

test('a follower that is behind waits a moment for what the reader saw, then refers it', () => {
  const cluster = formed('session')
  const applied = put(cluster, 'one')
  for (const node of cluster.nodes) {
    const { answer, value, afterMs } = ask(cluster, node, 'session', applied)
    expect(value).toBe('one')
    expect(answer.applied).toBeGreaterThanOrEqual(applied)
    expect(afterMs).toBeLessThanOrEqual(20)
  }
  const follower = followerOf(cluster)
  const { answer, afterMs } = ask(cluster, follower, 'session', applied + 100)
  expect(answer).toMatchObject({ outcome: 'rejected', code: 'not_leader' })
  expect(answer.leader).toBe(leaderOf(cluster)?.name)
  expect(afterMs).toBeLessThanOrEqual(25)
})

test('a session that has seen more than there is hears so at once, whoever it asks', () => {
  const cluster = formed('beyond')
  const applied = put(cluster, 'one')
  cluster.run(300)
  const told = ask(cluster, leaderOf(cluster), 'session', applied + 1_000)
  expect(told.answer).toMatchObject({ outcome: 'rejected', code: 'invalid_argument' })
  expect(told.answer.message).toMatch(/another state of this cluster/)
  expect(told.afterMs).toBeLessThanOrEqual(20)
  const floors = new Map([[GROUP, { applied: applied + 1_000 }]])
  const began = cluster.world.now
  const operation = { kind: 'get', key: KEY, consistency: 'session', floors } as const
  expect(ended(cluster, operation)).toMatchObject({
    ok: false,
    failure: { code: 'invalid_argument', outcome: 'not_applied' }
  })
  expect(cluster.world.now - began).toBeLessThan(100)
})

test('a leader that was replaced unawares does not say that a session has seen too much', () => {
  const cluster = formed('replaced')
  put(cluster, 'one')
  cluster.run(1_500)
  const old = leaderOf(cluster)
  cutOff(cluster, old)
  const { answer } = ask(cluster, old, 'session', 1_000)
  expect(answer).toMatchObject({ outcome: 'rejected' })
  expect(['not_leader', 'timeout']).toContain(answer.code)
})

test('a replica found to be damaged answers no read', () => {
  const cluster = formed('damaged')
  put(cluster, 'one')
  // Until followers know for sure that it is committed.
  cluster.run(300)
  const node = followerOf(cluster)
  node?.machine?.host.get(GROUP)?.condemn('planted')
  for (const consistency of ['eventual', 'session', 'strong'] as const) {
    expect(ask(cluster, node, consistency).answer).toMatchObject({ code: 'not_leader' })
  }
  const operation = { kind: 'get', key: KEY, consistency: 'eventual' } as const
  for (let i = 0; i < 10; i++) {
    expect(call(cluster, operation)).toMatchObject({ record: { value: utf8('one') } })
  }
})

test('a key past its ttl is absent to eventual, and to a session once the log says so', () => {
  const cluster = formed('expired')
  put(cluster, 'brief', { ttlMs: 5_000 })
  cluster.run(1_000)
  for (const node of cluster.nodes) {
    expect(ask(cluster, node, 'session').value).toBe('brief')
    // Nobody sweeps it: that, too, is an entry with the time.
    const expiries = node.machine?.host.get(GROUP)?.state.expiries
    if (expiries !== undefined) expiries.soonest = Number.POSITIVE_INFINITY
  }
  cluster.run(5_000)
  const follower = followerOf(cluster)
  expect(ask(cluster, follower, 'eventual')).toMatchObject({ value: undefined })
  // No entry says what time it is: only the leader can have one written.
  expect(ask(cluster, follower, 'session').answer).toMatchObject({ code: 'not_leader' })
  const told = ask(cluster, leaderOf(cluster), 'session')
  expect([told.answer.outcome, told.value]).toEqual(['ok', undefined])
  cluster.run(200)
  const after = ask(cluster, follower, 'session', told.answer.applied)
  expect([after.answer.outcome, after.value]).toEqual(['ok', undefined])
})

test('what a session saw expire by any clock never comes back to it', () => {
  let early = 0
  for (let seed = 0; seed < 6; seed++) {
    const cluster = formed(`skewed ${seed}`)
    const followers = cluster.nodes.filter((node) => !leads(node))
    // As clocks drift: what is set at once is not believed.
    for (let step = 0; step < 8; step++) {
      followers[0]?.life?.shiftWall(400)
      followers[1]?.life?.shiftWall(-200)
      cluster.run(1_100)
    }
    const clientLife = clientCaller(cluster.clients[0] as SimulatedClient)
    for (const caller of [clientLife, new GatewayCaller(cluster, cluster.world.life('http'))]) {
      put(cluster, caller.name, { ttlMs: 6_000 })
      const expiry = cluster.world.now + 6_000
      let over = false
      while (cluster.world.now < expiry + 5_000) {
        const consistency = cluster.world.random.below(2) === 0 ? 'session' : 'eventual'
        const outcome = read(cluster, caller, consistency)
        const isThere = outcome.record !== undefined
        if (consistency === 'session') expect(isThere && over).toBe(false)
        over ||= !isThere
        if (over && cluster.world.now < expiry) early++
        cluster.run(100)
      }
      expect(over).toBe(true)
    }
  }
  // Or else the clocks were not apart.
  expect(early).toBeGreaterThan(100)
})

test('a session read right after a write is as quick as a message or two', () => {
  const cluster = formed('quick')
  const slowest = { put: 0, get: 0 }
  for (let i = 0; i < 50; i++) {
    const began = cluster.world.now
    put(cluster, `v${i}`)
    const written = cluster.world.now
    const read = call(cluster, { kind: 'get', key: KEY, consistency: 'session' })
    expect(read).toMatchObject({ record: { value: utf8(`v${i}`) } })
    slowest.put = Math.max(slowest.put, written - began)
    slowest.get = Math.max(slowest.get, cluster.world.now - written)
  }
  expect(slowest.get).toBeLessThan(50)
})
