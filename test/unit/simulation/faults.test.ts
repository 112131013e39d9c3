import { expect, test } from 'vitest'
import { SimulatedCluster } from '../../../src/simulation/cluster.ts'
import { between, type FaultShell, shuffled } from '../../../src/simulation/faults.ts'
import { strikeLeader } from '../../../src/simulation/leader-faults.ts'
import { drawKnobs, strikeNetwork } from '../../../src/simulation/network-faults.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { drawClocks, strikeProcess } from '../../../src/simulation/process-faults.ts'
import { strikeReplica } from '../../../src/simulation/replica-faults.ts'
import { Swarm } from '../../../src/simulation/swarm.ts'
import { World } from '../../../src/simulation/world.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { seededRandom } from '../../../src/world/random.ts'
import { watchMarks } from '../../../src/world/sometimes.ts'

interface Stage extends FaultShell {
  /** Ends every fault that lasts. */
  undo(): void
}

/** A cluster of so many nodes, none of them booted, and faults that end when they are told to. */
function stage(nodes: number, seed: string): Stage {
  const cluster = new SimulatedCluster(new World(seed), {
    nodes,
    replicas: 3,
    partitions: 1,
    clients: 2,
    limits: {}
  })
  let undos: (() => void)[] = []
  return {
    cluster,
    random: seededRandom(seed),
    later: (_lasts, _label, undo) => void undos.push(undo),
    undo: () => {
      const due = undos
      undos = []
      for (const each of due) each()
    }
  }
}

/** Whom each node can talk with, both ways. */
function neighbours({ cluster: { nodes, network } }: Stage): string[][] {
  return nodes.map(({ name }) =>
    nodes
      .map((other) => other.name)
      .filter((other) => other !== name && !network.isApart(name, other))
  )
}

test('in a ring each node reaches its two neighbours and nobody else, and then everybody', () => {
  for (const count of [5, 7]) {
    const made = stage(count, 'ring')
    strikeNetwork(made, 'ring')
    const lists = neighbours(made)
    expect(lists.map((list) => list.length)).toEqual(Array(count).fill(2))
    expect(new Set(lists.map(String)).size).toBe(count)
    made.undo()
    expect(neighbours(made).map((list) => list.length)).toEqual(Array(count).fill(count - 1))
  }
})

test('three nodes make a chain', () => {
  const made = stage(3, 'chain')
  strikeNetwork(made, 'ring')
  expect(
    neighbours(made)
      .map((list) => list.length)
      .sort()
  ).toEqual([1, 1, 2])
})

test('an isolated node reaches nobody, or is not heard, or does not hear', () => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 50; seed++) {
    const made = stage(3, `isolate ${seed}`)
    const { network } = made.cluster
    strikeNetwork(made, 'isolate')
    expect(
      neighbours(made)
        .map((list) => list.length)
        .sort()
    ).toEqual([0, 1, 1])
    const alone = made.cluster.nodes[neighbours(made).findIndex((list) => list.length === 0)]
    const other = made.cluster.nodes.find((node) => node !== alone)
    if (alone === undefined || other === undefined) throw new Error('nobody is alone')
    const [a, b] = [alone.name, other.name]
    seen.add(`${network.isCut(a, b)} ${network.isCut(b, a)}`)
  }
  expect([...seen].sort()).toEqual(['false true', 'true false', 'true true'])
})

test('a flapping link comes and goes, and is whole in the end', () => {
  const made = stage(3, 'flap')
  strikeNetwork(made, 'flap')
  let cuts = 0
  for (let i = 0; i < 40; i++) {
    if (neighbours(made).flat().length < 6) cuts++
    made.undo()
  }
  expect(cuts).toBeGreaterThan(1)
  expect(neighbours(made).flat()).toHaveLength(6)
})

test('a swizzle clogs nodes and lets them go one after the other', () => {
  const made = stage(5, 'swizzle')
  const { network } = made.cluster
  strikeNetwork(made, 'swizzle')
  const waits = new Set(made.cluster.nodes.map(({ name }) => network.delay(name, 'node1') > 50))
  expect([...waits]).toContain(true)
  made.cluster.world.runUntil(10_000)
  expect(made.cluster.nodes.every(({ name }) => network.delay(name, 'node1') < 50)).toBe(true)
})

