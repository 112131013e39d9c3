import type { Raft } from '../raft/raft.ts'
import type { Entry, Index, Input, Message, Ready, Term } from '../raft/types.ts'
import { encodeBody } from '../state/entry-body.ts'
import type { Answer, StateMachine } from '../state/state-machine.ts'
import type { Blocker } from '../state/transactions.ts'
import type { Placement } from '../wire/cluster-map.ts'
import type { GroupId, NodeId, ReplicaId } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import {
  type Answered,
  type Asker,
  commandAnswer,
  readCommand,
  rejected,
  unknown
} from './answer.ts'
import { Checkpoints } from './checkpoints.ts'
import { Encounters } from './encounters.ts'
import { Freshness } from './freshness.ts'
import { Gathering } from './gathering.ts'
import { GroupTime } from './group-time.ts'
import { LockDesk } from './lock-desk.ts'
import { Pending } from './pending.ts'
import type { PersistBatch, ReplicaShell } from './replica-shell.ts'
import { isTooMuch, roomRefusal } from './room.ts'
import { StrongReads } from './strong-reads.ts'
import { blockerOf, isOfSeveralGroups, lookup } from './transactional.ts'
import { Unsynced } from './unsynced.ts'
import { type ReadWait, Waits } from './waits.ts'

/** An entry carries at most this much, unless one command alone is larger. */
const ENTRY_BYTES_MAX = 512 * 1024

/**
 * One replica of one group: obeys its Raft in the order Ready demands, applies what is committed,
 * and answers those who wait. Synchronous; the host ends its turns.
 */
export class Replica {
  readonly group: GroupId
  readonly id: ReplicaId
  readonly raft: Raft
  readonly placement: Placement
  readonly waits = new Waits()
  readonly time: GroupTime
  readonly freshness = new Freshness()
  state: StateMachine
  readonly checkpoints = new Checkpoints()
  readonly encounters: Encounters
  readonly locks: LockDesk
  readonly #shell: ReplicaShell
  readonly #pending = new Pending()
  readonly #gathering = new Gathering()
  readonly #strong: StrongReads
  readonly #nodeOf = new Map<ReplicaId, NodeId>()
  readonly #unsynced = new Unsynced()
  #ledTerm: Term = 0
  #everLed = false
  #damage: string | undefined
  /** While a received snapshot takes the state's place, committed entries wait here. */
  #installing: Entry[] | undefined

  constructor(
    options: { readonly placement: Placement; readonly id: ReplicaId },
    raft: Raft,
    state: StateMachine,
    shell: ReplicaShell
  ) {
    this.group = options.placement.group
    this.id = options.id
    this.placement = options.placement
    this.raft = raft
    this.state = state
    this.#shell = shell
    this.time = new GroupTime(shell.clock, shell.trusted, state.time)
    this.#strong = new StrongReads(this, shell)
    const now = (): number => shell.clock.monotonic()
    this.encounters = new Encounters(this, shell.inquiries, now)
    this.locks = new LockDesk(this, now)
    this.locks.attach(state)
    for (const member of options.placement.members) this.#nodeOf.set(member.replica, member.node)
  }

  /** Whether this group has had a leader that we know of since start. */
  get everLed(): boolean {
    return this.#everLed
  }

  /** Why this replica no longer serves: its state cannot be trusted. */
  get damage(): string | undefined {
    return this.#damage
  }

  /** Serves and leads no more in this life; goes on to vote and to keep the log for the others. */
  condemn(reason: string): void {
    this.#damage ??= reason
    this.stepDown()
  }

  /** The digest of the state at `index`, if it is still known. */
  digestAt(index: Index): string | undefined {
    if (this.state.applied.index === index) return this.state.digest()
    return this.checkpoints.digestAt(index)
  }

  get isLeader(): boolean {
    return this.raft.isLeader
  }

  /** The node that leads, as far as known here. */
  get leaderNode(): NodeId | undefined {
    const { leader } = this.raft
    return leader === 0 ? undefined : this.nodeOf(leader)
  }

  nodeOf(replica: ReplicaId): NodeId | undefined {
    for (const member of this.raft.configuration.members) {
      if (member.replica === replica) return member.node
    }
    return this.#nodeOf.get(replica)
  }

  tick(): void {
    if (this.#damage !== undefined) {
      // Without ticks it never campaigns; a transfer can still make it leader for a moment.
      if (this.isLeader) this.stepDown()
      return
    }
    this.raft.step({ type: 'tick' })
    this.#stepped()
  }

  /** The leader's process is gone: see Raft's 'leader-gone'. */
  leaderGone(): void {
    this.raft.step({ type: 'leader-gone' })
    this.#shell.dirty(this)
  }

