import { expect, test } from 'vitest'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { World } from '../../src/simulation/world.ts'

/**
 * Goal (R): the state never gets ahead of the log, not even that of a group without entries.
 * Method: syncs hang while the groups are made, so only the store gets on; then the power goes.
 */
test('a group that is not in the log yet is not flushed', () => {
  for (let seed = 0; seed < 8; seed++) {
    const cluster = new SimulatedCluster(new World(`flush order ${seed}`), {
      nodes: 1,
      replicas: 1,
      partitions: 2,
      clients: 0,
      limits: { flushMs: 100 }
    })
    cluster.boot()
    const [node] = cluster.nodes
    node?.disk.hangSyncs()
    cluster.run(3_000)
    expect(node?.disk.list()).toContain('cluster-map')
    node?.kill(true)
    node?.boot()
    expect(cluster.runTo(10_000, () => cluster.isHealthy)).toBe(true)
  }
})
