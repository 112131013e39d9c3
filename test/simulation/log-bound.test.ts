import { expect, test } from 'vitest'
import type { SimulatedClient } from '../../src/simulation/client.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { encodeBody } from '../../src/state/entry-body.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { encodeCommand } from '../../src/wire/command.ts'

// Goal: the log of a node stays within its bound, whatever single groups do. Method: one group is
// written to without end, with tiny segments and a tiny bound.

const LIMITS = { segmentBytes: 4_096, flushMs: 50, logBytesMax: 100_000 }

function formed(seed: string, shape: { nodes: number; partitions: number; kept: number }) {
  const { nodes, partitions, kept } = shape
  const cluster = new SimulatedCluster(new World(seed), {
    nodes,
    partitions,
    replicas: 3,
    clients: 2,
    limits: { ...LIMITS, logEntriesKept: kept }
  })
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  return cluster
}

function put(client: SimulatedClient, key: string, done: () => void): void {
  const operation = { type: 'put', key: utf8(key), value: utf8('x'.repeat(500)) } as const
  client.call({ kind: 'mutate', operation }, 4_000, done)
}

/** Puts one after the other; `count` tells how many were answered. */
function putForEver(cluster: SimulatedCluster, key: string, pauseMs = 0): { count: number } {
  const client = cluster.clients[0] as SimulatedClient
  const answered = { count: 0 }
  const next = (): void =>
    put(client, key, () => {
      answered.count++
      cluster.world.schedule(client.life, pauseMs, 'next put', next)
    })
  next()
  return answered
}

function aPut(seq: number): Uint8Array {
  const operation = { type: 'put', key: utf8('stuck'), value: new Uint8Array(500) } as const
  return encodeCommand({ session: 'ab'.repeat(16), seq, ackedUpTo: 0, basis: 1, operation })
}

const logBytes = ({ machine }: SimulatedNode): number => machine?.keeping.log.bytes ?? 0
const oldest = ({ disk }: SimulatedNode): string | undefined =>
  disk.list().find((name) => name.endsWith('.segment'))

test('groups that nobody writes to do not hold the log', () => {
  const cluster = formed('idle groups', { nodes: 3, partitions: 1, kept: 10 })
  const before = cluster.nodes.map(oldest)
  const answered = putForEver(cluster, 'key')
  for (let i = 0; i < 10; i++) {
    cluster.run(2_000)
    for (const node of cluster.nodes) expect(logBytes(node)).toBeLessThan(LIMITS.logBytesMax)
  }
  expect(answered.count).toBeGreaterThan(1_000)
  for (const [i, node] of cluster.nodes.entries()) expect(oldest(node)).not.toBe(before[i])
})

test('more entries are kept than the bound has room for', () => {
  const cluster = formed('many kept', { nodes: 3, partitions: 2, kept: 1_000_000 })
  putForEver(cluster, 'key')
  cluster.run(20_000)
  for (const node of cluster.nodes) {
    expect(logBytes(node)).toBeLessThan(LIMITS.logBytesMax)
    expect(logBytes(node)).toBeGreaterThan(LIMITS.logBytesMax / 2 - LIMITS.segmentBytes)
  }
})

/** Its entries can be neither applied nor dropped, for as long as the others are away. */
test('a group without a majority does not hold the log', () => {
  const cluster = formed('stuck group', { nodes: 5, partitions: 16, kept: 10 })
  const victim = cluster.nodes.find(({ machine }) => machine?.host.get(1)?.isLeader)
  const stuck = victim?.machine?.host.get(1)
  if (victim === undefined || stuck === undefined) throw new Error('group 1 has no leader')
  const others = cluster.nodes.filter(
    (node) => node !== victim && node.machine?.host.get(1) !== undefined
  )
  expect(others).toHaveLength(2)
  // A fifth of the bound, which no single turn moves.
  for (let seq = 1; seq <= 40; seq++) {
    expect(stuck.raft.propose(encodeBody(0, [aPut(seq)])).accepted).toBe(true)
  }
  for (const other of others) other.kill()
  const before = oldest(victim)
  const answered = Array.from({ length: 16 }, (_, i) => putForEver(cluster, `key${i}`, 20))
  for (let i = 0; i < 10; i++) {
    cluster.run(5_000)
    expect(logBytes(victim)).toBeLessThan(LIMITS.logBytesMax * 1.3)
  }
  expect(Math.max(...answered.map(({ count }) => count))).toBeGreaterThan(1_000)
  expect(oldest(victim)).not.toBe(before)
  expect(victim.machine?.keeping.flusher.trimmer.movedBytes).toBeGreaterThan(20_000)
  const { lastIndex } = stuck.raft.status
  expect(lastIndex).toBeGreaterThanOrEqual(stuck.state.applied.index + 40)
  for (const other of others) other.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
})
