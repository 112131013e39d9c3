import type { ReplicaId } from '../wire/ids.ts'
import { LOG_NUMBER_MAX } from '../wire/limits.ts'
import { assert } from '../world/assert.ts'
import { RaftLog } from './log.ts'
import type { Progress } from './progress.ts'
import type {
  HardState,
  Index,
  Message,
  RaftOptions,
  RaftStart,
  Role,
  SnapshotMark,
  Term
} from './types.ts'

/** What a leader knows, for one term. */
export interface Leading {
  /** Every member of the active configuration but ourselves, learners too. */
  readonly progress: Map<ReplicaId, Progress>
  /** The empty entry that opened this term. */
  readonly firstIndex: Index
  heartbeatElapsed: number
  /** Bytes of entries proposed in this term and not committed. */
  uncommittedBytes: number
  /** Whom leadership is being handed to; 0: nobody. */
  transferTo: ReplicaId
  transferElapsed: number
  /** Entries were appended since the last tick, and in the one before it. */
  busy: boolean
  wasBusy: boolean
  /** Followers were told of a new commit index by a message of its own since the last tick. */
  noticed: boolean
  /** Scratch of the commit rule, so that a reply allocates nothing. */
  readonly matches: Index[]
}

/** What was decided and not yet gathered by `ready`. */
export interface Outbox {
  reset: SnapshotMark | undefined
  messages: Message[]
  messagesAfterPersist: Message[]
  snapshotsWanted: ReplicaId[]
}

/** The state of one replica. The files of this room are its parts; `Raft` is its only door. */
export interface Core {
  readonly options: RaftOptions
  readonly self: ReplicaId
  readonly log: RaftLog
  readonly outbox: Outbox
  role: Role
  term: Term
  /** Whom we voted for in `term`; 0: nobody. */
  vote: ReplicaId
  /** 0: none known. */
  leader: ReplicaId
  /** Ticks since a leader was last heard, a vote given or, leading, the quorum checked. */
  electionElapsed: number
  /** When `electionElapsed` reaches it, a voter campaigns. */
  electionTimeout: number
  /** The answers to our (pre-)campaign. */
  readonly votes: Map<ReplicaId, boolean>
  /** Defined while role is leader. */
  leading: Leading | undefined
  /** What the driver was last given to persist. */
  handedHardState: HardState
}

export function newCore(options: RaftOptions, start: RaftStart): Core {
  assert(options.electionTicks > options.heartbeatTicks, 'elections faster than heartbeats')
  assert(options.heartbeatTicks >= 1, 'heartbeatTicks below 1')
  assert(options.self >= 1, 'replica ids start at 1')
  const log = new RaftLog(start, options.tailBytesMax)
  // The log may have been reset to a mark later than a hard state that a crash held back. Nobody
  // has our vote in a term that we never made durable.
  const { term, vote } = start.hardState
  const isBehind = log.lastTerm > term
  const core: Core = {
    options,
    self: options.self,
    log,
    outbox: { reset: undefined, messages: [], messagesAfterPersist: [], snapshotsWanted: [] },
    role: 'follower',
    term: isBehind ? log.lastTerm : term,
    vote: isBehind ? 0 : vote,
    leader: 0,
    electionElapsed: 0,
    electionTimeout: 0,
    votes: new Map(),
    leading: undefined,
    handedHardState: start.hardState
  }
  drawTimeout(core)
  return core
}

/**
 * A vote request waits for the disk too: one that left before its term was durable could be
 * answered after a crash that undid both the term and unsynced entries it boasted of, and elect a
 * shorter log.
 */
export function send(core: Core, message: Message): void {
  switch (message.type) {
    case 'vote':
    case 'vote-reply':
    case 'pre-vote-reply':
    case 'append-reply':
      core.outbox.messagesAfterPersist.push(message)
      return
    default:
      core.outbox.messages.push(message)
  }
}

/** `leader` 0: none known. A later term forgets the vote of the earlier one. */
export function becomeFollower(core: Core, term: Term, leader: ReplicaId): void {
  changeRole(core, 'follower', term)
  core.leader = leader
}

/** Takes a role and its term, and forgets what belonged to the one before. */
export function changeRole(core: Core, role: Role, term: Term): void {
  assert(term >= core.term, `term ${term} after ${core.term}`)
  if (term > core.term) core.vote = 0
  core.term = term
  core.role = role
  core.leader = 0
  core.leading = undefined
  core.votes.clear()
  core.electionElapsed = 0
  drawTimeout(core)
}

/**
 * Drawn from [E + 1, 2E] ticks: a timeout equal to E could livelock with check-quorum (etcd#10483).
 * Preferred leaders draw from the lower half of it.
 */
function drawTimeout(core: Core): void {
  const { electionTicks, preferred, random } = core.options
  const range = preferred ? Math.ceil(electionTicks / 2) : electionTicks
  core.electionTimeout = electionTicks + 1 + random.below(range)
}

/** We hear a live leader: rule 3 protects it from candidates. */
export function hearsLeader(core: Core): boolean {
  return core.leader !== 0 && core.electionElapsed < core.options.electionTicks
}

/**
 * Learners and those who left the configuration never campaign, nor does anybody in the last term
 * there is.
 */
export function mayCampaign(core: Core): boolean {
  return core.log.configurations.isVoter(core.self) && core.term < LOG_NUMBER_MAX
}
