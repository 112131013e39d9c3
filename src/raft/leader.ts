import type { ReplicaId } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import { becomeFollower, type Core, changeRole, type Leading, send } from './core.ts'
import { advanceMatch, becomeProbe, becomeReplicate, newProgress, retreat } from './progress.ts'
import { isMajority, majorityIndex } from './quorum.ts'
import { entryBytes } from './tail.ts'
import type { EntryKind, Index, Message } from './types.ts'

type AppendReply = Extract<Message, { type: 'append-reply' }>

const NO_DATA = new Uint8Array(0)

/** Opens the term with an empty entry: committing it commits all before it (paper 5.4.2, 8). */
export function becomeLeader(core: Core): void {
  changeRole(core, 'leader', core.term)
  core.leader = core.self
  core.leading = {
    progress: new Map(),
    firstIndex: core.log.last + 1,
    heartbeatElapsed: 0,
    uncommittedBytes: 0,
    transferTo: 0,
    transferElapsed: 0,
    busy: false,
    wasBusy: false,
    noticed: false,
    matches: []
  }
  followMembers(core, core.leading, { next: core.log.last + 1, recentActive: false })
  appendOwn(core, 'empty', NO_DATA)
}

/** Appends an entry of our term. It is sent when the driver next gathers a Ready. */
export function appendOwn(core: Core, kind: EntryKind, data: Uint8Array): Index {
  const leading = leadingOf(core)
  const entry = { index: core.log.last + 1, term: core.term, kind, data }
  core.log.append(entry)
  leading.uncommittedBytes += entryBytes(entry)
  leading.busy = true
  if (kind === 'configuration')
    followMembers(core, leading, { next: entry.index, recentActive: true })
  return entry.index
}

/**
 * Keeps a progress for exactly the other members of the active configuration. One who joins now
 * counts as heard from until the quorum is checked again, or the next check could come too early
 * for it.
 */
function followMembers(
  core: Core,
  leading: Leading,
  joining: { readonly next: Index; readonly recentActive: boolean }
): void {
  const { members } = core.log.configurations.active
  for (const { replica } of members) {
    if (replica === core.self || leading.progress.has(replica)) continue
    leading.progress.set(replica, newProgress(joining.next, joining.recentActive))
  }
  for (const replica of leading.progress.keys()) {
    if (!members.some((member) => member.replica === replica)) leading.progress.delete(replica)
  }
}

export function tickLeader(core: Core): void {
  const leading = leadingOf(core)
  leading.noticed = false
  leading.wasBusy = leading.busy
  leading.busy = false
  tickTransfer(core, leading)
  core.electionElapsed++
  if (core.electionElapsed >= core.options.electionTicks) {
    core.electionElapsed = 0
    if (!checkQuorum(core, leading)) {
      sometimes('raft: a leader finds itself alone')
      becomeFollower(core, core.term, 0)
      return
    }
  }
  leading.heartbeatElapsed++
  const due = leading.heartbeatElapsed >= core.options.heartbeatTicks
  if (due) leading.heartbeatElapsed = 0
  for (const [to, progress] of leading.progress) {
    const commit = Math.min(core.log.commit, progress.match)
    // Between heartbeats only those are told who would otherwise not learn of a commit.
    if (!due && progress.toldCommit >= commit) continue
    progress.toldCommit = Math.max(progress.toldCommit, commit)
    send(core, { type: 'heartbeat', from: core.self, to, term: core.term, commit })
  }
}

/**
 * Whether a majority was heard from since the last check: a leader cut off must stop (thesis
 * 6.2).
 */
function checkQuorum(core: Core, leading: Leading): boolean {
  const alive = isMajority(
    core.log.configurations.voters,
    (replica) => replica === core.self || leading.progress.get(replica)?.recentActive === true
  )
  for (const progress of leading.progress.values()) progress.recentActive = false
  return alive
}

export function receiveAppendReply(core: Core, reply: AppendReply): void {
  const leading = leadingOf(core)
  const progress = leading.progress.get(reply.from)
  if (progress === undefined) return
  progress.recentActive = true
  if (reply.rejected) {
    sometimes('raft: a leader backs up')
    const hint = core.log.lastWithTermAtMost(reply.hintIndex, reply.hintTerm)
    retreat(progress, reply.index, hint)
    return
  }
  if (reply.index > core.log.last) {
    sometimes('raft: a follower has more than its leader')
    return
  }
  const advanced = advanceMatch(progress, reply.index)
  if (progress.state === 'replicate') progress.inflight.freeTo(reply.index)
  else if (progress.state === 'probe') {
    if (advanced || progress.match === reply.index) becomeReplicate(progress)
  } else if (progress.match + 1 >= core.log.firstIndex) becomeReplicate(progress)
  if (!advanced) return
  tellTransferee(core, leading, reply.from)
  advanceCommit(core)
}