  stepDown(): void {
    this.raft.step({ type: 'step-down' })
    this.#shell.dirty(this)
  }

  transfer(to: ReplicaId): void {
    this.raft.step({ type: 'transfer', to })
    this.#shell.dirty(this)
  }

  receive(from: NodeId, message: Message): void {
    if (message.to !== this.id) return
    // A replica whose state is wrong must not be made leader by a transfer.
    if (this.#damage !== undefined && message.type === 'timeout-now') return
    // As if it was lost: the leader goes on without us, as long as a majority has room.
    if (isTooMuch(this, message, this.#shell.room)) return
    if (this.#nodeOf.get(message.from) !== from) this.#nodeOf.set(message.from, from)
    this.raft.step({ type: 'receive', message })
    this.#stepped()
  }

  persisted(batch: PersistBatch): void {
    const { hardState, index, term, messages } = batch
    this.#unsynced.synced(batch)
    this.raft.step({ type: 'persisted', hardState, index, term })
    for (const message of messages) this.#send(message)
    this.#stepped()
  }

  /**
   * A mutation from a router. Answers when its fate is known or can no longer be learnt; one whose
   * asker is over by the end of the turn is not proposed.
   */
  mutate(bytes: Uint8Array, asker: Asker): void {
    if (!this.#mayServe()) {
      asker.respond(this.notLeader())
      return
    }
    const command = readCommand(bytes, asker)
    if (command === undefined) return
    const known = lookup(this.state, command)
    if (known !== undefined) {
      sometimes('partition: answers a copy from the session')
      asker.respond(commandAnswer(this.state.applied.index, known))
      return
    }
    const { room } = this.#shell
    const refusal = room.isShort ? roomRefusal(this, command.operation.type, room) : undefined
    if (refusal !== undefined) {
      asker.respond(refusal)
      return
    }
    const blocker = blockerOf(this.state, command.operation)
    if (blocker !== undefined) this.#waitFor(blocker, bytes, asker)
    else if (isOfSeveralGroups(command)) this.#shell.coordinate(this, command, asker)
    else this.#gather(bytes, asker)
  }

  #gather(bytes: Uint8Array, asker: Asker): void {
    this.#gathering.add(bytes, asker)
    if (this.#gathering.bytes >= ENTRY_BYTES_MAX) this.#proposeGathered()
    this.#shell.dirty(this)
  }

  /** Again once that is over which stands in the way. */
  #waitFor(by: Blocker, bytes: Uint8Array, asker: Asker): void {
    const again = (): void => this.mutate(bytes, asker)
    if ('guarded' in by) this.locks.waitForGuard(by.guarded, asker, again)
    else this.encounters.wait(by, asker, again)
  }

  /** Runs `read` once everything up to `index` is applied. */
  whenApplied(index: Index, read: ReadWait): void {
    if (this.state.applied.index >= index) read.run()
    else this.waits.untilApplied(index, read)
  }

  /** See StrongReads. */
  answerRead(key: Uint8Array, asker: Asker): void {
    this.#strong.answer(key, asker)
  }

  /** A strong read, from its beginning. */
  readStrong(key: Uint8Array, asker: Asker): void {
    this.#shell.readStrong(this, key, asker)
  }

  /** Ends a turn: proposes what was gathered and obeys Raft until it has nothing more to say. */
  advance(): void {
    this.#proposeGathered()
    this.#proposeTick()
    for (;;) {
      const ready = this.raft.ready()
      if (ready === undefined) break
      this.#obey(ready)
    }
    this.#noticeLeadership()
    if (this.raft.committedInTerm) this.waits.committed(true)
  }

  get installing(): boolean {
    return this.#installing !== undefined
  }

  /** Committed entries are held back until `finishInstall`; reads go on with the old state. */
  beginInstall(): void {
    assert(this.#installing === undefined, 'two snapshots at once')
    this.#installing = []
  }

  /** The state is now `state`, from the snapshot that Raft hears of by `received`. */
  finishInstall(
    state: StateMachine,
    received: Extract<Input, { readonly type: 'snapshot-received' }>
  ): void {
    const held = this.#installing
    assert(held !== undefined, 'no snapshot is being installed')
    this.#installing = undefined
    this.state = state
    this.locks.attach(state)
    this.raft.step(received)
    this.#apply(held.filter((entry) => entry.index > state.applied.index))
    this.#shell.dirty(this)
  }

  snapshotSent(to: ReplicaId, ok: boolean, index: Index): void {
    this.raft.step({ type: 'snapshot-sent', to, ok, index })
    this.#shell.dirty(this)
  }

  /** Whether strong requests may be served by this replica now. */
  #mayServe(): boolean {
    const { isLeader, transferring } = this.raft
    return isLeader && !transferring && this.#damage === undefined
  }

  /** That we do not lead, and who may. */
  notLeader(): Answered {
    const leader = this.isLeader ? '' : (this.leaderNode ?? '')
    return rejected('not_leader', `this node does not lead group ${this.group}`, { leader })
  }

  #proposeGathered(): void {
    const taken = this.#gathering.take(this.#shell.clock.monotonic())
    if (taken === undefined) return
    const waiting = {
      applied: (index: Index, answers: readonly Answer[]) =>
        taken.answer(index, answers, (by, command, asker) => this.#waitFor(by, command, asker)),
      lost: () =>
        taken.answerAll(unknown(`the leader of group ${this.group} stepped down before it knew`))
    }
    this.#propose(taken.commands, waiting, (answer) => taken.answerAll(answer))
  }

  #proposeTick(): void {
    const reads = this.#strong.takeExpired()
    if (reads === undefined) return
    const applied = (index: Index): void => reads.answer(index, this.state)
    const failed = (): void => reads.refuse(this.notLeader())
    this.#propose([], { applied, lost: failed }, reads.refuse)
  }

  #propose(
    commands: readonly Uint8Array[],
    waiting: Parameters<Pending['add']>[2],
    refused: (answer: ReturnType<typeof rejected>) => void
  ): void {
    this.#noticeLeadership()
    const proposed = this.raft.propose(encodeBody(this.time.now(), commands))
    if (!proposed.accepted) {
      const full = `group ${this.group} has too much uncommitted`
      const overloaded = proposed.reason === 'overloaded'
      const more = { waitMs: 100, applied: this.state.applied.index }
      refused(overloaded ? rejected('overloaded', full, more) : this.notLeader())
      return
    }
    this.#shell.proposed(commands.length)
    this.#pending.add(proposed.index, proposed.term, waiting)
  }

  #obey(ready: Ready): void {
    const { log, onlooker } = this.#shell
    onlooker?.obeys(this, ready)
    const { reset, entries, hardState, messagesAfterPersist } = ready
    if (reset !== undefined) log.reset(this.group, reset)
    if (entries.length > 0) log.append(this.group, entries)
    if (hardState !== undefined) log.setHardState(this.group, hardState)
    for (const message of ready.messages) this.#send(message)
    const batch = this.#unsynced.add(ready)
    if (batch !== undefined) this.#shell.persist(this, batch)
    else for (const message of this.#unsynced.after(messagesAfterPersist)) this.#send(message)
    if (ready.snapshotsWanted.length > 0) {
      this.#shell.snapshotsWanted(this, ready.snapshotsWanted)
    }
    if (ready.committed.length > 0) this.#apply(ready.committed)
  }

  #apply(entries: readonly Entry[]): void {
    if (this.#installing !== undefined) {
      sometimes('partition: entries are committed while a snapshot is put in')
      this.#installing.push(...entries)
      return
    }
    for (const entry of entries) {
      const { index, term, kind, data } = entry
      if (kind === 'command') {
        const answers = this.state.apply(index, term, data)
        this.#shell.onlooker?.ran(this, entry, answers)
        this.#pending.settle(index, term, answers)
      } else {
        if (kind === 'configuration') this.state.setConfiguration(data, index)
        this.state.skip(index, term)
        this.#pending.settle(index, term, [])
      }
      this.checkpoints.passed(index, this.state)
    }
    this.time.heard(this.state.time)
    this.#shell.applied(this, entries)
    this.encounters.applied()
    this.locks.applied()
    this.waits.applied(this.state.applied.index)
  }

  /** The term we lead in; 0: we do not. */
  get #leads(): Term {
    return this.raft.isLeader ? this.raft.currentTerm : 0
  }

  /** Raft took an input: the end of the turn is for those to whom it meant something. */
  #stepped(): void {
    const news = this.#leads !== this.#ledTerm || (!this.#everLed && this.raft.leader !== 0)
    if (news || this.raft.hasWork) this.#shell.dirty(this)
  }

  #noticeLeadership(): void {
    if (this.raft.leader !== 0) this.#everLed = true
    const leads = this.#leads
    if (leads === this.#ledTerm) return
    this.#ledTerm = leads
    // Whatever an earlier term of ours appended, its fate is decided by another leader now.
    this.#pending.loseAll()
    this.waits.committed(false)
    this.encounters.refuseAll(this.notLeader())
    this.locks.leadershipChanged()
    this.#shell.leadershipChanged(this)
  }

  #send(message: Message): void {
    const node = this.nodeOf(message.to)
    if (node !== undefined) this.#shell.send(node, this.group, message)
  }
}
