import { expect, test } from 'vitest'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { DATA_PREFIX } from '../../src/state/layout.ts'
import { RecordReader } from '../../src/storage/records.ts'
import { subKeyOf } from '../../src/storage/state-keys.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import { seededRandom } from '../../src/world/random.ts'

// Goal: a node whose disk lost what it promised to keep says so and does no harm; the others go on.
// Method: damage one disk of three in every way there is, and look at what the node does.

interface Stage {
  readonly cluster: SimulatedCluster
  readonly victim: SimulatedNode
}

function formed(seed: string): Stage {
  const cluster = new SimulatedCluster(new World(seed), {
    nodes: 3,
    replicas: 3,
    partitions: 2,
    clients: 1,
    limits: {}
  })
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  return { cluster, victim: cluster.nodes[2] as SimulatedNode }
}

function put(cluster: SimulatedCluster, key: string, value: string): boolean {
  let written = false
  const operation = { type: 'put', key: utf8(key), value: utf8(value) } as const
  cluster.clients[0]?.call({ kind: 'mutate', operation }, 4_000, (outcome) => {
    written = outcome.ok
  })
  return cluster.runTo(10_000, () => written)
}

/** What a strong read shows; undefined: no answer, or no such key. */
function get(cluster: SimulatedCluster, key: string): string | undefined {
  let shown: string | undefined
  let done = false
  const operation = { kind: 'get', key: utf8(key), consistency: 'strong' } as const
  cluster.clients[0]?.call(operation, 4_000, (outcome) => {
    done = true
    if (outcome.ok && outcome.kind === 'get') shown = utf8Text(outcome.record?.value ?? utf8('-'))
  })
  cluster.runTo(10_000, () => done)
  return shown
}

/** It stays down, and says why; the others serve. */
function expectRefused({ cluster, victim }: Stage, why: RegExp): void {
  expect(victim.machine).toBeUndefined()
  expect(victim.fault?.message).toMatch(why)
  expect(victim.fault?.message).toMatch(/empty data directory|empty one/)
  expect(put(cluster, 'after', 'the damage')).toBe(true)
  expect(get(cluster, 'after')).toBe('the damage')
}

/** Ends of the records of the newest segment, as they follow each other. */
function recordEnds(node: SimulatedNode): { name: string; ends: number[] } {
  const name = node.disk.list().findLast((file) => file.endsWith('.segment')) ?? ''
  const reader = new RecordReader(node.disk.read(name, 0, node.disk.size(name)))
  const ends: number[] = []
  for (let at = 0, header = reader.at(0); header !== undefined; header = reader.at(at)) {
    at += header.length
    ends.push(at)
  }
  return { name, ends }
}

test('a log that was cut at the end of a record is known to have been longer', () => {
  const stage = formed('cut log')
  const { cluster, victim } = stage
  for (let i = 0; i < 20; i++) expect(put(cluster, `key${i}`, 'value')).toBe(true)
  cluster.run(15_000)
  victim.kill(false)
  const { name, ends } = recordEnds(victim)
  victim.disk.cutAtRest(name, ends.at(-4) ?? 0)
  victim.lose('cut')
  victim.boot()
  expectRefused(stage, /the log ends at record \d+, and record \d+ had been durable/)
})

test('a bit flipped in the newest batch is damage once the node knew it to be durable', () => {
  const stage = formed('rotten end')
  const { cluster, victim } = stage
  expect(put(cluster, 'key', 'value')).toBe(true)
  cluster.run(15_000)
  victim.kill(false)
  const { name, ends } = recordEnds(victim)
  victim.disk.flipBit(name, ((ends.at(-1) ?? 0) - 1) * 8)
  victim.lose('rot')
  victim.boot()
  expectRefused(stage, /had been durable/)
})

/** A copy of the victim's disk, then 15 s of writes: others hear how far it is. */
function aged(stage: Stage): () => void {
  const { cluster, victim } = stage
  const disk = victim.disk.image()
  const store = victim.store.image()
  for (let i = 0; i < 10; i++) expect(put(cluster, `key${i}`, 'value')).toBe(true)
  cluster.run(15_000)
  return () => {
    victim.kill(false)
    victim.disk.restore(disk)
    victim.store.restore(store)
    victim.lose('old image')
  }
}

test('a node on an old copy of its disk is refused, and ends itself', () => {
  const stage = formed('old image')
  aged(stage)()
  stage.victim.boot()
  stage.cluster.run(5_000)
  expectRefused(stage, /its data directory is an older copy/)
})

test('nodes know an old copy of a disk even if all of them were started anew', () => {
  const stage = formed('old image, all new')
  const putBack = aged(stage)
  for (const node of stage.cluster.nodes) node.kill()
  putBack()
  stage.cluster.boot()
  stage.cluster.run(5_000)
  expectRefused(stage, /its data directory is an older copy/)
})

test('of two copies of a disk at most one takes part', () => {
  const { cluster, victim } = formed('two copies')
  cluster.run(3_000)
  victim.kill(false)
  const disk = victim.disk.image()
  const store = victim.store.image()
  victim.boot()
  cluster.run(5_000)
  expect(victim.machine?.unready).toEqual([])
  // The other copy starts: it counts its starts as this one does.
  victim.kill(false)
  victim.disk.restore(disk)
  victim.store.restore(store)
  victim.lose('copied')
  victim.boot()
  cluster.run(5_000)
  expect(victim.machine).toBeUndefined()
  expect(victim.fault?.message).toMatch(/a copy of it runs elsewhere/)
})

