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
}

export const NODE_LIMITS: NodeLimits = {
  tickMs: 100,
  electionTicks: 10,
  heartbeatTicks: 2,
  syncStallMs: 1_000,
  flushMs: 1_000,
  flushBytes: 2 * 1024 * 1024,
  logEntriesKept: 10_000,
  logBytesMax: 1024 * 1024 * 1024,
  segmentBytes: 64 * 1024 * 1024,
  appendBytesMax: 256 * 1024,
  inflightAppendsMax: 64,
  inflightBytesMax: 4 * 1024 * 1024,
  uncommittedBytesMax: 16 * 1024 * 1024,
  tailBytesMax: 256 * 1024,
  snapshotWindowBytes: 256 * 1024,
  snapshotChunkBytes: 64 * 1024,
  snapshotPageEntries: 32
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
