import { expect, test } from 'vitest'
import type { CallOperation, CallOutcome } from '../../src/client/inputs.ts'
import type { Answered } from '../../src/partition/answer.ts'
import { type ClusterOptions, SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'

// Goal: a key lives as long as its ttl says, whatever the wall clock of a node shows.

const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS

function formed(seed: string, nodes = 3, limits: ClusterOptions['limits'] = {}): SimulatedCluster {
  const cluster = new SimulatedCluster(new World(seed), {
    nodes,
    replicas: nodes,
    partitions: 1,
    clients: 1,
    limits
  })
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  // Until statuses have come and leadership has settled.
  cluster.run(6_000)
  return cluster
}

function call(cluster: SimulatedCluster, operation: CallOperation): CallOutcome {
  let outcome: CallOutcome | undefined
  cluster.clients[0]?.call(operation, 8_000, (told) => {
    outcome = told
  })
  cluster.runTo(10_000, () => outcome !== undefined)
  if (outcome === undefined) throw new Error('a call without an outcome')
  return outcome
}

function put(cluster: SimulatedCluster, key: string, ttlMs?: number): void {
  const entry = { type: 'put', key: utf8(key), value: utf8('v') } as const
  const operation = ttlMs === undefined ? entry : { ...entry, ttlMs }
  expect(call(cluster, { kind: 'mutate', operation })).toMatchObject({ ok: true })
}

function has(cluster: SimulatedCluster, key: string): boolean {
  const outcome = call(cluster, { kind: 'get', key: utf8(key), consistency: 'strong' })
  if (!outcome.ok || outcome.kind !== 'get') throw new Error('a read failed')
  return outcome.record !== undefined
}

function leader({ nodes }: SimulatedCluster): SimulatedNode {
  const found = nodes.find(({ machine }) => machine?.host.get(1)?.isLeader)
  if (found === undefined) throw new Error('nobody leads')
  return found
}

const shiftAll = ({ nodes }: SimulatedCluster, ms: number): void => {
  for (const { life } of nodes) life?.shiftWall(ms)
}

const lastIndex = (cluster: SimulatedCluster): number =>
  leader(cluster).machine?.host.get(1)?.raft.status.lastIndex ?? 0

test('a leader whose clock is a year ahead for one write expires nothing', () => {
  const cluster = formed('one write')
  const { life } = leader(cluster)
  put(cluster, 'hour', HOUR_MS)
  life?.shiftWall(YEAR_MS)
  put(cluster, 'meanwhile')
  expect(has(cluster, 'hour')).toBe(true)
  life?.shiftWall(-YEAR_MS)
  expect(has(cluster, 'hour')).toBe(true)
  put(cluster, 'short', 1_000)
  expect(has(cluster, 'short')).toBe(true)
  cluster.run(2_000)
  expect(has(cluster, 'short')).toBe(false)
})

test.each([
  ['ahead', YEAR_MS],
  ['behind', -YEAR_MS]
])('a leader whose clock is a year %s for long gives leadership away and serves on', (_, ms) => {
  const cluster = formed('for long')
  const wrong = leader(cluster)
  put(cluster, 'hour', HOUR_MS)
  wrong.life?.shiftWall(ms)
  put(cluster, 'short', 1_000)
  expect(has(cluster, 'short')).toBe(true)
  cluster.run(2_000)
  expect(has(cluster, 'short')).toBe(false)
  expect(cluster.runTo(6_000, () => cluster.isHealthy && leader(cluster) !== wrong)).toBe(true)
  for (let i = 0; i < 20; i++) {
    cluster.run(1_000)
    expect(leader(cluster)).not.toBe(wrong)
  }
  wrong.life?.shiftWall(-ms)
  expect(cluster.runTo(10_000, () => leader(cluster) === wrong)).toBe(true)
  expect(has(cluster, 'hour')).toBe(true)
})

test('while all clocks differ, a leader serves by elapsed time', () => {
  const cluster = formed('all differ')
  put(cluster, 'hour', HOUR_MS)
  cluster.nodes.forEach(({ life }, i) => void life?.shiftWall(i * YEAR_MS))
  cluster.run(10_000)
  expect(has(cluster, 'hour')).toBe(true)
  put(cluster, 'short', 1_000)
  cluster.run(3_000)
  expect(has(cluster, 'short')).toBe(false)
  expect(has(cluster, 'hour')).toBe(true)
})

test('a node that starts with a wrong clock expires nothing', () => {
  const cluster = formed('wrong from the start')
  const node = leader(cluster)
  put(cluster, 'hour', HOUR_MS)
  node.kill()
  cluster.run(4_000)
  node.boot()
  node.life?.shiftWall(YEAR_MS)
  cluster.run(10_000)
  put(cluster, 'short', 1_000)
  cluster.run(2_000)
  expect(has(cluster, 'short')).toBe(false)
  expect(has(cluster, 'hour')).toBe(true)
})

test('clocks that are set back together neither expire keys nor keep them for ever', () => {
  const cluster = formed('set back')
  put(cluster, 'hour', HOUR_MS)
  shiftAll(cluster, -YEAR_MS)
  cluster.run(10_000)
  expect(has(cluster, 'hour')).toBe(true)
  put(cluster, 'short', 1_000)
  cluster.run(2_000)
  expect(has(cluster, 'short')).toBe(false)
  expect(has(cluster, 'hour')).toBe(true)
})

test('after entries from the future, time goes on under every later leader', () => {
  const cluster = formed('from the future')
  shiftAll(cluster, YEAR_MS)
  cluster.run(3_000)
  put(cluster, 'hour', HOUR_MS)
  shiftAll(cluster, -YEAR_MS)
  cluster.run(3_000)
  leader(cluster).kill()
  cluster.run(4_000)
  put(cluster, 'short', 1_000)
  cluster.run(2_000)
  expect(has(cluster, 'short')).toBe(false)
  expect(has(cluster, 'hour')).toBe(true)
})

test.each([1, 3])('time goes on while all of %i nodes are down', (nodes) => {
  const cluster = formed('down', nodes)
  put(cluster, 'hour', HOUR_MS)
  put(cluster, 'year', YEAR_MS)
  for (const node of cluster.nodes) node.kill()
  for (const node of cluster.nodes) node.boot()
  shiftAll(cluster, 48 * HOUR_MS)
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  expect(has(cluster, 'hour')).toBe(false)
  expect(has(cluster, 'year')).toBe(true)
})

test('a pause of the leader, or of all, leaves the time right', () => {
  const cluster = formed('pause')
  put(cluster, 'minute', 60_000)
  leader(cluster).life?.pause(8_000)
  cluster.run(9_000)
  for (const { life } of cluster.nodes) life?.pause(30_000)
  cluster.run(31_000)
  expect(cluster.runTo(10_000, () => cluster.isHealthy)).toBe(true)
  expect(has(cluster, 'minute')).toBe(true)
  cluster.run(20_000)
  expect(has(cluster, 'minute')).toBe(false)
})

test('a thousand reads of one expired key cost a few entries', () => {
  const cluster = formed('a thousand reads')
  put(cluster, 'short', 500)
  cluster.run(1_000)
  const before = lastIndex(cluster)
  const found: boolean[] = []
  for (let i = 0; i < 1_000; i++) {
    const read = { kind: 'get', key: utf8('short'), consistency: 'strong' } as const
    cluster.clients[0]?.call(read, 4_000, (outcome) => {
      if (outcome.ok && outcome.kind === 'get') found.push(outcome.record !== undefined)
    })
  }
  expect(cluster.runTo(8_000, () => found.length === 1_000)).toBe(true)
  expect(found).not.toContain(true)
  expect(lastIndex(cluster) - before).toBeLessThanOrEqual(10)
})

test('a read that needs the time of an overloaded group is told so, and may come again', () => {
  const cluster = formed('overloaded', 3, { uncommittedBytesMax: 100 })
  put(cluster, 'short', 500)
  const host = leader(cluster).machine?.host
  const replica = host?.get(1)
  if (host === undefined || replica === undefined) throw new Error('nobody leads')
  // Nobody sweeps it: that, too, is an entry with the time.
  replica.state.expiries.soonest = Number.POSITIVE_INFINITY
  cluster.run(1_000)
  const followers = cluster.nodes.filter(({ machine }) => machine?.host !== host)
  for (const { disk } of followers) disk.syncDelayMs = 500
  const operation = { type: 'put', key: utf8('large'), value: new Uint8Array(200) } as const
  cluster.clients[0]?.call({ kind: 'mutate', operation }, 4_000, () => {})
  expect(cluster.runTo(400, () => replica.raft.status.commit < replica.raft.status.lastIndex)).toBe(
    true
  )
  const answers: Answered[] = []
  const respond = (answer: Answered): void => void answers.push(answer)
  const isOver = (): boolean => false
  const run = (): void => replica.answerRead(utf8('short'), { respond, isOver })
  host.read(replica, { run, fail: () => {}, isOver })
  expect(cluster.runTo(100, () => answers.length === 1)).toBe(true)
  expect(answers[0]).toMatchObject({ outcome: 'rejected', code: 'overloaded' })
  // The client is told at once, too: whether to come again, and when, is for its caller to say.
  const read = { kind: 'get', key: utf8('short'), consistency: 'strong' } as const
  const refused = call(cluster, read)
  expect(refused).toMatchObject({ ok: false, failure: { code: 'overloaded' } })
  cluster.run(1_500)
  expect(has(cluster, 'short')).toBe(false)
})
