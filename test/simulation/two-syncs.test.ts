import { expect, test } from 'vitest'
import type { CallOperation } from '../../src/client/inputs.ts'
import { partitionOf } from '../../src/keyspace/hash.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import type { DataOperation } from '../../src/wire/data-operation.ts'
import { groupOfPartition } from '../../src/wire/ids.ts'

// Goal: a transaction over several partitions waits for two syncs of logs, one after the other, and
// one within a partition for one, as a put does. Method: how much longer calls take, in virtual
// time, when each sync does. Messages always take as long, and longer than a sync: a node syncs one
// batch after the other, so what comes while it does waits for two, be it a put or a part.

const PARTITIONS = 8
const LATENCY_MS = 50
const SYNC_MS = 40
const KEYS_MAX = 1_000

function formed(seed: string): SimulatedCluster {
  const shape = { nodes: 3, replicas: 3, partitions: PARTITIONS, clients: 1, limits: {} }
  const knobs = { latencyMs: [LATENCY_MS, LATENCY_MS] as const }
  const cluster = new SimulatedCluster(new World(seed), { ...shape, knobs })
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  cluster.run(6_000)
  return cluster
}

function put(key: string): DataOperation {
  return { type: 'put', key: utf8(key), value: utf8('value') }
}

function single(key: string): CallOperation {
  return { kind: 'mutate', operation: put(key) }
}

function batch(...keys: readonly string[]): CallOperation {
  return { kind: 'transact', checks: [], writes: keys.map(put), inOrder: false }
}

/** Keys of so many partitions, each led by another node. */
function keysOf(cluster: SimulatedCluster, count: number): string[] {
  const found = new Map<string, string>()
  for (let i = 0; found.size < count && i < KEYS_MAX; i++) {
    const key = `key ${i}`
    const leader = leaderOf(cluster, partitionOf(utf8(key), PARTITIONS))
    if (!found.has(leader)) found.set(leader, key)
  }
  expect(found.size).toBe(count)
  return [...found.values()]
}

function leaderOf(cluster: SimulatedCluster, partition: number): string {
  const group = groupOfPartition(partition)
  const leads = cluster.nodes.find(({ machine }) => machine?.host.get(group)?.isLeader)
  return leads?.name ?? ''
}

/** Milliseconds until the call has its answer. */
function timed(cluster: SimulatedCluster, call: CallOperation): number {
  const began = cluster.world.now
  let took: number | undefined
  cluster.clients[0]?.call(call, 10_000, (outcome) => {
    expect(outcome).toMatchObject({ ok: true })
    took = cluster.world.now - began
  })
  expect(cluster.runTo(10_000, () => took !== undefined)).toBe(true)
  // What the call left to do may hold the disks.
  cluster.run(5_000)
  return took ?? Number.NaN
}

test.for([1, 2, 3])('syncs that a caller waits for, in run %i', (run) => {
  const cluster = formed(`two syncs ${run}`)
  const keys = keysOf(cluster, 3)
  const calls: readonly (readonly [syncs: number, call: CallOperation])[] = [
    [1, single('{a}')],
    [1, batch('{a}1', '{a}2')],
    [2, batch(...keys.slice(0, 2))],
    [2, batch(...keys)]
  ]
  // A group that is new to a client gives it a session before its first write.
  for (const key of ['{a}', ...keys]) timed(cluster, single(key))
  const fast = calls.map(([, call]) => timed(cluster, call))
  for (const { disk } of cluster.nodes) disk.syncDelayMs = SYNC_MS
  const slow = calls.map(([, call]) => timed(cluster, call))
  const waited = slow.map((ms, i) => Math.round((ms - (fast[i] ?? 0)) / SYNC_MS))
  expect(waited).toEqual(calls.map(([syncs]) => syncs))
})
