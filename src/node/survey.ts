import type { ReplicaHost } from '../partition/host.ts'
import type { Replica } from '../partition/replica.ts'
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
  /** Keys that ended by their ttl, at the replicas here. */
  readonly expired: number
  readonly sessions: Spread
  readonly sessionsKept: Spread
  readonly repeats: Spread
  readonly transactions: UndecidedSurvey
  readonly locks: LockSurvey
  /** Per node: by how many entries its furthest follower of a group that is led here is behind. */
  readonly followerLag: ReadonlyMap<NodeId, number>
}

/** What transactions hold in the replicas of a node. */
export interface UndecidedSurvey {
  readonly records: number
  /** Keys that a transaction will change if it commits. */
  readonly intents: number
  /** Keys that must not change before a transaction is decided. */
  readonly readLocks: number
  /** Requests that wait for one of them at leaders here. */
  readonly waiting: number
  /** Of the oldest part or record, by the time of its group. */
  readonly oldestMs: number
}

/** Locks of the groups that are led here; the counts are of this life of the node. */
export interface LockSurvey {
  readonly holders: number
  readonly waiters: number
  /** Both, of the group that has the most. */
  readonly placesMax: number
  /** Requests that wait for a grant. */
  readonly waiting: number
  readonly granted: number
  readonly expired: number
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
    keys: 0,
    expired: 0
  }
  const [commitLag, applyLag] = [nothing(), nothing()]
  const [sessions, sessionsKept, repeats] = [nothing(), nothing(), nothing()]
  const transactions = { records: 0, intents: 0, readLocks: 0, waiting: 0, oldestMs: 0 }
  const locks = { holders: 0, waiters: 0, placesMax: 0, waiting: 0, granted: 0, expired: 0 }
  const followerLag = new Map<NodeId, number>()
  for (const replica of host.replicas()) {
    const { raft, state, damage, installing } = replica
    const { role, leader, term, commit, lastIndex } = raft.status
    seen.replicas++
    if (leader === 0) seen.leaderless++
    if (damage !== undefined) seen.damaged++
    if (installing) seen.installing++
    if (term > seen.termMax) seen.termMax = term
    seen.keys += state.keyCount
    seen.expired += state.expiries.ended
    add(commitLag, lastIndex - commit)
    add(applyLag, commit - state.applied.index)
    add(sessions, state.sessionCount)
    add(sessionsKept, state.sessionsKept)
    add(repeats, state.repeatCount)
    addUndecided(transactions, replica)
    addLocks(locks, replica)
    if (role !== 'leader') continue
    seen.led++
    addFollowers(followerLag, replica)
  }
  return {
    ...seen,
    commitLag,
    applyLag,
    sessions,
    sessionsKept,
    repeats,
    transactions,
    locks,
    followerLag
  }
}

const nothing = (): { max: number; sum: number } => ({ max: 0, sum: 0 })

function add(spread: { max: number; sum: number }, value: number): void {
  spread.sum += value
  if (value > spread.max) spread.max = value
}

function addFollowers(lags: Map<NodeId, number>, { raft, id }: Replica): void {
  const { lastIndex, configuration } = raft.status
  for (const { replica, node } of configuration.members) {
    if (replica === id) continue
    const lag = lastIndex - (raft.progress(replica)?.match ?? 0)
    lags.set(node, Math.max(lag, lags.get(node) ?? 0))
  }
}

function addLocks(sum: Writable<LockSurvey>, { state, locks, isLeader }: Replica): void {
  // Granted and expired while it led.
  sum.granted += locks.counts.granted
  sum.expired += locks.counts.expired
  sum.waiting += locks.count
  if (!isLeader) return
  const { holders, waiters } = state.locks.counts
  sum.holders += holders
  sum.waiters += waiters
  sum.placesMax = Math.max(sum.placesMax, holders + waiters)
}

type Writable<T> = { -readonly [P in keyof T]: T[P] }

function addUndecided(sum: Writable<UndecidedSurvey>, replica: Replica): void {
  const { transactions } = replica.state
  sum.waiting += replica.encounters.count
  const now = replica.time.look()
  for (const { time } of transactions.records()) {
    sum.records++
    sum.oldestMs = Math.max(sum.oldestMs, now - time)
  }
  for (const { time, holds } of transactions.parts()) {
    sum.oldestMs = Math.max(sum.oldestMs, now - time)
    for (const { type } of holds) {
      if (type === 'write') sum.intents++
      else sum.readLocks++
    }
  }
}
