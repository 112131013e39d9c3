import type { ClusterView, NodeRecord, Placement } from '../wire/cluster-map.ts'
import { partitionOfGroup, SYSTEM_GROUP } from '../wire/ids.ts'

interface GroupStatus {
  /** Node id; null: nobody leads, as far as the answering node knows. */
  readonly leader: string | null
  readonly replicas: readonly { readonly node: string; readonly voter: boolean }[]
  readonly state: 'serving' | 'degraded' | 'leaderless'
}

/** What `GET /v1/cluster` answers. */
export interface ClusterStatus {
  readonly clusterId: string
  readonly epoch: number
  readonly settings: ClusterView['map']['settings'] & { readonly clusterVersion: number }
  readonly nodes: readonly Omit<NodeRecord, 'storeId'>[]
  readonly system: GroupStatus
  readonly partitions: readonly (GroupStatus & { readonly partition: number })[]
}

/** As one node sees it. */
export function clusterStatus({ map, leaders }: ClusterView): ClusterStatus {
  const { clusterId, epoch, settings, clusterVersion, placements } = map
  const group = (placement: Placement): GroupStatus => {
    const leader = leaders[placement.group] || null
    const replicas = placement.members.map(({ node, voter }) => ({ node, voter }))
    const wanted = Math.min(settings.replicas, map.nodes.length)
    const full = replicas.filter(({ voter }) => voter).length >= wanted
    return {
      leader,
      replicas,
      state: leader === null ? 'leaderless' : full ? 'serving' : 'degraded'
    }
  }
  const system = placements.find((placement) => placement.group === SYSTEM_GROUP)
  return {
    clusterId,
    epoch,
    settings: { ...settings, clusterVersion },
    nodes: map.nodes.map(({ id, addresses, http, zone, state }) => {
      return { id, addresses: addresses.map((at) => `${at}/p2p/${id}`), http, zone, state }
    }),
    system:
      system === undefined ? { leader: null, replicas: [], state: 'leaderless' } : group(system),
    partitions: placements
      .filter((placement) => placement.group !== SYSTEM_GROUP)
      .map((placement) => ({ partition: partitionOfGroup(placement.group), ...group(placement) }))
  }
}
