import { expect } from 'vitest'
import { ModelCluster, NODES } from './model-cluster.ts'

/** A client with a map, a basis for the group of `key`, and its answer to one put. */
export function warm(options: { inFlightMax?: number } = {}): ModelCluster {
  const cluster = new ModelCluster('scenario', options)
  cluster.start()
  cluster.put(1, 'key')
  cluster.run(100)
  expect(cluster.outcome(1)).toMatchObject({ ok: true, result: { type: 'written', revision: 1 } })
  return cluster
}

/** Where the group of `key` is, seen from the model. */
export function groupOf(cluster: ModelCluster): ModelCluster['groups'][number] {
  const group = cluster.groups.find((one) => one.records.has('key'))
  if (group === undefined) throw new Error('no group has the key')
  return group
}

/** The other nodes. */
export const others = (node: string): string[] => NODES.filter((other) => other !== node)
