import type { Code, RoutingCode } from './failure.ts'
import type { ClusterId, GroupId, NodeId } from './ids.ts'

export type Consistency = 'strong' | 'session' | 'eventual'

/**
 * - `get`: body is the key.
 * - `mutate`: body is an encoded Command, which the leader appends as it came.
 * - `basis`: asks any replica for its applied index (see Command.basis); no quorum behind it.
 * - `outcome`: body is a transaction's session and seq, see writeTransactionId; the leader of its
 *   anchor answers with a Result: `pending`, `ended`, or `gone` when it knows nothing of it.
 * - `lock`: body is the name of a lock, see writeLockName; its leader answers with a LockView.
 * - `await-grant`: body is a place in the queue of a lock, see writeLockPlace; answered with a
 *   Result when it is over: `granted` or `lost`.
 * - `scan`: body is an encoded ScanRequest; answered like `get`, with a ScanPage.
 * - `watch`: body is an encoded WatchQuestion, which may be about other groups than that of the
 *   request; any node answers with what its replicas can tell.
 * - `position`: asks the leader for the number that the last command took of the group's counter,
 *   as a strong read.
 * - `map`: asks for the cluster map and the leaders the node knows of; any node answers.
 */
export type RequestKind =
  | 'get'
  | 'mutate'
  | 'basis'
  | 'map'
  | 'outcome'
  | 'lock'
  | 'await-grant'
  | 'scan'
  | 'watch'
  | 'position'

/** What a router asks a node, over a client link or a node link alike. */
export interface Request {
  /** Unique among the requests of this sender on this link. */
  readonly id: number
  readonly kind: RequestKind
  readonly clusterId: ClusterId
  readonly group: GroupId
  /** Of the map the sender routed by. */
  readonly epoch: number
  /** Milliseconds the sender still waits, counted from its sending. */
  readonly timeoutMs: number
  /** With `get` and `scan`. */
  readonly consistency: Consistency
  /** With `session` reads: the index the replica must have applied. */
  readonly minApplied: number
  /** Who asks; empty: anybody the link admits. */
  readonly principal: string
  /** Follows one request through the logs of all nodes; may be empty. */
  readonly trace: string
  readonly body: Uint8Array
}

/**
 * - `ok`: done. Body: for `get`, see encodeRead; for `scan`, encodeScanPage; for `mutate`, a
 *   Result; for `map`, see ClusterView; for `watch` and `position`, watch.ts; for the others, see
 *   RequestKind.
 * - `rejected`: this copy surely did nothing and never will.
 * - `unknown`: this copy was handed to the log and its fate is not known here.
 */
export type ReplyOutcome = 'ok' | 'rejected' | 'unknown'

export interface Reply {
  readonly id: number
  readonly outcome: ReplyOutcome
  /** Empty when `ok`. */
  readonly code: Code | RoutingCode | ''
  readonly message: string
  /**
   * An applied index of the group at the answering replica, at or after the effect; 0: none. With
   * `overloaded`, 0 means that the node refused before it asked a replica.
   */
  readonly applied: number
  /** With `not_leader`: who leads, as far as known; else empty. */
  readonly leader: NodeId
  /** Of the answering node's map. */
  readonly epoch: number
  /** With `overloaded`: milliseconds to wait before the next try; with a read: its staleness. */
  readonly waitMs: number
  readonly body: Uint8Array
}
