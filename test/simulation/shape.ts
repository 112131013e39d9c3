import type { NodeLimits } from '../../src/node/config.ts'
import type { StateLimits } from '../../src/state/state-limits.ts'
import type { Random } from '../../src/world/random.ts'

/** The cluster of one seed. */
export interface Shape {
  readonly nodes: number
  readonly replicas: number
  readonly partitions: number
  readonly clients: number
  readonly limits: Partial<NodeLimits>
  readonly stateLimits: Partial<StateLimits>
  /** So small that little work makes logs turn, windows fill and snapshots have many chunks. */
  readonly isTiny: boolean
}

/** Per case of a seed: how often it is drawn, in shares of the sum. */
type Shares = readonly (readonly [drawn: number, share: number])[]

const NODES: Shares = [
  [3, 10],
  [5, 5],
  [7, 1]
]
/** As far as there are nodes for them. */
const REPLICAS: Shares = [
  [1, 2],
  [3, 10],
  [5, 4]
]
/** Most clusters are small, so that there can be many of them. */
const PARTITIONS: Shares = [
  [1, 8],
  [2, 8],
  [4, 7],
  [8, 5],
  [16, 2],
  [32, 1],
  [64, 1]
]

export function drawShape(random: Random): Shape {
  const nodes = drawn(random, NODES)
  const possible = REPLICAS.filter(([replicas]) => replicas <= nodes)
  const isTiny = random.below(2) === 0
  // Elections of a tenth of a second: more terms in the same time.
  const elections = random.below(4) === 0 ? { tickMs: 25, syncStallMs: 250 } : {}
  const hasty = random.below(2) === 0 ? { ...elections, ...drawPatience(random) } : elections
  return {
    nodes,
    replicas: drawn(random, possible),
    partitions: drawn(random, PARTITIONS),
    clients: 2 + random.below(4),
    limits: isTiny ? { ...hasty, ...drawTiny(random) } : hasty,
    stateLimits: isTiny && random.below(2) === 0 ? drawSessions(random) : {},
    isTiny
  }
}

/** Those who wait for transactions end them while they run, and what is over is soon forgotten. */
function drawPatience(random: Random): Partial<NodeLimits> {
  return {
    waitedForMsMax: 1 + random.below(2) * random.below(300),
    partAgeMsMax: 10 + random.below(500),
    forgetMs: random.below(100),
    // Shorter than what a group needs to find a leader, in half of them.
    stepMsMax: random.below(2) === 0 ? 4_000 : 20 + random.below(400)
  }
}

/** Those who are quiet for a moment lose their sessions, and come back with new numbers. */
function drawSessions(random: Random): Partial<StateLimits> {
  return {
    sessionsMax: 3 + random.below(8),
    basisWindow: 20 + random.below(500),
    unusedMsMin: 50 + random.below(1_000)
  }
}

function drawTiny(random: Random): Partial<NodeLimits> {
  return {
    segmentBytes: 4_096,
    flushMs: 100 + random.below(2_000),
    flushBytes: 2_048,
    logEntriesKept: random.below(2) === 0 ? 0 : random.below(50),
    tailBytesMax: 512,
    uncommittedBytesMax: random.below(2) === 0 ? 16_384 : 1_024 + random.below(4_096),
    appendBytesMax: 256,
    inflightAppendsMax: 3,
    snapshotWindowBytes: 256,
    snapshotChunkBytes: 1 + random.below(200),
    snapshotPageEntries: 1 + random.below(5),
    logBytesMax: 16_384 + random.below(50_000),
    historyChangesMax: 1 + random.below(60),
    historyBytesMax: 500 + random.below(20_000),
    nodeHistoryBytesMax: 2_000 + random.below(50_000)
  }
}

function drawn(random: Random, shares: Shares): number {
  let left = random.below(shares.reduce((sum, [, share]) => sum + share, 0))
  for (const [value, share] of shares) {
    left -= share
    if (left < 0) return value
  }
  throw new RangeError('no shares')
}

/** What a summary tells of it; `gone`: nodes that were missing for good in the end. */
export function factsOf(
  { nodes, replicas, partitions, isTiny }: Shape,
  { gone, lost }: { readonly gone: number; readonly lost: number }
): Readonly<Record<string, string>> {
  return {
    nodes: String(nodes),
    replicas: String(replicas),
    partitions: String(partitions),
    limits: isTiny ? 'tiny' : 'plain',
    'gone for good': String(gone),
    'lost disks': String(lost)
  }
}
