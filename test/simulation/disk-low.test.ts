import { expect, test } from 'vitest'
import type { CallOutcome } from '../../src/client/inputs.ts'
import type { SimulatedClient } from '../../src/simulation/client.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import type { DiskLevel } from '../../src/wire/disk-level.ts'

// Goal: a disk that runs full costs nothing but writes. Nobody's process ends, reads go on, votes
// are given, the log gives room back, writes are refused for sure and at once where a majority has
// no room, and all of it ends when there is room again, without a restart.

const KIB = 1_024
const LIMITS = {
  segmentBytes: 4 * KIB,
  logBytesMax: 64 * KIB,
  flushMs: 100,
  logEntriesKept: 1_000,
  diskReserveBytes: 64 * KIB,
  diskLowBytes: 128 * KIB,
  diskFullBytes: 32 * KIB
}
const ROOM = 1_024 * KIB

function formed(seed: string, nodes = 3): SimulatedCluster {
  const cluster = new SimulatedCluster(new World(seed), {
    nodes,
    partitions: 4,
    replicas: 3,
    clients: 1,
    limits: LIMITS
  })
  for (const node of cluster.nodes) setRoom(node, ROOM)
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  const whole = (): boolean =>
    cluster.nodes.every(({ machine }) => machine?.room.reserve.held === LIMITS.diskReserveBytes)
  expect(cluster.runTo(10_000, whole)).toBe(true)
  return cluster
}

/** Whatever else is on the disk leaves `bytes`, of which the node may have a reserve already. */
function setRoom({ disk, store }: SimulatedNode, bytes: number): void {
  disk.bytesMax = store.bytesMax = Number.POSITIVE_INFINITY
  disk.bytesMax = bytes + usedBy(disk)
  store.bytesMax = bytes + usedBy(store)
}

function usedBy(of: SimulatedNode['disk'] | SimulatedNode['store']): number {
  const before = of.bytesMax
  of.bytesMax = 1e9
  const used = 1e9 - of.space().freeBytes
  of.bytesMax = before
  return used
}

const levelOf = ({ machine }: SimulatedNode): DiskLevel | undefined => machine?.room.level
const leads = ({ machine }: SimulatedNode): number =>
  [...(machine?.host.replicas() ?? [])].filter(({ isLeader }) => isLeader).length

type Asked = 'put' | 'delete' | 'get'

/** Calls, and runs the world until there is an answer; tells it, and how long it took. */
function ask(cluster: SimulatedCluster, what: Asked, key: string): [string, number] {
  const client = cluster.clients[0] as SimulatedClient
  let told: string | undefined
  const done = (outcome: CallOutcome): void => {
    told = outcome.ok ? 'ok' : `${outcome.failure.code} ${outcome.failure.outcome}`
  }
  const at = utf8(key)
  if (what === 'get') client.call({ kind: 'get', key: at, consistency: 'strong' }, 4_000, done)
  else {
    const value = utf8('x'.repeat(500))
    const operation =
      what === 'put' ? ({ type: 'put', key: at, value } as const) : { type: what, key: at }
    client.call({ kind: 'mutate', operation }, 4_000, done)
  }
  const began = cluster.world.now
  expect(cluster.runTo(6_000, () => told !== undefined)).toBe(true)
  return [told ?? '', cluster.world.now - began]
}

const KEYS = Array.from({ length: 12 }, (_, i) => `key${i}`)
const answers = (cluster: SimulatedCluster, what: Asked): Set<string> =>
  new Set(KEYS.map((key) => ask(cluster, what, key)[0]))

test('a node whose disk is low hands over, and leads again when it has room', () => {
  const cluster = formed('one low')
  const [node, ...others] = cluster.nodes as [SimulatedNode, ...SimulatedNode[]]
  expect(cluster.runTo(10_000, () => leads(node) > 0)).toBe(true)
  const { life } = node
  setRoom(node, 100 * KIB)
  expect(cluster.runTo(2_000, () => leads(node) === 0)).toBe(true)
  expect(levelOf(node)).toBe('low')
  expect(node.machine?.unready[0]).toMatch(/^the disk is low: 0 MiB are free, 1 must be$/)
  expect(answers(cluster, 'put')).toEqual(new Set(['ok']))
  expect(answers(cluster, 'get')).toEqual(new Set(['ok']))
  const seenBy = (other: SimulatedNode) => other.machine?.view()?.low
  for (const other of others) expect(seenBy(other)).toEqual([node.name])
  cluster.run(3_000)
  expect(leads(node)).toBe(0)
  setRoom(node, ROOM)
  expect(cluster.runTo(10_000, () => leads(node) > 0)).toBe(true)
  expect(node.machine?.unready).toEqual([])
  expect(node.life).toBe(life)
  expect(others.map(seenBy)).toEqual([[], []])
})

