import { expect, test } from 'vitest'
import { partitionOf } from '../../../src/keyspace/hash.ts'
import { Leaders } from '../../../src/node/leaders.ts'
import { SimulatedCluster } from '../../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { World } from '../../../src/simulation/world.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { groupOfPartition } from '../../../src/wire/ids.ts'
import { HeardLog } from './heard-log.ts'

// Goal: what a node knows of leaders its own client knows too: no call of its callers looks for a
// leader among nodes that may hang.

const PARTITIONS = 16
const KEYS = Array.from({ length: 64 }, (_, i) => `key${i}`)

/** A cluster whose nodes have served nobody yet, and what they wrote into their logs. */
function formed(seed: string): {
  cluster: SimulatedCluster
  nodes: SimulatedNode[]
  log: HeardLog
} {
  const log = new HeardLog(true)
  const cluster = new SimulatedCluster(new World(seed), {
    nodes: 3,
    partitions: PARTITIONS,
    replicas: 3,
    clients: 1,
    limits: {},
    logger: log
  })
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  log.lines.length = 0
  return { cluster, nodes: [...cluster.nodes], log }
}

const groupOf = (key: string): number => groupOfPartition(partitionOf(utf8(key), PARTITIONS))

function put({ machine }: SimulatedNode, key: string, done = (): void => {}): void {
  const operation = { type: 'put', key: utf8(key), value: utf8('value') } as const
  machine?.gateway.call({ kind: 'mutate', operation }, { timeoutMs: 20_000 }, done)
}

test('a call for what the node itself leads goes nowhere else', () => {
  const { cluster, nodes } = formed('own')
  const [node, ...others] = nodes as [SimulatedNode, ...SimulatedNode[]]
  const isOwn = (key: string): boolean => node.machine?.host.get(groupOf(key))?.isLeader === true
  const own = KEYS.filter(isOwn)
  expect(new Set(own.map(groupOf)).size).toBeGreaterThan(3)
  // Whoever is asked now says nothing.
  for (const { life } of others) life?.pause(5_000)
  for (const key of own) put(node, key)
  cluster.run(50)
  expect(node.machine?.door.inside).toBe(own.length)
})

test('a call for what another node leads goes to that one at once', () => {
  const { cluster, nodes, log } = formed('others')
  // The leaders tell all others once a second.
  cluster.run(1_100)
  let answered = 0
  for (const node of nodes) {
    for (const key of KEYS) put(node, key, () => answered++)
  }
  expect(cluster.runTo(1_000, () => answered === nodes.length * KEYS.length)).toBe(true)
  expect(log.of('request').filter(({ code }) => code === 'not_leader')).toEqual([])
})

test('it is news once that a node leads, and again when it was forgotten', () => {
  const leaders = new Leaders()
  expect(
    leaders.tell('a', [
      [1, 5],
      [2, 5]
    ])
  ).toEqual([1, 2])
  expect(
    leaders.tell('a', [
      [1, 5],
      [2, 6]
    ])
  ).toEqual([2])
  expect(leaders.tell('b', [[1, 4]])).toEqual([])
  expect(leaders.tell('b', [[1, 7]])).toEqual([1])
  expect([leaders.of(1, undefined), leaders.of(2, undefined)]).toEqual(['b', 'a'])
  leaders.forget('b')
  expect(leaders.of(1, undefined)).toBeUndefined()
  expect(leaders.tell('b', [[1, 7]])).toEqual([1])
})
