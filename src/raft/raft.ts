import type { ReplicaId } from '../wire/ids.ts'
import { unreachable } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import { decodeConfiguration } from './codec.ts'
import { becomeFollower, type Core, newCore } from './core.ts'
import { campaign, selfVotePersisted, tickElection } from './election.ts'
import { leaderGone, snapshotReceived } from './follower.ts'
import { advanceCommit, appendOwn, snapshotSent, tickLeader, transferLeadership } from './leader.ts'
import { mayChangeTo } from './membership.ts'
import type { ProgressView } from './progress.ts'
import { isMajority } from './quorum.ts'
import { receive } from './receive.ts'
import { mayReplicate, replicate } from './replication.ts'
import type {
  Configuration,
  Entry,
  EntryKind,
  HardState,
  Index,
  Input,
  Proposed,
  RaftOptions,
  RaftStart,
  Ready,
  SnapshotMark,
  Status,
  Term
} from './types.ts'

/** Committed entries of one Ready: more than this wait for the next, so that a turn stays short. */
const COMMITTED_BYTES_MAX = 1024 * 1024

const NO_ENTRIES: readonly Entry[] = []
const NOBODY: readonly never[] = []

/**
 * One replica of one group. Feed it with `step` and `propose`, then take `ready` until it returns
 * undefined, and obey each Ready in the order its type states. Deterministic: the same start,
 * inputs and random draws give the same output. Nothing a peer sends makes it throw.
 */
export class Raft {
  readonly #core: Core
  #status: Status
  /** Something came since `ready` last said that there is nothing more. */
  #changed = true

  constructor(options: RaftOptions, start: RaftStart) {
    this.#core = newCore(options, start)
    this.#status = statusOf(this.#core)
  }

  step(input: Input): void {
    const core = this.#core
    this.#changed = true
    switch (input.type) {
      case 'tick':
        if (core.role === 'leader') tickLeader(core)
        else tickElection(core)
        return
      case 'receive':
        receive(core, input.message)
        return
      case 'campaign':
        campaign(core)
        return
      case 'persisted':
        this.#persisted(input.hardState, input.index, input.term)
        return
      case 'leader-gone':
        leaderGone(core)
        return
      case 'transfer':
        if (core.role === 'leader') transferLeadership(core, input.to)
        return
      case 'step-down':
        if (core.role !== 'follower') becomeFollower(core, core.term, 0)
        return
      case 'snapshot-sent':
        snapshotSent(core, input.to, input.ok, input.index)
        return
      case 'snapshot-received':
        snapshotReceived(core, input.from, input.term, input.mark)
        return
      case 'compact':
        core.log.compact(input.mark)
        return
      default:
        unreachable(input)
    }
  }

  /**
   * Appends an entry as leader; `data` is kept, not copied. Refused before anything is appended
   * while more than `uncommittedBytesMax` waits to be committed (a single larger entry passes when
   * nothing does), while leadership is handed over, and when not leading. Empty entries are always
   * accepted by a leader. A configuration must differ by one voter from a committed one.
   */
  propose(data: Uint8Array, kind: EntryKind = 'command'): Proposed {
    const core = this.#core
    this.#changed = true
    const { leading } = core
    if (leading === undefined) return { accepted: false, reason: 'not-leader' }
    if (leading.transferTo !== 0) {
      sometimes('raft: refuses a proposal while it hands over')
      return { accepted: false, reason: 'transferring' }
    }
    if (kind === 'configuration' && !mayChangeTo(core, decodeConfiguration(data))) {
      return { accepted: false, reason: 'change-refused' }
    }
    const bytes = leading.uncommittedBytes
    const isFull = bytes > 0 && bytes + data.length > core.options.uncommittedBytesMax
    if (isFull && data.length > 0) return { accepted: false, reason: 'overloaded' }
    return { accepted: true, index: appendOwn(core, kind, data), term: core.term }
  }

  /**
   * Whether `ready` may have something to say. Cheap: half of all inputs, such as the second of two
   * acknowledgements, change nothing that anybody must be told.
   */
  get hasWork(): boolean {
    const core = this.#core
    const { role, outbox, log, term, vote, handedHardState } = core
    return (
      (role === 'leader' ? mayReplicate(core) : role !== 'follower') ||
      outbox.messages.length > 0 ||
      outbox.messagesAfterPersist.length > 0 ||
      log.hasUnhanded ||
      log.hasDeliverable ||
      term !== handedHardState.term ||
      vote !== handedHardState.vote
    )
  }

