import { initialPlacement } from '../keyspace/planner.ts'
import type { ClusterMap, NodeRecord } from '../wire/cluster-map.ts'
import { hex } from '../wire/session-id.ts'
import type { Random } from '../world/random.ts'
import type { FormingOptions } from './membership.ts'

/** The map that a cluster of `nodes` begins with. */
export function firstMap(
  nodes: readonly NodeRecord[],
  { partitions, replicas }: FormingOptions,
  random: Random
): ClusterMap {
  const settings = { partitions, replicas, hash: 'xxh64-0' } as const
  const { placements, nextReplica } = initialPlacement(nodes, settings, 1)
  const clusterId = hex(random.bytes(16))
  return { clusterId, epoch: 1, clusterVersion: 1, settings, nodes, placements, nextReplica }
}
