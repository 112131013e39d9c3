import type { ClusterView, NodeRecord, Placement } from '../wire/cluster-map.ts'
import type { DiskLevel } from '../wire/disk-level.ts'
import { type NodeId, partitionOfGroup, SYSTEM_GROUP } from '../wire/ids.ts'

interface GroupStatus {
  /** Node id; null: nobody who can be reached leads, as far as the answering node knows. */
  readonly leader: string | null
  readonly replicas: readonly { readonly node: string; readonly voter: boolean }[]
  readonly state: 'serving' | 'degraded' | 'unavailable'
}

/** What `GET /v1/cluster` answers. */
export interface ClusterStatus {
  readonly clusterId: string
  readonly epoch: number
  readonly settings: ClusterView['map']['settings'] & { readonly clusterVersion: number }
  /** `down`: meant to be `up`, and not reachable from the answering node. */
  readonly nodes: readonly (Omit<NodeRecord, 'storeId'> & { readonly disk: DiskLevel })[]
  readonly system: GroupStatus
  readonly partitions: readonly (GroupStatus & { readonly partition: number })[]
}

/** As one node sees it. */
export function clusterStatus(
  { map, leaders, low, full }: ClusterView,
  isReachable: (node: NodeId) => boolean = () => true
): ClusterStatus {
  const { clusterId, epoch, settings, clusterVersion, placements } = map
  const diskOf = (node: NodeId): DiskLevel =>
    full.includes(node) ? 'full' : low.includes(node) ? 'low' : 'ok'
  const group = (placement: Placement): GroupStatus => {
    const believed = leaders[placement.group] || null
    const leader = believed !== null && isReachable(believed) ? believed : null
    const replicas = placement.members.map(({ node, voter }) => ({ node, voter }))
    const wanted = Math.min(settings.replicas, map.nodes.length)
    const whole = replicas.filter(({ voter }) => voter).length >= wanted
    return {
      leader,
      replicas,
      state: leader === null ? 'unavailable' : whole ? 'serving' : 'degraded'
    }
  }
  const system = placements.find((placement) => placement.group === SYSTEM_GROUP)
  return {
    clusterId,
    epoch,
    settings: { ...settings, clusterVersion },
    nodes: map.nodes.map(({ id, addresses, http, zone, state }) => {
      const known = addresses.map((at) => `${at}/p2p/${id}`)
      const seen = state === 'up' && !isReachable(id) ? 'down' : state
      return { id, addresses: known, http, zone, state: seen, disk: diskOf(id) }
    }),
    system:
      system === undefined ? { leader: null, replicas: [], state: 'unavailable' } : group(system),
    partitions: placements
      .filter((placement) => placement.group !== SYSTEM_GROUP)
      .map((placement) => ({ partition: partitionOfGroup(placement.group), ...group(placement) }))
  }
}
