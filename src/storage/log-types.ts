import type {
  Configuration,
  Entry,
  HardState,
  Index,
  RaftStart,
  SnapshotMark
} from '../raft/types.ts'
import type { GroupId, ReplicaId } from '../wire/ids.ts'
import type { DiskFault } from '../world/disk.ts'

/** What the log remembers of one group at open. */
export interface RecoveredGroup {
  readonly group: GroupId
  /** 0 when only a tombstone is left. */
  readonly replica: ReplicaId
  /** No replica of this group with a smaller id may ever run here again. */
  readonly minReplica: ReplicaId
  readonly start: Omit<RaftStart, 'applied'>
}

/** The one log of a node. All calls are synchronous; durability is told through `commit`. */
export interface NodeLog {
  /** Number of the last record that is durable: what a hello tells (never goes back). */
  readonly durableSequence: number
  /** Bytes of all segments, for metrics. */
  readonly bytes: number
  /** Bytes it wrote since it was opened. */
  readonly bytesWritten: number
  /** Files of it. */
  readonly segmentCount: number
  groups(): readonly RecoveredGroup[]
  /** Starts a group's log at `mark` (an initial configuration, or a received snapshot). */
  create(group: GroupId, replica: ReplicaId, mark: SnapshotMark, hardState: HardState): void
  /** Consecutive entries; the first may overwrite, and what stood from its index on is gone. */
  append(group: GroupId, entries: readonly Entry[]): void
  setHardState(group: GroupId, hardState: HardState): void
  /** A snapshot replaces everything of the group. */
  reset(group: GroupId, mark: SnapshotMark): void
  /** The state below is durable: entries up to mark.index are no longer needed here. */
  compact(group: GroupId, mark: SnapshotMark): void
  /**
   * Of each group with entries in old segments the last one there. A segment is old when newer ones
   * hold `bytes` or more; the newest never is.
   */
  oldEntries(bytes: number): ReadonlyMap<GroupId, Index>
  /**
   * Writes entries that hold the oldest of the old segments (see `oldEntries`) once more, at the
   * end, so that it can go: about `bytesMax` of them, and more with the next call. None where more
   * than half of what stands in old segments is needed: that would cost more than it gives.
   * Returns the bytes of the records that were replaced.
   */
  moveOldest(bytes: number, bytesMax: number): number
  /** Removes the group for good; replica ids below `minReplica` may not come back. */
  bury(group: GroupId, minReplica: ReplicaId): void
  /**
   * Everything handed over before this call goes to the medium, behind at most one sync in flight;
   * then `done`. A fault is final: the log takes nothing more.
   */
  commit(done: (fault: DiskFault | undefined) => void): void
  /** Reads back; what is not durable yet is served too. */
  entries(group: GroupId, from: Index, to: Index, bytesMax: number): readonly Entry[]
  close(done: () => void): void
}

export type { Configuration }
