import { type ClusterStatus, clusterStatus } from '../gateway/cluster-status.ts'
import type { ClusterView } from '../wire/cluster-map.ts'

type NodeStatus = ClusterStatus['nodes'][number]

/** A node with what it does. */
export type NodeLine = NodeStatus & {
  /** Partitions it leads, and partitions it has a replica of. */
  readonly leads: number
  readonly replicas: number
}

/**
 * - `healthy`: every node is up and has room, every partition has a leader and all the replicas it
 *   can have.
 * - `degraded`: every partition has a leader; the loss of more may change that.
 * - `unavailable`: some keys can be neither read nor written.
 */
export type Health = 'healthy' | 'degraded' | 'unavailable'

/** What `keymesh status` tells. */
export interface Summary {
  readonly state: Health
  readonly clusterId: string
  readonly epoch: number
  /** Wanted of each partition. */
  readonly replicas: number
  readonly nodes: {
    readonly total: number
    readonly up: number
    readonly down: readonly string[]
    /** Of these the disk is low or full: they take no writes. */
    readonly withoutRoom: readonly string[]
  }
  readonly partitions: {
    readonly total: number
    readonly withLeader: number
    /** Fewer replicas than there should be. */
    readonly degraded: number
    readonly withoutLeader: readonly number[]
  }
  /** Of the group that knows the cluster. Without it keys are served, and nothing else changes. */
  readonly system: ClusterStatus['system']['state']
}

/** The same as HTTP tells: who is down is as the node sees it that gave the view. */
export function statusOf(view: ClusterView): ClusterStatus {
  const unreachable = new Set(view.unreachable)
  return clusterStatus(view, (node) => !unreachable.has(node))
}

export function summaryOf(status: ClusterStatus): Summary {
  const { clusterId, epoch, settings, nodes, partitions, system } = status
  const down = nodes.filter(({ state }) => state === 'down').map(({ id }) => id)
  const withoutRoom = nodes.filter(({ disk }) => disk !== 'ok').map(({ id }) => id)
  const withoutLeader = partitions
    .filter(({ leader }) => leader === null)
    .map(({ partition }) => partition)
  const degraded = partitions.filter(({ state }) => state === 'degraded').length
  const ills = down.length + withoutRoom.length + degraded
  const whole = ills === 0 && system.state === 'serving'
  return {
    state: withoutLeader.length > 0 ? 'unavailable' : whole ? 'healthy' : 'degraded',
    clusterId,
    epoch,
    replicas: settings.replicas,
    nodes: {
      total: nodes.length,
      up: nodes.filter(({ state }) => state === 'up').length,
      down,
      withoutRoom
    },
    partitions: {
      total: partitions.length,
      withLeader: partitions.length - withoutLeader.length,
      degraded,
      withoutLeader
    },
    system: system.state
  }
}

export function nodeLines({ nodes, partitions }: ClusterStatus): readonly NodeLine[] {
  const leads = new Map<string, number>()
  const replicas = new Map<string, number>()
  for (const partition of partitions) {
    if (partition.leader !== null) add(leads, partition.leader)
    for (const { node } of partition.replicas) add(replicas, node)
  }
  return nodes.map((node) => ({
    ...node,
    leads: leads.get(node.id) ?? 0,
    replicas: replicas.get(node.id) ?? 0
  }))
}

function add(counts: Map<string, number>, id: string): void {
  counts.set(id, (counts.get(id) ?? 0) + 1)
}

const NAME_LENGTH = 8

/**
 * The ends of ids, long enough to tell them apart: how they begin is the same for all. An id that
 * is not of these is as it is.
 */
export function shortNames(ids: Iterable<string>): (id: string) => string {
  const all = [...new Set(ids)]
  let length = NAME_LENGTH
  while (new Set(all.map((id) => id.slice(-length))).size < all.length) length++
  return (id) => id.slice(-length)
}

/** Of the nodes, and of members that are no nodes any more. */
export function namesIn({ nodes, partitions }: ClusterStatus): (id: string) => string {
  const members = partitions.flatMap((partition) => partition.replicas.map(({ node }) => node))
  return shortNames([...nodes.map(({ id }) => id), ...members])
}
