import type { ClusterView } from '../wire/cluster-map.ts'
import type { Operation } from '../wire/command.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import type { Failure } from '../wire/failure.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import type { LockName, LockOperation, LockPlace } from '../wire/lock.ts'
import type { Granted, LockResult, LockView, Lost } from '../wire/lock-result.ts'
import type { Keyed } from '../wire/once.ts'
import type { Lapse, ReadRecord } from '../wire/read-body.ts'
import type { Consistency, Reply, Request } from '../wire/request.ts'
import type { AbortReason, KeyResult, KnownResult, NotRunResult, Result } from '../wire/result.ts'
import type { ScanPage, ScanRequest } from '../wire/scan.ts'
import type { Check, TransactionRef } from '../wire/transaction.ts'
import type { WatchPage } from '../wire/watch.ts'
import type { Random } from '../world/random.ts'

/** What a reader has seen of one group: no `session` read of it may show anything older. */
export interface Floor {
  /** The highest applied index that an answer came from. */
  readonly applied: number
  /** Keys that `eventual` reads found over by a clock alone. */
  readonly lapse?: Lapse | undefined
}

/** What a call asks for. Keys and values must not change until its `complete`. */
export type CallOperation =
  | {
      readonly kind: 'get'
      readonly key: Uint8Array
      readonly consistency: Consistency
      /**
       * With `session`: what the reader has seen, by group; none: nothing. Absent: whatever this
       * machine was ever answered with.
       */
      readonly floors?: ReadonlyMap<GroupId, Floor>
    }
  /** One page of one group. */
  | {
      readonly kind: 'scan'
      readonly group: GroupId
      readonly scan: ScanRequest
      readonly consistency: Consistency
      /** As with `get`. */
      readonly floors?: ReadonlyMap<GroupId, Floor>
    }
  | {
      readonly kind: 'mutate'
      readonly operation: Operation
      /** Where to, for operations without a key. Absent: the partition of the key. */
      readonly group?: GroupId
    }
  /**
   * One attempt at a transaction over any keys; whose anchor is the lowest of their groups, or that
   * of the idempotency key.
   */
  | {
      readonly kind: 'transact'
      readonly checks: readonly Check[]
      /** In this order; later ones see earlier ones. */
      readonly writes: readonly DataOperation[]
      /** See the operation of that name. */
      readonly inOrder: boolean
      readonly keyed?: Keyed
    }
  /** A command made by somebody else, with its numbers: only between the parts of a transaction. */
  | { readonly kind: 'forward'; readonly group: GroupId; readonly command: Uint8Array }
  /** What became of a transaction. */
  | { readonly kind: 'outcome'; readonly of: TransactionRef }
  /** Takes, keeps or gives up places at locks, all of them of one group. */
  | { readonly kind: 'lock'; readonly operation: LockOperation }
  /** Who holds a lock. */
  | ({ readonly kind: 'lock-view' } & LockName)
  /** Ends when the place in the queue does: with a grant most often, and as late as that is. */
  | ({ readonly kind: 'await-grant' } & LockPlace)
  /**
   * Asked of this very node, once: what it cannot tell, the caller asks another. `group` is one of
   * those in the question.
   */
  | {
      readonly kind: 'watch'
      readonly node: NodeId
      readonly group: GroupId
      readonly question: Uint8Array
    }
  /** How far a group has come. */
  | { readonly kind: 'position'; readonly group: GroupId }

