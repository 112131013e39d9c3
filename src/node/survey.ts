import type { ReplicaHost } from '../partition/host.ts'
import type { NodeId } from '../wire/ids.ts'

/**
 * All replicas of a node at one moment, added up: 4,096 of them are too many to tell one by one.
 */
export interface Survey {
  readonly replicas: number
  readonly led: number
  /** Replicas that know of no leader. */
  readonly leaderless: number
  readonly damaged: number
  readonly installing: number
  readonly termMax: number
  /** Entries in the log that are not committed as far as is known here. */
  readonly commitLag: Spread
  /** Committed entries that are not applied. */
  readonly applyLag: Spread
  readonly keys: number
  readonly sessions: Spread
  readonly sessionsKept: Spread
  readonly repeats: Spread
  /** Per node: by how many entries its furthest follower of a group that is led here is behind. */
  readonly followerLag: ReadonlyMap<NodeId, number>
}

export interface Spread {
  readonly max: number
  readonly sum: number
}

/** One pass over all replicas. */
export function survey(host: ReplicaHost): Survey {
  const seen = {
    replicas: 0,
    led: 0,
    leaderless: 0,
    damaged: 0,
    installing: 0,
    termMax: 0,
    keys: 0
  }
  const commitLag = { max: 0, sum: 0 }
  const applyLag = { max: 0, sum: 0 }
  const sessions = { max: 0, sum: 0 }
  const sessionsKept = { max: 0, sum: 0 }
  const repeats = { max: 0, sum: 0 }
  const followerLag = new Map<NodeId, number>()
  for (const { raft, state, damage, installing, id } of host.replicas()) {
    const { role, leader, term, commit, lastIndex, configuration } = raft.status
    seen.replicas++
    if (leader === 0) seen.leaderless++
    if (damage !== undefined) seen.damaged++
    if (installing) seen.installing++
    if (term > seen.termMax) seen.termMax = term
    seen.keys += state.keyCount
    add(commitLag, lastIndex - commit)
    add(applyLag, commit - state.applied.index)
    add(sessions, state.sessionCount)
    add(sessionsKept, state.sessionsKept)
    add(repeats, state.repeatCount)
    if (role !== 'leader') continue
    seen.led++
    for (const { replica, node } of configuration.members) {
      if (replica === id) continue
      const lag = lastIndex - (raft.progress(replica)?.match ?? 0)
      followerLag.set(node, Math.max(lag, followerLag.get(node) ?? 0))
    }
  }
  return { ...seen, commitLag, applyLag, sessions, sessionsKept, repeats, followerLag }
}

function add(spread: { max: number; sum: number }, value: number): void {
  spread.sum += value
  if (value > spread.max) spread.max = value
}
