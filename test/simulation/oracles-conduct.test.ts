import { expect, test } from 'vitest'
import type { Replica } from '../../src/partition/replica.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'

// Goal: the oracles of strong reads and of what a node does as a whole see the breach each is
// there for. Method: as oracles.test.ts.

function formed(seed: string): { cluster: SimulatedCluster; leader: SimulatedNode } {
  const cluster = new SimulatedCluster(new World(`conduct ${seed}`), {
    nodes: 3,
    replicas: 3,
    partitions: 1,
    clients: 1,
    limits: {}
  })
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  put(cluster)
  const leader = cluster.nodes.find((node) => replicaOf(node).isLeader)
  if (leader === undefined) throw new Error('no leader')
  return { cluster, leader }
}

function replicaOf({ machine }: SimulatedNode): Replica {
  const replica = machine?.host.get(1)
  if (replica === undefined) throw new Error('no replica')
  return replica
}

function put(cluster: SimulatedCluster): void {
  let isAnswered = false
  const operation = { type: 'put', key: utf8('key'), value: utf8('value') } as const
  cluster.clients[0]?.call({ kind: 'mutate', operation }, 8_000, (outcome) => {
    isAnswered = outcome.ok
  })
  expect(cluster.runTo(10_000, () => isAnswered)).toBe(true)
}

/** A strong read that comes to `node` now; the result serves it, when all have confirmed it. */
function reading(cluster: SimulatedCluster, node: SimulatedNode): () => void {
  const run = unconfirmed(cluster, node)
  return () => {
    confirm(cluster, node)
    run()
  }
}

function unconfirmed({ oracles }: SimulatedCluster, node: SimulatedNode): () => void {
  const wait = { run: () => {}, fail: () => {}, isOver: () => false }
  return oracles.onlooker(node).reads(replicaOf(node), wait).run
}

/** All others say that they follow `node`. */
function confirm({ nodes, oracles }: SimulatedCluster, node: SimulatedNode): void {
  const { group, id, raft } = replicaOf(node)
  for (const other of nodes) {
    const { id: to } = replicaOf(other)
    const asked = { group, from: id, to, term: raft.currentTerm }
    if (other !== node) oracles.onlooker(other).confirms(replicaOf(other), asked)
  }
}

test('a strong read of one that does not have all that was committed', () => {
  const { cluster, leader } = formed('behind')
  const follower = cluster.nodes.find((node) => node !== leader) as SimulatedNode
  cluster.run(1_000)
  follower.life?.pause(60_000)
  const early = reading(cluster, follower)
  put(cluster)
  expect(early).not.toThrow()
  expect(reading(cluster, follower)).toThrow(/serves a strong read at \d+, and \d+ was committed/)
  expect(reading(cluster, leader)).not.toThrow()
})

test('a strong read that nobody confirmed since it came', () => {
  const { cluster, leader } = formed('unconfirmed')
  confirm(cluster, leader)
  const read = unconfirmed(cluster, leader)
  expect(read).toThrow(/no majority has confirmed it since the read came/)
  confirm(cluster, leader)
  expect(read).not.toThrow()
})

test('a strong read that was confirmed may be served when its leader has fallen', () => {
  const { cluster, leader } = formed('fallen')
  const read = unconfirmed(cluster, leader)
  const { term } = replicaOf(leader).raft.status
  confirm(cluster, leader)
  replicaOf(leader).stepDown()
  const isLater = (): boolean => replicaOf(leader).raft.currentTerm > term
  for (let i = 0; i < 20 && !isLater(); i++) {
    cluster.runTo(10_000, () => cluster.isHealthy)
    for (const node of cluster.nodes) replicaOf(node).stepDown()
  }
  expect(isLater()).toBe(true)
  expect(read).not.toThrow()
})

test('a strong read of a leader whose successor leads already', () => {
  const { cluster, leader } = formed('deposed')
  leader.life?.pause(60_000)
  const early = reading(cluster, leader)
  const successor = (): SimulatedNode | undefined =>
    cluster.nodes.find((node) => node !== leader && replicaOf(node).isLeader)
  expect(cluster.runTo(10_000, () => successor() !== undefined)).toBe(true)
  cluster.run(1)
  expect(early).not.toThrow()
  expect(reading(cluster, leader)).toThrow(/had a leader when it came/)
})

test('a leader that does not mind a disk that hangs', () => {
  const { cluster, leader } = formed('hung')
  const host = leader.machine?.host
  if (host === undefined) throw new Error('no host')
  leader.disk.hangSyncs()
  host.tick = () => {
    for (const replica of host.replicas()) replica.tick()
  }
  const operation = { type: 'put', key: utf8('key'), value: utf8('value') } as const
  cluster.clients[0]?.call({ kind: 'mutate', operation }, 1_000, () => {})
  expect(() => cluster.run(6_000)).toThrow(/leads on, and its disk has hung/)
})

test('a node that goes back to an older map', () => {
  const { cluster, leader } = formed('map')
  const membership = leader.machine?.membership
  const map = membership?.map
  if (membership === undefined || map === undefined) throw new Error('no map')
  membership.changeMap({ ...map, epoch: map.epoch + 1 })
  cluster.run(200)
  membership.changeMap(map)
  expect(() => cluster.run(200)).toThrow(/goes by the map of epoch 1, and before by 2/)
})

test('entries applied before they are durable', () => {
  const { cluster, leader } = formed('applied')
  const replica = replicaOf(leader)
  const onlooker = cluster.oracles.onlooker(leader)
  const index = replica.raft.status.lastIndex + 1
  const entry = { index, term: replica.raft.currentTerm, kind: 'empty', data: utf8('') } as const
  const nothing = { messages: [], messagesAfterPersist: [], snapshotsWanted: [], entries: [] }
  const ready = { ...nothing, reset: undefined, hardState: undefined, committed: [entry] }
  expect(() => onlooker.obeys(replica, ready)).toThrow(/applies entry \d+ of term \d+/)
})
