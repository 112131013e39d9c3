import type { DriverCall } from '../client/driver.ts'
import type { FencedChange, FencedOutcome } from '../client/fenced-write.ts'
import type { CallOperation, CallOutcome } from '../client/inputs.ts'
import type { LockOutcome, WantedLock } from '../client/lock-types.ts'
import type { TransactionOutcome, TransactionRequest } from '../client/transactor-types.ts'
import type { OpenWatch, WatchRequest } from '../client/watcher.ts'
import type { ClusterView } from '../wire/cluster-map.ts'
import { failure } from '../wire/failure.ts'
import type { ClusterId, NodeId } from '../wire/ids.ts'
import type { Cancel } from '../world/clock.ts'

/** Of a whole transaction, with all its attempts. */
export type TransactionCall = Pick<DriverCall, 'timeoutMs' | 'trace' | 'principal'>

/** What the doors of a node ask of what is behind them. */
export interface Calls {
  /** See ClientDriver.call. */
  call(operation: CallOperation, call: DriverCall, done: (outcome: CallOutcome) => void): Cancel
  /** See runTransaction. */
  transact(
    request: TransactionRequest,
    call: TransactionCall,
    done: (outcome: TransactionOutcome) => void
  ): Cancel
  /** See LockKeeper.request. */
  lock(wanted: WantedLock, call: TransactionCall, done: (outcome: LockOutcome) => void): Cancel
  /** See writeFenced. */
  writeFenced(
    change: FencedChange,
    call: TransactionCall,
    done: (outcome: FencedOutcome) => void
  ): Cancel
  /** A watch that was not started; `onNews`: see Watcher. Absent: there is none. */
  watch?(request: Omit<WatchRequest, 'near'>, onNews: () => void): OpenWatch
  /** The door is about to close: whoever waits in line for others is told so now. */
  stopping?(): void
  /** Whether some node refuses calls just now; absent: none ever does. */
  isShedding?(): boolean
  /**
   * How long to wait before a call that only the leader of `key` can answer, in ms; 0: it may be
   * made now, and then has to say that it was `admitted`.
   */
  shedMs?(kind: 'get' | 'mutate', key: Uint8Array): number
  /** What is known of the cluster; undefined before the node has a map. */
  view(): ClusterView | undefined
  /** Of the cluster the node belongs to; empty before it has a map. */
  clusterId(): ClusterId
  /** What the nodes agree it is, ms since 1970; see ClusterClock. */
  time(): number
  /** Why the node is not ready; empty when it is. */
  unready(): readonly string[]
  /** Whether `node` was linked to this one a moment ago; absent: not known, so every node is. */
  isReachable?(node: NodeId): boolean
  /** The figures of the node as Prometheus reads them; absent: none but those of HTTP. */
  metrics?(): string
}

const STARTING = failure('unavailable', 'this node is starting')

/** Stands in until the node behind the door is there. */
export const NOBODY: Calls = {
  call: (_operation, _call, done) => {
    done({ ok: false, failure: STARTING })
    return () => {}
  },
  transact: (_request, _call, done) => {
    done({ ok: false, failure: STARTING, id: undefined })
    return () => {}
  },
  lock: (_wanted, _call, done) => {
    done({ ok: false, failure: STARTING })
    return () => {}
  },
  writeFenced: (_change, _call, done) => {
    done({ ok: false, failure: STARTING })
    return () => {}
  },
  view: () => undefined,
  clusterId: () => '',
  time: () => 0,
  unready: () => [STARTING.message]
}