test('with all disks low writes are refused at once, and deletes and reads go on', () => {
  const cluster = formed('all low')
  expect(answers(cluster, 'put')).toEqual(new Set(['ok']))
  const lives = cluster.nodes.map(({ life }) => life)
  for (const node of cluster.nodes) setRoom(node, 100 * KIB)
  expect(cluster.runTo(3_000, () => cluster.nodes.every((node) => levelOf(node) === 'low'))).toBe(
    true
  )
  // Each of them has to hear of the others.
  cluster.run(1_500)
  for (const key of KEYS) {
    const [told, tookMs] = ask(cluster, 'put', key)
    expect(told).toBe('unavailable not_applied')
    expect(tookMs).toBeLessThan(200)
  }
  expect(answers(cluster, 'get')).toEqual(new Set(['ok']))
  expect(answers(cluster, 'delete')).toEqual(new Set(['ok']))
  for (const node of cluster.nodes) setRoom(node, ROOM)
  expect(cluster.runTo(5_000, () => cluster.isHealthy)).toBe(true)
  // As above: a node is well by itself before the others hear of it.
  cluster.run(1_500)
  expect(answers(cluster, 'put')).toEqual(new Set(['ok']))
  expect(cluster.nodes.map(({ life }) => life)).toEqual(lives)
})

test('others fill all disks in one moment: nobody ends, somebody leads, reads are answered', () => {
  const cluster = formed('filled')
  expect(answers(cluster, 'put')).toEqual(new Set(['ok']))
  const client = cluster.clients[0] as SimulatedClient
  // Writes are on their way in that moment.
  for (const key of KEYS) {
    const operation = { type: 'put', key: utf8(key), value: utf8('y'.repeat(900)) } as const
    client.call({ kind: 'mutate', operation }, 4_000, () => {})
  }
  cluster.run(1)
  for (const node of cluster.nodes) setRoom(node, 0)
  cluster.run(2_000)
  expect(cluster.nodes.map(levelOf)).toEqual(['full', 'full', 'full'])
  for (const { machine } of cluster.nodes) {
    expect(machine?.room.reserve.held).toBeLessThan(LIMITS.diskReserveBytes)
  }
  expect(answers(cluster, 'put')).toEqual(new Set(['unavailable not_applied']))
  expect(answers(cluster, 'delete')).toEqual(new Set(['unavailable not_applied']))
  const [first, ...others] = cluster.nodes as [SimulatedNode, ...SimulatedNode[]]
  const lives = others.map(({ life }) => life)
  first.kill(false)
  const isLed = (group: number): boolean =>
    others.some(({ machine }) => machine?.host.get(group)?.raft.committedInTerm)
  expect(cluster.runTo(10_000, () => [0, 1, 2, 3, 4].every(isLed))).toBe(true)
  expect(answers(cluster, 'get')).toEqual(new Set(['ok']))
  // It starts on a full disk, too.
  first.boot()
  cluster.run(30_000)
  expect(answers(cluster, 'get')).toEqual(new Set(['ok']))
  for (const node of cluster.nodes) setRoom(node, ROOM)
  expect(cluster.runTo(5_000, () => cluster.isHealthy)).toBe(true)
  expect(answers(cluster, 'put')).toEqual(new Set(['ok']))
  expect(others.map(({ life }) => life)).toEqual(lives)
  const { diskReserveBytes } = LIMITS
  const isWhole = (): boolean =>
    cluster.nodes.every(({ machine }) => machine?.room.reserve.held === diskReserveBytes)
  expect(cluster.runTo(10_000, isWhole)).toBe(true)
})

test('a follower on a full disk takes no more, and catches up when it has room', () => {
  const cluster = formed('full follower')
  const [node] = cluster.nodes as [SimulatedNode]
  const { life } = node
  setRoom(node, 10 * KIB)
  expect(cluster.runTo(3_000, () => levelOf(node) === 'full' && leads(node) === 0)).toBe(true)
  const before = usedBy(node.disk)
  for (let i = 0; i < 30; i++) expect(answers(cluster, 'put')).toEqual(new Set(['ok']))
  expect(usedBy(node.disk)).toBeLessThan(before + 4 * KIB)
  expect(cluster.divergence).toBeDefined()
  setRoom(node, ROOM)
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  expect(cluster.runTo(20_000, () => cluster.divergence === undefined)).toBe(true)
  expect(node.life).toBe(life)
})

test('a low disk gives back what the log kept for others', () => {
  const cluster = formed('trimmed')
  for (let i = 0; i < 12; i++) expect(answers(cluster, 'put')).toEqual(new Set(['ok']))
  const logs = (): number[] =>
    cluster.nodes.map(({ machine }) => machine?.keeping.log.bytes ?? Number.NaN)
  expect(Math.min(...logs())).toBeGreaterThan(30 * KIB)
  for (const node of cluster.nodes) setRoom(node, 80 * KIB)
  expect(cluster.runTo(3_000, () => Math.max(...logs()) < 3 * LIMITS.segmentBytes)).toBe(true)
})
