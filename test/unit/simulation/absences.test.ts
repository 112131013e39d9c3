import { expect, test } from 'vitest'
import { ABSENCES, takeAway } from '../../../src/simulation/absences.ts'
import { SimulatedCluster } from '../../../src/simulation/cluster.ts'
import { World } from '../../../src/simulation/world.ts'
import { seededRandom } from '../../../src/world/random.ts'

function formed(nodes: number, replicas: number, partitions: number): SimulatedCluster {
  const world = new World(`${nodes} ${replicas} ${partitions}`)
  const shape = { nodes, replicas, partitions, clients: 2, limits: {} }
  const cluster = new SimulatedCluster(world, shape)
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  return cluster
}

/** Per group, its nodes. */
function holders(cluster: SimulatedCluster): string[][] {
  const { placements = [] } = cluster.nodes[0]?.machine?.membership.map ?? {}
  return placements.map(({ members }) => members.map(({ node }) => node))
}

test('whoever goes for good leaves each group a majority of its replicas', () => {
  for (const [nodes, replicas] of [
    [3, 3],
    [5, 3],
    [7, 5],
    [7, 3]
  ] as const) {
    const groups = holders(formed(nodes, replicas, 4))
    const counts = new Set<number>()
    for (let seed = 0; seed < 5; seed++) {
      const cluster = formed(nodes, replicas, 4)
      takeAway(cluster, seededRandom(`${seed}`))
      const there = new Set(cluster.sound.map(({ name }) => name))
      counts.add(nodes - there.size)
      for (const group of groups) {
        const left = group.filter((node) => there.has(node)).length
        expect(left * 2).toBeGreaterThan(group.length)
      }
    }
    expect(Math.max(...counts)).toBeGreaterThanOrEqual(replicas === 5 ? 2 : 1)
  }
})

test('the only replica of a partition stays, and so does who stands in for a lost disk', () => {
  const single = formed(5, 1, 4)
  const needed = new Set(holders(single).slice(1).flat())
  takeAway(single, seededRandom('single'))
  for (const { name, away } of single.nodes) if (needed.has(name)) expect(away).toBeUndefined()

  const struck = formed(3, 3, 1)
  struck.nodes[2]?.lose('wipe')
  for (let seed = 0; seed < 10; seed++) takeAway(struck, seededRandom(`${seed}`))
  expect(struck.sound.map(({ name }) => name)).toEqual(['node1', 'node2'])
})

test('every way of being gone is drawn, and the rest lives on without those that are', () => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 100 && seen.size < ABSENCES.length; seed++) {
    const cluster = formed(3, 3, 1)
    takeAway(cluster, seededRandom(`way ${seed}`))
    for (const { away } of cluster.nodes) if (away !== undefined) seen.add(away)
    expect(cluster.runTo(20_000, () => cluster.leaderless === undefined)).toBe(true)
  }
  expect([...seen].sort()).toEqual([...ABSENCES].sort())
})
