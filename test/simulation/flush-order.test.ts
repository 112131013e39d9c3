import { expect, test } from 'vitest'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'

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

test('once a node has ended, nothing of its state is written any more', () => {
  const cluster = new SimulatedCluster(new World('over'), {
    nodes: 1,
    replicas: 1,
    partitions: 1,
    clients: 1,
    limits: { flushMs: 1e9 }
  })
  cluster.boot()
  expect(cluster.runTo(10_000, () => cluster.isHealthy)).toBe(true)
  const [{ machine, store } = {}] = cluster.nodes
  if (machine === undefined || store === undefined) throw new Error('no node')
  const { flusher, host } = machine.keeping
  const written: string[] = []
  const put = (name: string): void => {
    const operation = { type: 'put', key: utf8(name), value: utf8(name) } as const
    cluster.clients[0]?.call({ kind: 'mutate', operation }, 4_000, () => written.push(name))
    cluster.run(500)
  }
  let flushes = 0
  put('one')
  flusher.flush(() => flushes++)
  cluster.run(500)
  put('two')
  const before = store.logSizes.join()
  host.stop()
  flusher.flush(() => flushes++)
  cluster.run(500)
  expect({ written, flushes }).toEqual({ written: ['one', 'two'], flushes: 2 })
  expect(store.logSizes.join()).toBe(before)
})