export function receiveHeartbeatReply(core: Core, from: ReplicaId): void {
  const leading = leadingOf(core)
  const progress = leading.progress.get(from)
  if (progress === undefined) return
  progress.recentActive = true
  progress.paused = false
  // Whatever was sent and not acknowledged may be lost: an append after it makes the follower tell.
  if (progress.match < core.log.last || progress.state === 'probe') progress.nudged = true
  tellTransferee(core, leading, from)
}

/**
 * Commits what a majority has durable, ourselves included only up to what is durable here. Paper
 * 5.4.2: only entries of our own term are counted; earlier ones are committed by what follows them.
 */
export function advanceCommit(core: Core): void {
  const leading = leadingOf(core)
  const { log } = core
  const { matches } = leading
  matches.length = 0
  for (const voter of log.configurations.voters) {
    const match = voter === core.self ? log.persisted : leading.progress.get(voter)?.match
    matches.push(match ?? 0)
  }
  const index = majorityIndex(matches)
  if (index <= log.commit) return
  if (log.term(index) !== core.term) {
    sometimes('raft: a majority has only entries of earlier terms')
    return
  }
  leading.uncommittedBytes -= log.tailBytes(Math.max(log.commit, leading.firstIndex - 1), index)
  log.commitTo(index)
  noticeCommit(leading)
  // Thesis 4.2.2: a leader outside of its configuration leads until that is committed.
  const { configurations } = log
  if (configurations.activeIndex <= index && !configurations.isVoter(core.self)) {
    becomeFollower(core, core.term, 0)
  }
}

/**
 * Followers learn of a commit with the next append. Where none may follow soon they are told by an
 * append without entries, at most one per tick. A group that was busy in the last tick needs none
 * (they made an eighth of all its messages); should it fall silent now, the tick tells them.
 */
function noticeCommit(leading: Leading): void {
  if (leading.noticed || leading.wasBusy) return
  leading.noticed = true
  for (const progress of leading.progress.values()) {
    if (progress.state === 'replicate') progress.nudged = true
  }
}

/** Hands leadership to `to`: at once if it has everything, else as soon as it does. */
export function transferLeadership(core: Core, to: ReplicaId): void {
  const leading = leadingOf(core)
  if (to === core.self || leading.transferTo === to) return
  if (!core.log.configurations.isVoter(to) || !leading.progress.has(to)) return
  leading.transferTo = to
  leading.transferElapsed = 0
  tellTransferee(core, leading, to)
}

function tickTransfer(core: Core, leading: Leading): void {
  if (leading.transferTo === 0) return
  leading.transferElapsed++
  // The target did not take over: lead on, rather than refuse proposals for ever.
  if (leading.transferElapsed < core.options.electionTicks) return
  sometimes('raft: gives up handing over')
  leading.transferTo = 0
}

function tellTransferee(core: Core, leading: Leading, from: ReplicaId): void {
  if (leading.transferTo !== from) return
  if (leading.progress.get(from)?.match !== core.log.last) return
  send(core, { type: 'timeout-now', from: core.self, to: from, term: core.term })
}

/**
 * The driver's attempt to send a snapshot at `index` ended. The next append waits for a sign of
 * life from the follower: after a failure that keeps the next attempt a heartbeat away.
 */
export function snapshotSent(core: Core, to: ReplicaId, ok: boolean, index: Index): void {
  const progress = core.leading?.progress.get(to)
  if (progress?.state !== 'snapshot') {
    sometimes('raft: a snapshot ends that nobody waits for')
    return
  }
  becomeProbe(progress)
  if (!ok) sometimes('raft: a snapshot did not arrive')
  if (ok) progress.next = Math.max(progress.next, Math.min(index, core.log.last) + 1)
  progress.paused = true
}

export function leadingOf(core: Core): Leading {
  assert(core.leading !== undefined, 'a leader knows what it leads')
  return core.leading
}
