import type { Entry, Message, Ready } from '../raft/types.ts'
import type { Answer } from '../state/state-machine.ts'
import type { GroupId } from '../wire/ids.ts'
import type { ConfirmGroup } from '../wire/node-frames.ts'
import type { Inquiries } from './encounters.ts'
import type { Replica } from './replica.ts'
import type { ReadWait } from './waits.ts'

/**
 * Somebody who is shown what the replicas of a host do, as they do it, and changes nothing: the
 * oracles of the simulation.
 */
export interface Onlooker {
  /** `replica` was opened, from the disk or new. */
  opened(replica: Replica): void
  /** `replica` is about to obey `ready`: nothing of it has happened yet. */
  obeys(replica: Replica, ready: Ready): void
  /** A strong read of `replica` came; what is returned takes its place. */
  reads(replica: Replica, read: ReadWait): ReadWait
  /** How replicas ask what became of transactions; what is returned takes its place. */
  inquires(inquiries: Inquiries): Inquiries
  /** `replica` tells the leader that `asked` names that it still follows it. */
  confirms(replica: Replica, asked: ConfirmGroup): void
  /** `message` leaves for another node. */
  sends(group: GroupId, message: Message): void
  /** `replica` ran `entry` just now, and its commands were answered so, in their order. */
  ran(replica: Replica, entry: Entry, answers: readonly Answer[]): void
  /** These entries were applied, in this order. */
  applied(replica: Replica, entries: readonly Entry[]): void
}