test('a wiped disk does not come back under its old name, and asks seldom', () => {
  const { cluster, victim } = formed('wiped')
  expect(put(cluster, 'key', 'value')).toBe(true)
  victim.kill(false)
  victim.disk.restore(new Map())
  victim.store.restore(new Map())
  victim.lose('wiped')
  victim.boot()
  cluster.run(60_000)
  expect(victim.machine?.membership.isMember).toBe(false)
  expect([...(victim.machine?.host.replicas() ?? [])]).toEqual([])
  expect(victim.machine?.unready.join()).toMatch(/store_mismatch/)
  for (const { machine } of cluster.sound) {
    expect(machine?.links.refused).toBeGreaterThan(0)
    expect(machine?.links.refused).toBeLessThan(120)
  }
  expect(put(cluster, 'key', 'again')).toBe(true)
})

test('a new node at the address of a lost one joins, and serves as a gateway', () => {
  const { cluster, victim } = formed('new node')
  expect(put(cluster, 'key', 'value')).toBe(true)
  victim.kill(false)
  victim.disk.restore(new Map())
  victim.store.restore(new Map())
  victim.lose('new node')
  victim.rename('node9')
  victim.boot()
  cluster.run(10_000)
  expect(victim.machine?.unready).toEqual([])
  let shown: string | undefined
  const operation = { kind: 'get', key: utf8('key'), consistency: 'strong' } as const
  victim.machine?.call(operation, { timeoutMs: 4_000 }, (outcome) => {
    if (outcome.ok && outcome.kind === 'get') shown = utf8Text(outcome.record?.value ?? utf8('-'))
  })
  cluster.run(1_000)
  expect(shown).toBe('value')
})

const isRecordOfKey = (key: Uint8Array): boolean =>
  key[0] === 1 && subKeyOf(key)[0] === DATA_PREFIX[0]

test('a record that rots under a running node is not served, and ends it', () => {
  let ended = 0
  for (let seed = 0; seed < 8; seed++) {
    const { cluster } = formed(`rot ${seed}`)
    for (let i = 0; i < 6; i++) expect(put(cluster, `key${i}`, `value${i}`)).toBe(true)
    cluster.run(3_000)
    // Nothing of it is in memory after a start.
    for (const node of cluster.nodes) node.kill(false)
    cluster.boot()
    expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
    cluster.run(5_000)
    const random = seededRandom(`rot ${seed}`)
    const leader = cluster.nodes.find(({ machine }) => machine?.host.get(1)?.isLeader)
    leader?.lose('rot')
    const ways = ['value', 'unreadable'] as const
    expect(leader?.store.damageTable(random, ways, isRecordOfKey)).toBe(true)
    for (let i = 0; i < 6; i++) expect(get(cluster, `key${i}`)).toBe(`value${i}`)
    if (leader?.machine === undefined) ended++
  }
  expect(ended).toBeGreaterThan(2)
})

test('a file that cannot be replaced ends the node, wherever that happens', () => {
  let ended = 0
  for (let syncs = 0; syncs < 12; syncs++) {
    const cluster = new SimulatedCluster(new World(`failing sync ${syncs}`), {
      nodes: 3,
      replicas: 3,
      partitions: 1,
      clients: 1,
      limits: {}
    })
    const [, node] = cluster.nodes
    cluster.boot()
    cluster.run(syncs)
    node?.disk.failNextSync()
    cluster.run(2_000)
    if (node?.machine === undefined) {
      ended++
      expect(node?.fault?.message).toMatch(/simulated fault/)
      node?.boot()
    }
    expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
    expect(put(cluster, 'key', 'value')).toBe(true)
  }
  expect(ended).toBe(12)
})

test('an entry that rots in the log of a leader is not sent, and ends it', () => {
  const cluster = new SimulatedCluster(new World('rotten entry'), {
    nodes: 3,
    replicas: 3,
    partitions: 1,
    clients: 1,
    limits: { tailBytesMax: 1 }
  })
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  const leader = cluster.nodes.find(({ machine }) => machine?.host.get(1)?.isLeader)
  const behind = cluster.nodes.find((node) => node !== leader) as SimulatedNode
  if (leader === undefined) throw new Error('nobody leads')
  behind.kill(false)
  const { ends } = recordEnds(leader)
  for (let i = 0; i < 10; i++) expect(put(cluster, `key${i}`, 'value')).toBe(true)
  const { name } = recordEnds(leader)
  leader.lose('rot')
  for (let at = ends.at(-1) ?? 0; at < leader.disk.size(name); at += 100) {
    leader.disk.flipBit(name, at * 8)
  }
  behind.boot()
  expect(cluster.runTo(20_000, () => leader.machine === undefined)).toBe(true)
  expect(leader.fault?.message).toMatch(/a record changed since it was written/)
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  for (let i = 0; i < 10; i++) expect(get(cluster, `key${i}`)).toBe('value')
})

test('sectors that cannot be read keep a node from starting, and end one that needs them', () => {
  const stage = formed('bad sectors')
  const { cluster, victim } = stage
  expect(put(cluster, 'key', 'value')).toBe(true)
  cluster.run(15_000)
  victim.kill(false)
  const { name, ends } = recordEnds(victim)
  victim.disk.spoil(name, 0, ends[0] ?? 0)
  victim.lose('bad sector')
  victim.boot()
  expect(victim.machine).toBeUndefined()
  expect(victim.fault?.message).toMatch(/cannot read/)
  expect(get(cluster, 'key')).toBe('value')
})
