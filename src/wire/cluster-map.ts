import type { ClusterId, GroupId, NodeId, ReplicaId, StoreId } from './ids.ts'

export type NodeState = 'joining' | 'up' | 'draining' | 'down' | 'removed'

/** A node as the system group knows it. */
export interface NodeRecord {
  readonly id: NodeId
  readonly storeId: StoreId
  /** libp2p multiaddrs without the /p2p suffix. */
  readonly addresses: readonly string[]
  /** Where others call its HTTP API; empty: nowhere. */
  readonly http: string
  /** Failure domain; empty: none. */
  readonly zone: string
  readonly state: NodeState
}

export interface Member {
  readonly replica: ReplicaId
  readonly node: NodeId
  /** False: a learner, which receives the log but does not count. */
  readonly voter: boolean
}

/** Fixed when the cluster is formed, but for `replicas`. */
export interface ClusterSettings {
  /** A power of two. */
  readonly partitions: number
  /** Replicas wanted of each partition; fewer while there are fewer nodes. */
  readonly replicas: number
  /** Names the key hash and its seed; see keyspace/hash.ts. */
  readonly hash: 'xxh64-0'
}

export interface Placement {
  readonly group: GroupId
  /**
   * Who should hold the group, the preferred leader first. Also its *initial* members, written
   * once: after that the group's own configuration has the last word.
   */
  readonly members: readonly Member[]
}

/** The system group's state, as every node and client keeps a copy of it. */
export interface ClusterMap {
  readonly clusterId: ClusterId
  /** Grows with every change of the map. */
  readonly epoch: number
  /** New command kinds wait for this to reach the version that brought them. */
  readonly clusterVersion: number
  readonly settings: ClusterSettings
  /** Sorted by id. */
  readonly nodes: readonly NodeRecord[]
  /** One per group, the system group's first. */
  readonly placements: readonly Placement[]
  /** The next replica id to allot. */
  readonly nextReplica: ReplicaId
}

/** A map with what one node knows of the present: hints, never relied on. */
export interface ClusterView {
  readonly map: ClusterMap
  /** Per group, by index: the leader's node id, or empty. */
  readonly leaders: readonly NodeId[]
  /** Nodes of the map that the one who tells could not talk to of late. */
  readonly unreachable: readonly NodeId[]
  /** Nodes of the map whose disks are `low`, and those whose are `full`, by what they last said. */
  readonly low: readonly NodeId[]
  readonly full: readonly NodeId[]
}