test('what is drawn once a run stays within its bounds, and differs between runs', () => {
  const spreads = new Set<string>()
  const rates = new Set<number>()
  for (let seed = 0; seed < 200; seed++) {
    const made = stage(3, `knobs ${seed}`)
    drawKnobs(made)
    drawClocks(made)
    const { loss, duplicate, reorder, ghosts, spread } = made.cluster.network.knobs
    expect(loss).toBeLessThanOrEqual(0.3)
    expect(duplicate).toBeLessThanOrEqual(0.5)
    expect(reorder).toBeLessThanOrEqual(0.3)
    expect(ghosts).toBeLessThanOrEqual(0.3)
    spreads.add(spread)
    const off = made.cluster.nodes.map(({ clockRate }) => Math.abs(clockRate - 1))
    expect(off.filter((by) => by > 0.000_201).length).toBeLessThanOrEqual(1)
    for (const by of off) rates.add(by)
  }
  expect([...spreads].sort()).toEqual(['even', 'spikes', 'tail'])
  expect(Math.max(...rates)).toBeCloseTo(0.1)
})

test('pauses last up to a minute, and end with the faults', () => {
  const made = stage(3, 'pauses')
  const { nodes, world } = made.cluster
  const swarm = new Swarm(made.cluster)
  made.cluster.boot()
  world.runUntil(5_000)
  for (let i = 0; i < 200; i++) strikeProcess(made, 'pause-long')
  expect(nodes.every(({ life }) => life?.sleeps(40_000))).toBe(true)
  expect(nodes.some(({ life }) => life?.sleeps(60_000))).toBe(false)
  swarm.stop()
  expect(nodes.map(({ life }) => life?.sleeps(5_000))).toEqual([false, false, false])
  expect(made.cluster.runTo(20_000, () => made.cluster.isHealthy)).toBe(true)
})

/** Has the leaders of all groups hand over to the node of this name. */
function gather(nodes: readonly SimulatedNode[], name: string): void {
  for (const { machine } of nodes) {
    for (const replica of machine?.host.replicas() ?? []) {
      const { members } = replica.placement
      const to = members.find(({ node }) => node === name)?.replica ?? 0
      if (replica.isLeader) replica.transfer(to)
    }
  }
}

/** Each client puts the same key again and again. */
function keepWriting({ clients }: SimulatedCluster): void {
  const operation = { type: 'put', key: utf8('key'), value: utf8('value') } as const
  for (const client of clients) {
    const put = (): void => {
      client.call({ kind: 'mutate', operation }, 8_000, () => client.life.timers.after(20, put))
    }
    put()
  }
}

test('a stranded leader waits for syncs of entries that its successor overwrites', () => {
  const made = stage(3, 'strand')
  const { cluster } = made
  const { nodes, network } = cluster
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  gather(nodes, 'node2')
  keepWriting(cluster)
  cluster.run(500)
  const marks = watchMarks()
  strikeLeader(made, 'strand-leader')
  expect(neighbours(made).map((list) => list.length)).toEqual([1, 0, 1])
  expect(network.isApart('node2', cluster.clients[0]?.name ?? '')).toBe(false)
  const alone = nodes[1]
  cluster.run(4_000)
  made.undo()
  expect(neighbours(made).flat()).toHaveLength(6)
  cluster.run(1_000)
  expect(marks).toContain('raft: overwrites what is not durable yet')
  expect(alone?.machine?.host.syncAgeMs).toBeGreaterThan(4_000)
  made.undo()
  made.undo()
  cluster.run(2_000)
  expect(alone?.machine?.host.syncAgeMs).toBeLessThan(10)
})

/** Ends faults when their time has come. */
function inTime({ cluster: { world }, random }: Stage): FaultShell['later'] {
  const life = world.life('faults')
  return (lasts, label, undo) => void world.schedule(life, between(random, lasts), label, undo)
}

test('a slow node is sent states while its log brings it the same', () => {
  const marks = watchMarks()
  for (let seed = 0; seed < 4; seed++) {
    const made = stage(3, `race ${seed}`)
    const { cluster } = made
    cluster.boot()
    expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
    keepWriting(cluster)
    cluster.run(200)
    for (let i = 0; i < 3; i++) strikeReplica({ ...made, later: inTime(made) }, 'race-snapshots')
    cluster.run(4_000)
  }
  expect(marks).toContain('partition: gives up a snapshot that comes in')
  expect(marks).toContain('raft: a snapshot lands inside of the log')
})

test('a shuffle keeps everything', () => {
  const random = seededRandom('shuffle')
  const seen = new Set<string>()
  for (let i = 0; i < 100; i++) seen.add(shuffled(random, ['a', 'b', 'c']).join(''))
  expect([...seen].sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba'])
})
