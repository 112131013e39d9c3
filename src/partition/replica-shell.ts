import type { Entry, Index, Message, Ready, Term } from '../raft/types.ts'
import type { NodeLog } from '../storage/log-types.ts'
import type { GroupId, NodeId, ReplicaId } from '../wire/ids.ts'
import type { Clock } from '../world/clock.ts'
import type { Asker } from './answer.ts'
import type { Inquiries } from './encounters.ts'
import type { TrustedClock } from './group-time.ts'
import type { Onlooker } from './onlooker.ts'
import type { Replica } from './replica.ts'
import type { Room } from './room.ts'
import type { Transact } from './transactional.ts'

/** What a replica needs of the node around it. */
export interface ReplicaShell {
  readonly clock: Clock
  readonly trusted: TrustedClock
  readonly log: NodeLog
  readonly room: Room
  readonly onlooker: Onlooker | undefined
  /** Queues a message for the end of this turn. */
  send(node: NodeId, group: GroupId, message: Message): void
  /** `replica` has work for the end of this turn. */
  dirty(replica: Replica): void
  /**
   * Entries, hard state or a reset went to the log: call `replica.persisted` once they are synced.
   */
  persist(replica: Replica, batch: PersistBatch): void
  snapshotsWanted(replica: Replica, to: readonly ReplicaId[]): void
  /** These entries were applied, in this order: for whoever watches from outside. */
  applied(replica: Replica, entries: readonly Entry[]): void
  /** An entry with so many commands was proposed. */
  proposed(commands: number): void
  readonly inquiries: Inquiries
  /** A transaction whose anchor `replica` leads: `asker` is told what becomes of it. */
  coordinate(replica: Replica, command: Transact, asker: Asker): void
  /** A strong read of `key`, from its beginning. */
  readStrong(replica: Replica, key: Uint8Array, asker: Asker): void
  /** We lead this group in a new term, or lead it no longer. */
  leadershipChanged(replica: Replica): void
}

/** What one Ready still owes when its records are durable. */
export interface PersistBatch {
  readonly hardState: Ready['hardState']
  readonly index: Index
  readonly term: Term
  readonly messages: Message[]
}