/** `group`, `applied` and `lapse` are for a Floor: who shows it elsewhere reads no older state. */
export type CallOutcome =
  | {
      readonly ok: true
      readonly kind: 'get'
      /** Undefined: there is no such key. */
      readonly record: ReadRecord | undefined
      readonly group: GroupId
      readonly applied: number
      /** The key is absent by this alone; only of `eventual` reads. */
      readonly lapse?: Lapse | undefined
      /** How old an `eventual` answer may be; 0 for the others. */
      readonly stalenessMs: number
      /** See ReadAnswer. */
      readonly quietSince?: number
    }
  | {
      readonly ok: true
      readonly kind: 'scan'
      readonly page: ScanPage
      readonly group: GroupId
      readonly applied: number
      /** Of keys that the page passed over by the clock alone, if any. */
      readonly lapse?: Lapse | undefined
      readonly stalenessMs: number
    }
  | {
      readonly ok: true
      readonly kind: 'mutate'
      readonly result: KeyResult
      readonly group: GroupId
      readonly applied: number
    }
  | {
      readonly ok: true
      readonly kind: 'transact'
      readonly id: TransactionRef
      readonly decision: Decision
      readonly groups: readonly SeenGroup[]
    }
  /** What an idempotency key says in the place of what was asked for: nothing was run now. */
  | {
      readonly ok: true
      readonly kind: 'told'
      readonly result: KnownResult | NotRunResult
      readonly group: GroupId
      readonly applied: number
      /** Of the cluster: tells whose results the votes are. */
      readonly partitions: number
    }
  | {
      readonly ok: true
      readonly kind: 'forward' | 'outcome'
      readonly result: Result
      readonly group: GroupId
      readonly applied: number
    }
  | { readonly ok: true; readonly kind: 'watch'; readonly pages: readonly WatchPage[] }
  | {
      readonly ok: true
      readonly kind: 'position'
      readonly position: number
      readonly group: GroupId
      readonly applied: number
    }
  | {
      readonly ok: true
      readonly kind: 'lock'
      readonly result: LockResult
      readonly group: GroupId
      readonly applied: number
    }
  | {
      readonly ok: true
      readonly kind: 'lock-view'
      readonly view: LockView
      readonly group: GroupId
      readonly applied: number
    }
  | {
      readonly ok: true
      readonly kind: 'await-grant'
      readonly result: Granted | Lost
      readonly group: GroupId
      readonly applied: number
    }
  | {
      readonly ok: false
      readonly failure: Failure
      /** Of a transaction whose outcome is unknown: what to ask for. */
      readonly id?: TransactionRef
    }

/** `aborted`: it changed nothing, and under this number never will. */
export type Decision =
  | {
      readonly type: 'committed'
      /** Of each write, in their order. */
      readonly results: readonly KeyResult[]
    }
  | { readonly type: 'aborted'; readonly why: AbortReason }

/** Who shows this to a session reads nothing older of that group. */
export interface SeenGroup {
  readonly group: GroupId
  readonly applied: number
}

export type ClientInput =
  /** Every call gets exactly one `complete`. Requires: `call` never used before. */
  | {
      readonly type: 'call'
      readonly call: number
      readonly operation: CallOperation
      readonly timeoutMs: number
      readonly trace?: string
      readonly principal?: string
      /** `shedMs` let it pass already: it is not refused on this side any more. */
      readonly admitted?: boolean
    }
  /** The caller no longer waits. `complete` follows at once, unless it came already. */
  | { readonly type: 'cancel'; readonly call: number }
  | { readonly type: 'link-up'; readonly node: NodeId }
  /** Nothing more will come from this link: requests sent on it stay unanswered. */
  | { readonly type: 'link-down'; readonly node: NodeId }
  /** `reason` in a word or two, for messages. */
  | { readonly type: 'dial-failed'; readonly address: string; readonly reason?: string }
  | { readonly type: 'reply'; readonly node: NodeId; readonly reply: Reply }
  /** The queue to `node` had no room for `request`: it did not leave. */
  | { readonly type: 'unsent'; readonly node: NodeId; readonly request: number }
  /** For a machine that lives in a node: what the node itself knows, whenever it changes. */
  | { readonly type: 'view'; readonly view: ClusterView }
  /** Likewise: since now `node` leads `group`, as `node` says itself. */
  | { readonly type: 'leader'; readonly group: GroupId; readonly node: NodeId }
  /** The time asked for with `wake-at` has come. Too early is harmless. */
  | { readonly type: 'wake' }

export type ClientEffect =
  /** One that cannot be sent is to be answered with `link-down` or `unsent`. */
  | { readonly type: 'send'; readonly node: NodeId; readonly request: Request }
  /** Tells `node` that nobody waits for request `id` any more. */
  | { readonly type: 'cancel'; readonly node: NodeId; readonly id: number }
  | { readonly type: 'complete'; readonly call: number; readonly outcome: CallOutcome }
  /** `link-up`, or `dial-failed` with this very address, is to follow. */
  | { readonly type: 'dial'; readonly address: string }
  /** Replaces the time asked for before: there is one alarm. */
  | { readonly type: 'wake-at'; readonly at: number }

export interface ClientOptions {
  /**
   * Session ids and back-off jitter are drawn from it. Two machines must never draw the same
   * session: it must be unpredictable outside a simulation.
   */
  readonly random: Random
  /** Addresses to find the cluster through. Empty for a machine that lives in a node. */
  readonly seeds: readonly string[]
  /**
   * The node this machine lives in: its replicas are the nearest, and the node keeps the links, so
   * the machine dials nobody. Absent: a client of its own.
   */
  readonly self?: NodeId
  /** Calls without an answer; more are refused with `overloaded`. */
  readonly inFlightMax?: number
}
