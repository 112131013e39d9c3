import type { Member } from '../wire/cluster-map.ts'
import type { GroupId, ReplicaId } from '../wire/ids.ts'
import type { Random } from '../world/random.ts'

export type Term = number
export type Index = number

/** `empty`: what a new leader appends to commit its term; `configuration`: an encoded one. */
export type EntryKind = 'command' | 'configuration' | 'empty'

export interface Entry {
  readonly index: Index
  readonly term: Term
  readonly kind: EntryKind
  /** Opaque; encoded once by whoever proposed it, never copied. */
  readonly data: Uint8Array
}

/** What must never be forgotten: the latest term and whom we voted for in it (0: nobody). */
export interface HardState {
  readonly term: Term
  readonly vote: ReplicaId
}

/** The members of the group. Active from the moment it is appended (design rule 2). */
export interface Configuration {
  readonly members: readonly Member[]
}

/** The point up to which the log was replaced by state: `configuration` is in force at `index`. */
export interface SnapshotMark {
  readonly index: Index
  readonly term: Term
  readonly configuration: Configuration
}

/** The durable log of one group, as Raft reads it. Synchronous; storage implements it. */
export interface StableLog {
  /** Up to `bytesMax` of data (but at least one entry) from `from` on, below `to`. */
  entries(from: Index, to: Index, bytesMax: number): readonly Entry[]
}

/** What a replica remembers at start. Entries (mark.index, lastIndex] are in `stable`. */
export interface RaftStart {
  readonly hardState: HardState
  readonly mark: SnapshotMark
  /** Runs of equal terms over (mark.index, lastIndex], ascending: [first index, term]. */
  readonly termRuns: readonly (readonly [Index, Term])[]
  readonly lastIndex: Index
  /** The configurations appended above mark.index, ascending. */
  readonly configurations: readonly (readonly [Index, Configuration])[]
  /** The durable applied index, >= mark.index: everything up to here is committed. */
  readonly applied: Index
  readonly stable: StableLog
}

export interface RaftOptions {
  readonly group: GroupId
  readonly self: ReplicaId
  readonly random: Random
  /** E: timeouts are drawn from [E + 1, 2E] ticks. Default 10. */
  readonly electionTicks: number
  /** Default 2. */
  readonly heartbeatTicks: number
  /** Entry bytes of one append message (at least one entry). Default 256 KiB. */
  readonly appendBytesMax: number
  /** Append messages sent and not acknowledged, per follower. Default 64. */
  readonly inflightAppendsMax: number
  /** Entry bytes sent and not acknowledged, per follower. Default 4 MiB. */
  readonly inflightBytesMax: number
  /** Bytes proposed and not yet committed; over it proposals are refused. Default 16 MiB. */
  readonly uncommittedBytesMax: number
  /** Recent entries kept in memory for sending. Default 4 MiB. */
  readonly tailBytesMax: number
  /** We are a preferred leader: draw timeouts from the lower half. */
  readonly preferred: boolean
}

interface Envelope {
  readonly from: ReplicaId
  readonly to: ReplicaId
  /** The sender's term; for a pre-vote the term it would campaign in. */
  readonly term: Term
}

export type Message = Envelope &
  (
    | {
        readonly type: 'append'
        readonly previousIndex: Index
        readonly previousTerm: Term
        readonly commit: Index
        /** Consecutive from previousIndex + 1. */
        readonly entries: readonly Entry[]
      }
    /** Rejected: `index` is the hint where to try next, with the follower's term there. */
    | {
        readonly type: 'append-reply'
        readonly rejected: boolean
        /**
         * Accepted: the last index known durable and matching. Rejected: the refused
         * previousIndex.
         */
        readonly index: Index
        readonly hintIndex: Index
        readonly hintTerm: Term
      }
    | { readonly type: 'heartbeat'; readonly commit: Index }
    | { readonly type: 'heartbeat-reply' }
    | {
        readonly type: 'vote' | 'pre-vote'
        readonly lastIndex: Index
        readonly lastTerm: Term
        /** The leader asked for it: voters do not protect their leader. */
        readonly transfer: boolean
      }
    | { readonly type: 'vote-reply' | 'pre-vote-reply'; readonly rejected: boolean }
    | { readonly type: 'timeout-now' }
  )

export type Input =
  | { readonly type: 'tick' }
  | { readonly type: 'receive'; readonly message: Message }
  /** Ask for pre-votes now, without waiting for the timeout. */
  | { readonly type: 'campaign' }
  /**
   * The log is durable up to what a Ready promised. Ignored where the log has changed since:
   * counts only if our entry at `index` still has `term`.
   */
  | {
      readonly type: 'persisted'
      readonly hardState: HardState | undefined
      readonly index: Index
      readonly term: Term
    }
  /**
   * The link to the leader's process closed and a redial was refused: campaign within 0-2 ticks.
   */
  | { readonly type: 'leader-gone' }
  /** Hand leadership to `to` once it has caught up; given up after one election timeout. */
  | { readonly type: 'transfer'; readonly to: ReplicaId }
  /** The disk hangs, or this process woke from a pause: stop leading until elected again. */
  | { readonly type: 'step-down' }
  /** A snapshot went to `to` (ok) or failed to; ends its snapshot state. */
  | {
      readonly type: 'snapshot-sent'
      readonly to: ReplicaId
      readonly ok: boolean
      readonly index: Index
    }
  /** A snapshot from the leader was received whole and its state is durable: become it. */
  | {
      readonly type: 'snapshot-received'
      readonly from: ReplicaId
      readonly term: Term
      readonly mark: SnapshotMark
    }
  /** State up to `index` is durable: the log may be dropped up to there (see `Raft.compact`). */
  | { readonly type: 'compact'; readonly mark: SnapshotMark }

/**
 * Work the driver owes Raft, gathered over any number of inputs. The order is part of the contract:
 *   1. `reset`, then `entries` and `hardState` go to the log, in one batch;
 *   2. `messages` may go out at once, before they are durable;
 *   3. when the batch is durable: `messagesAfterPersist` go out, and `persisted` is stepped with
 *   the
 *      hardState and the last of `entries` of this Ready;
 *   4. `committed` is applied, in order. These entries are durable here too (a state flush can so
 *      never run ahead of the log).
 */
export interface Ready {
  /** A snapshot replaces the log: forget all entries, go on from this mark. */
  readonly reset: SnapshotMark | undefined
  readonly hardState: HardState | undefined
  /** The first may overwrite: entries at and after its index are gone. */
  readonly entries: readonly Entry[]
  readonly messages: readonly Message[]
  readonly messagesAfterPersist: readonly Message[]
  readonly committed: readonly Entry[]
  /** Followers whose next entry is no longer in the log: send each a snapshot. */
  readonly snapshotsWanted: readonly ReplicaId[]
}

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

/** What the driver may know of a replica's Raft at any time. */
export interface Status {
  readonly role: Role
  readonly term: Term
  /** 0: none known. */
  readonly leader: ReplicaId
  readonly commit: Index
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly configuration: Configuration
  /** Leader only: an entry of its own term is committed, so its commit index is the group's. */
  readonly committedInTerm: boolean
  /** Leader only: leadership is being handed over; proposals and reads are refused. */
  readonly transferring: boolean
}

export type Proposed =
  | { readonly accepted: true; readonly index: Index; readonly term: Term }
  /** Definite: nothing was appended. */
  | {
      readonly accepted: false
      readonly reason: 'not-leader' | 'overloaded' | 'transferring' | 'change-refused'
    }
