import type { Message } from '../raft/types.ts'
import { isDecisionType, type Operation } from '../wire/command.ts'
import type { DiskLevel } from '../wire/disk-level.ts'
import { type NodeId, SYSTEM_GROUP } from '../wire/ids.ts'
import { type Answered, rejected } from './answer.ts'
import type { Replica } from './replica.ts'

/** How the disks of the nodes are, as far as is known here. */
export interface Room {
  /** Of this node. */
  readonly level: DiskLevel
  /** Whether any disk is not `ok`: else nothing needs to be asked. */
  readonly isShort: boolean
  levelOf(node: NodeId): DiskLevel
  /** Whether the store can take a batch of `bytes` now; what is not written can wait in the log. */
  fits(bytes: number): boolean
}

/** For replicas of a node whose disk has no end. */
export const ENDLESS_ROOM: Room = {
  level: 'ok',
  isShort: false,
  levelOf: () => 'ok',
  fits: () => true
}

/** A full disk takes entries of this size: what a new leader, or the time, commits with. */
const SMALL_BYTES_MAX = 16

/**
 * Why `replica`, which leads, takes no mutation of this type now; undefined: it does. A write needs
 * room at a majority, the leader included: where a follower could lead, the asker is sent on.
 * Deletes give room back, so they are taken until the disk is full. The cluster's own changes are
 * few and small, and what decides transactions or gives up locks gives room back.
 */
export function roomRefusal(
  replica: Replica,
  type: Operation['type'],
  room: Room
): Answered | undefined {
  if (replica.group === SYSTEM_GROUP || isDecisionType(type)) return undefined
  if (type === 'release' || type === 'leave' || type === 'expire') return undefined
  const hasRoom = (node: NodeId): boolean => {
    const level = room.levelOf(node)
    return level === 'ok' || (level === 'low' && (type === 'delete' || type === 'sweep'))
  }
  const voters = replica.raft.configuration.members.filter(({ voter }) => voter)
  const withRoom = voters.filter(({ node }) => hasRoom(node))
  const isMajority = withRoom.length > voters.length / 2
  const ownNode = replica.nodeOf(replica.id)
  if (isMajority && ownNode !== undefined && hasRoom(ownNode)) return undefined
  if (isMajority) return rejected('not_leader', 'the disk of this node is almost full')
  const some = `${voters.length - withRoom.length} of the ${voters.length} disks of this partition`
  const what =
    type === 'delete' ? 'are full: free space' : 'are almost full: free space, or delete keys'
  return rejected('unavailable', `${some} ${what}, then try again`)
}

/** Whether a full disk must not take what `message` brings. */
export function isTooMuch({ group }: Replica, message: Message, { level }: Room): boolean {
  if (level !== 'full' || message.type !== 'append' || group === SYSTEM_GROUP) return false
  return message.entries.some(({ data }) => data.length > SMALL_BYTES_MAX)
}
