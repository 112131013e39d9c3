/** Soft limits of a node: they may differ between nodes and starts. Times in ms, sizes in bytes. */
export interface NodeLimits {
  /** One Raft tick. Default 100. */
  readonly tickMs: number
  /** Election timeouts are drawn from [n + 1, 2n] ticks. Default 10: 1.1 to 2 s. */
  readonly electionTicks: number
  /** Default 2. */
  readonly heartbeatTicks: number
  /**
   * A disk sync that takes longer ends this node's leaderships. Default 1,000: one election
   * timeout.
   */
  readonly syncStallMs: number
  /** State is flushed at least so often. Default 1,000. */
  readonly flushMs: number
  /**
   * ... or when so much has changed. Default 2 MiB: 12,000 keys of 100 B block the event loop for
   * 14 to 36 ms, those of 8 MiB for 59 to 92 (250,000 and 330,000 keys a second).
   */
  readonly flushBytes: number
  /** Of transactions: see TransactionPatience. */
  readonly waitedForMsMax: number
  readonly partAgeMsMax: number
  readonly forgetMs: number
  readonly stepMsMax: number
  /** Entries kept behind the durable state for followers that lag. Default 10,000. */
  readonly logEntriesKept: number
  /** Over this the log is dropped up to the durable state, whoever lags. Default 1 GiB. */
  readonly logBytesMax: number
  /** Default 64 MiB. */
  readonly segmentBytes: number
  /** Raft: see RaftOptions. */
  readonly appendBytesMax: number
  readonly inflightAppendsMax: number
  readonly inflightBytesMax: number
  readonly uncommittedBytesMax: number
  readonly tailBytesMax: number
  /** Snapshot bytes sent to one follower and not acknowledged. Default 256 KiB. */
  readonly snapshotWindowBytes: number
  /** A snapshot chunk takes entries until they are this much. Default 64 KiB. */
  readonly snapshotChunkBytes: number
  /** Entries a snapshot reads from the store at once. Default 32. */
  readonly snapshotPageEntries: number
  /**
   * What a watch can go back to is kept in memory: the last changes of each group, so many of them
   * and so much, and of all groups together. Default 65,536, 16 MiB and 64 MiB.
   */
  readonly historyChangesMax: number
  readonly historyBytesMax: number
  readonly nodeHistoryBytesMax: number
  /**
   * With less than this beside the reserve the disk is low, and nothing is begun that takes room.
   * Default 512 MiB: LevelDB may need 250 for a moment to bring its files in order.
   */
  readonly diskLowBytes: number
  /**
   * With less than this it is full: only votes, marks and the like are written. Default 128 MiB.
   */
  readonly diskFullBytes: number
  /** A file of this size gives its room back when others take the rest. Default 32 MiB. */
  readonly diskReserveBytes: number
  /** What a flush may take beside what it writes: see writeBufferBytes. Default 16 MiB. */
  readonly flushRoomBytes: number
  /** LevelDB's: changes it gathers before it writes them out as a file. Default 16 MiB. */
  readonly writeBufferBytes: number
}

const MIB = 1024 * 1024

export const NODE_LIMITS: NodeLimits = {
  tickMs: 100,
  electionTicks: 10,
  heartbeatTicks: 2,
  syncStallMs: 1_000,
  flushMs: 1_000,
  flushBytes: 2 * MIB,
  waitedForMsMax: 2_000,
  partAgeMsMax: 3_000,
  forgetMs: 1_000,
  stepMsMax: 4_000,
  logEntriesKept: 10_000,
  logBytesMax: 1024 * MIB,
  segmentBytes: 64 * MIB,
  appendBytesMax: 256 * 1024,
  inflightAppendsMax: 64,
  inflightBytesMax: 4 * MIB,
  uncommittedBytesMax: 16 * MIB,
  tailBytesMax: 256 * 1024,
  snapshotWindowBytes: 256 * 1024,
  snapshotChunkBytes: 64 * 1024,
  snapshotPageEntries: 32,
  historyChangesMax: 65_536,
  historyBytesMax: 16 * MIB,
  nodeHistoryBytesMax: 64 * MIB,
  diskLowBytes: 512 * MIB,
  diskFullBytes: 128 * MIB,
  diskReserveBytes: 32 * MIB,
  flushRoomBytes: 16 * MIB,
  writeBufferBytes: 16 * MIB
}

/**
 * LevelDB's files are 2 MiB, and it rewrites a dozen of them at once, however small the disk is.
 */
const LOW_BYTES_MIN = 32 * MIB

/** `limits` for a disk that holds `totalBytes`: below 8 GiB less is kept, and less is gathered. */
export function limitsFor(totalBytes: number, limits: NodeLimits = NODE_LIMITS): NodeLimits {
  const share = (of: number, most: number): number => Math.min(most, Math.floor(totalBytes / of))
  const diskLowBytes = Math.max(
    share(8, limits.diskLowBytes),
    Math.min(LOW_BYTES_MIN, limits.diskLowBytes, share(2, limits.diskLowBytes))
  )
  const logBytesMax = share(8, limits.logBytesMax)
  const writeBufferBytes = share(64, limits.writeBufferBytes)
  return {
    ...limits,
    diskLowBytes,
    diskFullBytes: Math.min(limits.diskFullBytes, Math.floor(diskLowBytes / 4)),
    diskReserveBytes: share(32, limits.diskReserveBytes),
    logBytesMax,
    segmentBytes: share(64, limits.segmentBytes),
    uncommittedBytesMax: Math.min(limits.uncommittedBytesMax, Math.floor(logBytesMax / 8)),
    flushBytes: share(256, limits.flushBytes),
    writeBufferBytes,
    flushRoomBytes: Math.min(limits.flushRoomBytes, writeBufferBytes)
  }
}

/** What a node does unless told otherwise. `partitions` is fixed when the cluster is formed. */
export const NODE_DEFAULTS = {
  data: './keymesh-data',
  listen: ['/ip4/127.0.0.1/tcp/7101'],
  http: '127.0.0.1:8101',
  expect: 1,
  partitions: 64,
  replicas: 3,
  slowMs: 1_000
} as const
