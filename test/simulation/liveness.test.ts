import { expect, test } from 'vitest'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { World } from '../../src/simulation/world.ts'
import { comeAlive, comeToRest, electionTimeoutMs } from './liveness.ts'

const shape = { nodes: 3, replicas: 3, partitions: 2, clients: 1, limits: {} }

function formed(): SimulatedCluster {
  const cluster = new SimulatedCluster(new World('alive'), shape)
  cluster.boot()
  cluster.runTo(20_000, () => cluster.isHealthy)
  return cluster
}

test('a whole cluster is found alive and at rest, and so is what is left of one', () => {
  const cluster = formed()
  comeAlive(cluster, {})
  comeToRest(cluster, 1e6)
  cluster.nodes[0]?.leave('dead')
  cluster.nodes[0]?.kill()
  comeAlive(cluster, {})
  comeToRest(cluster, 1e6)
})

test('who should be there and is not, and a group without a majority, are told', () => {
  const cluster = formed()
  cluster.nodes[0]?.kill()
  expect(() => comeAlive(cluster, {})).toThrow('node1: is down')
  cluster.nodes[0]?.leave('dead')
  cluster.nodes[1]?.leave('dead')
  cluster.nodes[1]?.kill()
  const before = cluster.world.now
  expect(() => comeAlive(cluster, {})).toThrow('node3 knows no leader')
  expect(cluster.world.now - before).toBeLessThan(11 * electionTimeoutMs(cluster, {}))
})

test('a leader that leads nobody is no leader, and a log out of bounds is told', () => {
  const cluster = formed()
  expect(cluster.leaderless).toBeUndefined()
  for (const node of cluster.nodes) {
    for (const { group, isLeader } of node.machine?.host.replicas() ?? []) {
      if (group === 1 && isLeader) node.leave('paused')
    }
  }
  expect(cluster.leaderless).toMatch(/^group [01]: node. follows node., and undefined leads$/)
  expect(() => comeToRest(formed(), 1)).toThrow('too large a log')
})