  /** Everything decided since the last call; undefined if nothing. */
  ready(): Ready | undefined {
    if (!this.#changed) return undefined
    const core = this.#core
    const { log, outbox } = core
    replicate(core)
    const hardState = this.#takeHardState()
    const isQuiet =
      hardState === undefined &&
      outbox.reset === undefined &&
      !log.hasUnhanded &&
      !log.hasDeliverable &&
      outbox.messages.length === 0 &&
      outbox.messagesAfterPersist.length === 0 &&
      outbox.snapshotsWanted.length === 0
    this.#changed = false
    if (isQuiet) return undefined
    const { reset, messages, messagesAfterPersist, snapshotsWanted } = outbox
    outbox.reset = undefined
    if (messages.length > 0) outbox.messages = []
    if (messagesAfterPersist.length > 0) outbox.messagesAfterPersist = []
    if (snapshotsWanted.length > 0) outbox.snapshotsWanted = []
    const entries = log.hasUnhanded ? log.takeUnhanded() : NO_ENTRIES
    const committed = log.hasDeliverable ? log.takeDeliverable(COMMITTED_BYTES_MAX) : NO_ENTRIES
    this.#changed = log.hasDeliverable
    return {
      reset,
      hardState,
      entries,
      messages: messages.length > 0 ? messages : NOBODY,
      messagesAfterPersist: messagesAfterPersist.length > 0 ? messagesAfterPersist : NOBODY,
      committed,
      snapshotsWanted: snapshotsWanted.length > 0 ? snapshotsWanted : NOBODY
    }
  }

  get isLeader(): boolean {
    return this.#core.role === 'leader'
  }

  get currentTerm(): Term {
    return this.#core.term
  }

  /** 0: none known. */
  get leader(): ReplicaId {
    return this.#core.leader
  }

  get commit(): Index {
    return this.#core.log.commit
  }

  get configuration(): Configuration {
    return this.#core.log.configurations.active
  }

  get committedInTerm(): boolean {
    return hasCommittedInTerm(this.#core)
  }

  get transferring(): boolean {
    return isTransferring(this.#core)
  }

  /** The present status: a value of its own, the same object until something in it changes. */
  get status(): Status {
    if (!isCurrent(this.#status, this.#core)) this.#status = statusOf(this.#core)
    return this.#status
  }

  /**
   * Whether the voters of the active configuration for whom `acks` holds, and we, are a majority.
   */
  isQuorum(acks: (replica: ReplicaId) => boolean): boolean {
    const { self, log } = this.#core
    return isMajority(log.configurations.voters, (replica) => replica === self || acks(replica))
  }

  /** The term of an entry; undefined where it is compacted away or does not exist. */
  term(index: Index): Term | undefined {
    return this.#core.log.term(index)
  }

  /** The mark that stands for the log up to `index`; undefined where its term is not known. */
  markAt(index: Index): SnapshotMark | undefined {
    const { log } = this.#core
    const term = log.term(index)
    if (term === undefined) return undefined
    return { index, term, configuration: log.configurations.at(index) }
  }

  /** What this leader knows of a follower; undefined when not leading, or no such member. */
  progress(replica: ReplicaId): ProgressView | undefined {
    const found = this.#core.leading?.progress.get(replica)
    if (found === undefined) return undefined
    const { match, next, state, recentActive } = found
    return { match, next, state, recentActive }
  }

  #persisted(hardState: HardState | undefined, index: Index, term: Term): void {
    const core = this.#core
    const advanced = core.log.persist(index, term)
    if (hardState !== undefined) selfVotePersisted(core, hardState)
    if (advanced && core.role === 'leader') advanceCommit(core)
  }

  #takeHardState(): HardState | undefined {
    const core = this.#core
    const { term, vote } = core.handedHardState
    if (core.term === term && core.vote === vote) return undefined
    core.handedHardState = { term: core.term, vote: core.vote }
    return core.handedHardState
  }
}

function statusOf(core: Core): Status {
  const { log } = core
  return {
    role: core.role,
    term: core.term,
    leader: core.leader,
    commit: log.commit,
    firstIndex: log.firstIndex,
    lastIndex: log.last,
    configuration: log.configurations.active,
    committedInTerm: hasCommittedInTerm(core),
    transferring: isTransferring(core)
  }
}

function isCurrent(status: Status, core: Core): boolean {
  const { log } = core
  return (
    status.commit === log.commit &&
    status.lastIndex === log.last &&
    status.role === core.role &&
    status.term === core.term &&
    status.leader === core.leader &&
    status.firstIndex === log.firstIndex &&
    status.configuration === log.configurations.active &&
    status.committedInTerm === hasCommittedInTerm(core) &&
    status.transferring === isTransferring(core)
  )
}

const hasCommittedInTerm = ({ leading, log }: Core): boolean =>
  leading !== undefined && log.commit >= leading.firstIndex

const isTransferring = ({ leading }: Core): boolean =>
  leading !== undefined && leading.transferTo !== 0
