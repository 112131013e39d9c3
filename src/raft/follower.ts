import type { ReplicaId } from '../wire/ids.ts'
import { sometimes } from '../world/sometimes.ts'
import { becomeFollower, type Core, send } from './core.ts'
import { startElection } from './election.ts'
import type { Entry, Index, Message, SnapshotMark, Term } from './types.ts'

type Append = Extract<Message, { type: 'append' }>
type Heartbeat = Extract<Message, { type: 'heartbeat' }>

/**
 * A message of this term's leader: candidates yield to it, and everyone protects it for a while.
 */
export function followLeader(core: Core, leader: ReplicaId): void {
  // A newly heard leader is a change of state: the hasty timeout of a false alarm must not stay.
  if (core.leader !== leader) {
    if (core.role === 'candidate') sometimes('raft: a candidate yields to a leader of its term')
    becomeFollower(core, core.term, leader)
  }
  core.electionElapsed = 0
}

/**
 * Paper 5.3: appends what fits after a matching entry, removes what conflicts, tells where it
 * ends.
 */
export function receiveAppend(core: Core, append: Append): void {
  const { log } = core
  const end = append.previousIndex + append.entries.length
  if (append.previousIndex < log.commit) {
    sometimes('raft: gets an append from below its commit')
    // Committed entries are the same everywhere (paper 5.4.3), and may be compacted away here.
    const fresh = append.entries.slice(log.commit - append.previousIndex)
    const known = log.term(log.commit) ?? 0
    if ((fresh[0]?.term ?? known) < known) return
    appendEntries(core, fresh)
    acknowledge(core, append, Math.max(end, log.commit))
    return
  }
  if (log.term(append.previousIndex) !== append.previousTerm) {
    sometimes('raft: refuses an append that does not match')
    refuse(core, append)
    return
  }
  appendEntries(core, append.entries)
  acknowledge(core, append, end)
}

/** Skips what is here already: an append that was overtaken must not shorten the log. */
function appendEntries(core: Core, entries: readonly Entry[]): void {
  const { log } = core
  for (const entry of entries) {
    if (entry.index <= log.last) {
      if (log.term(entry.index) === entry.term) continue
      sometimes('raft: drops entries that conflict')
      log.truncate(entry.index)
    }
    log.append(entry)
  }
}

function acknowledge(core: Core, append: Append, index: Index): void {
  core.log.commitTo(Math.min(append.commit, index))
  send(core, {
    type: 'append-reply',
    from: core.self,
    to: append.from,
    term: core.term,
    rejected: false,
    index,
    hintIndex: 0,
    hintTerm: 0
  })
}

/**
 * The hint skips all entries of terms later than the leader's at that place (paper 5.3, at its
 * end).
 */
function refuse(core: Core, append: Append): void {
  const { log } = core
  const found = log.lastWithTermAtMost(append.previousIndex, append.previousTerm)
  const hintIndex = Math.max(found, log.commit)
  send(core, {
    type: 'append-reply',
    from: core.self,
    to: append.from,
    term: core.term,
    rejected: true,
    index: append.previousIndex,
    hintIndex,
    hintTerm: log.term(hintIndex) ?? 0
  })
}

/** Its commit index was cut to what is known to match here, so it needs no check of ours. */
export function receiveHeartbeat(core: Core, heartbeat: Heartbeat): void {
  core.log.commitTo(heartbeat.commit)
  send(core, { type: 'heartbeat-reply', from: core.self, to: heartbeat.from, term: core.term })
}

/** The leader hands over: no pre-vote, and voters are told not to protect it (thesis 3.10). */
export function receiveTimeoutNow(core: Core): void {
  if (core.role === 'follower') startElection(core, true)
  else sometimes('raft: is handed what it already campaigns for')
}

/**
 * The leader's process is surely gone: nobody needs protection any more. The first remaining
 * voter, in the configuration's order of preference, campaigns at its next tick, when the others
 * have noticed too; the rest a tick later, if still needed. Drawn by chance, two would meet and
 * split the votes.
 */
export function leaderGone(core: Core): void {
  if (core.role !== 'follower' || core.leader === 0) return
  sometimes('raft: hears that the process of the leader is gone')
  const first = core.log.configurations.voters.find((voter) => voter !== core.leader)
  becomeFollower(core, core.term, 0)
  core.electionTimeout = first === core.self ? 1 : 2
}

/**
 * The driver replaced the state by a snapshot of the leader of `term`. Where the log leads up to
 * the mark it stays whole (etcd#1763): entries after the mark may be acknowledged already.
 * Elsewhere nothing after the mark's place can be committed, and the log starts anew from the
 * mark.
 */
export function snapshotReceived(
  core: Core,
  from: ReplicaId,
  term: Term,
  mark: SnapshotMark
): void {
  const { log } = core
  if (term > core.term) becomeFollower(core, term, from)
  else if (term === core.term && core.role !== 'leader') followLeader(core, from)
  if (mark.index > log.commit) {
    if (log.term(mark.index) === mark.term) {
      sometimes('raft: a snapshot lands inside of the log')
      log.skipTo(mark.index)
    } else {
      // A campaign boasted of the log that goes now.
      if (core.role !== 'follower') {
        sometimes('raft: a snapshot ends a campaign')
        becomeFollower(core, core.term, 0)
      }
      log.reset(mark)
      core.outbox.reset = mark
    }
  } else {
    sometimes('raft: a snapshot is no news')
    log.skipTo(mark.index)
  }
  send(core, {
    type: 'append-reply',
    from: core.self,
    to: from,
    term: core.term,
    rejected: false,
    index: mark.index,
    hintIndex: 0,
    hintTerm: 0
  })
}
