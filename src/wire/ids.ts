/** A node's libp2p PeerId as text; made with its data directory, never changed. */
export type NodeId = string
/** One incarnation of a node's disk: 32 hex digits, registered in the cluster map. */
export type StoreId = string
/** 32 hex digits, drawn when the cluster is formed. */
export type ClusterId = string
/** A Raft group: 0 is the system group, p + 1 is partition p. */
export type GroupId = number
/** A replica of one group; allotted by the system group's counter, never used twice. */
export type ReplicaId = number
/**
 * The origin of exactly-once numbering: 32 hex digits, drawn by a client or gateway at its start.
 */
export type SessionId = string

export const SYSTEM_GROUP: GroupId = 0
export const groupOfPartition = (partition: number): GroupId => partition + 1
export const partitionOfGroup = (group: GroupId): number => group - 1
