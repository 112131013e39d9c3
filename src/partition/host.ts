import type { Entry, Message } from '../raft/types.ts'
import type { NodeLog } from '../storage/log-types.ts'
import type { GroupId, NodeId, ReplicaId } from '../wire/ids.ts'
import type { ConfirmGroup } from '../wire/node-frames.ts'
import type { Clock, Timers } from '../world/clock.ts'
import type { DiskFault } from '../world/disk.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Asker } from './answer.ts'
import type { Inquiries } from './encounters.ts'
import type { TrustedClock } from './group-time.ts'
import type { HistoryLimits } from './history.ts'
import { HostCounts } from './host-counts.ts'
import { NearReads } from './near-reads.ts'
import type { Onlooker } from './onlooker.ts'
import { confirms, ReadRounds } from './reads.ts'
import type { Replica } from './replica.ts'
import type { PersistBatch, ReplicaShell } from './replica-shell.ts'
import type { Room } from './room.ts'
import type { Transact } from './transactional.ts'
import type { ReadWait } from './waits.ts'
import { Watches } from './watches.ts'

/** Where a host's frames go; the node gathers them per peer. */
export interface Outbox {
  raft(node: NodeId, group: GroupId, message: Message): void
  confirm(node: NodeId, round: number, groups: readonly ConfirmGroup[]): void
  /** The turn is over: everything queued may leave. */
  flush(): void
}

/** What is done for transactions beyond one group. */
export interface TransactionShell extends Inquiries {
  coordinate(replica: Replica, command: Transact, asker: Asker): void
  leadershipChanged(replica: Replica): void
}

export interface HostOptions {
  readonly self: NodeId
  readonly clock: Clock
  readonly trusted: TrustedClock
  readonly timers: Timers
  readonly log: NodeLog
  readonly room: Room
  readonly outbox: Outbox
  readonly snapshotsWanted: (replica: Replica, to: readonly ReplicaId[]) => void
  /** The disk refused a write or sync: the process must end (design §6). */
  readonly fatal: (fault: Error) => void
  readonly onlooker?: Onlooker | undefined
  readonly transactions: TransactionShell
  /** Since now the replica of `group` here leads. */
  readonly leads: (group: GroupId) => void
  /** Asked in each turn once answers have left: lets in who waited; false: nobody. */
  readonly fill: () => boolean
  /** What watches may look back to. */
  readonly limits: HistoryLimits
  /** A sync that takes longer ends this node's leaderships; one election timeout. */
  readonly syncStallMs: number
}

/**
 * All replicas of a node: gathers their work in turns, so that one sync and one write serve them
 * all.
 */
export class ReplicaHost implements ReplicaShell {
  readonly clock: Clock
  readonly trusted: TrustedClock
  readonly log: NodeLog
  readonly room: Room
  readonly reads: ReadRounds
  readonly counts = new HostCounts()
  readonly nearReads: NearReads
  readonly watches: Watches
  readonly onlooker: Onlooker | undefined
  readonly inquiries: Inquiries
  readonly #options: HostOptions
  readonly #replicas = new Map<GroupId, Replica>()
  readonly #dirty = new Set<Replica>()
  #batches: { readonly replica: Replica; readonly batch: PersistBatch }[] = []
  /** When each commit handed to the log and not yet synced was started, oldest first. */
  readonly #syncs: number[] = []
  #turnDue = false
  #stopped = false

  constructor(options: HostOptions) {
    this.#options = options
    this.clock = options.clock
    this.trusted = options.trusted
    this.log = options.log
    this.room = options.room
    this.onlooker = options.onlooker
    this.inquiries = options.onlooker?.inquires(options.transactions) ?? options.transactions
    this.nearReads = new NearReads({
      ...options,
      confirm: (replica, read) => this.read(replica, read)
    })
    this.watches = new Watches({ ...options, get: (group) => this.get(group) })
    this.reads = new ReadRounds({
      sendConfirm: (node, round, groups) => options.outbox.confirm(node, round, groups)
    })
  }

  get(group: GroupId): Replica | undefined {
    return this.#replicas.get(group)
  }

  replicas(): Iterable<Replica> {
    return this.#replicas.values()
  }

  add(replica: Replica): void {
    this.#replicas.set(replica.group, replica)
    this.watches.opened(replica)
    this.onlooker?.opened(replica)
    this.dirty(replica)
  }

  /** How long the oldest outstanding sync has taken, in ms; 0: none is. */
  get syncAgeMs(): number {
    const oldest = this.#syncs[0]
    return oldest === undefined ? 0 : this.clock.monotonic() - oldest
  }

  /** One Raft tick for every replica. */
  tick(): void {
    const stalled = this.syncAgeMs > this.#options.syncStallMs
    const now = this.clock.monotonic()
    for (const replica of this.#replicas.values()) {
      replica.waits.sweep(now)
      replica.encounters.tick()
      replica.locks.tick()
      // A leader on a hung disk would keep its followers waiting (hashicorp/raft#503); a follower
      // on one must not campaign, for it cannot keep the vote it would give itself.
      if (!stalled) replica.tick()
      else if (replica.isLeader) {
        sometimes('partition: a leader steps down from a disk that hangs')
        replica.stepDown()
      }
    }
    this.reads.tick(now)
    this.watches.tick(now)
    this.#scheduleTurn()
  }

  /** A strong read of `replica`: run at a moment when its state may be read, else failed. */
  read(replica: Replica, asked: ReadWait): void {
    const read = this.onlooker?.reads(replica, asked) ?? asked
    const { isLeader, transferring, committedInTerm } = replica.raft
    if (!isLeader || transferring || replica.damage !== undefined) read.fail()
    else if (committedInTerm) this.#confirm(replica, read)
    else {
      replica.waits.untilCommitted({
        run: () => this.#confirm(replica, read),
        fail: () => read.fail(),
        isOver: (now) => read.isOver(now)
      })
    }
  }

  #confirm(replica: Replica, read: ReadWait): void {
    this.reads.request(replica, read)
    this.#scheduleTurn()
  }

  /** Whether the replica that is asked still follows who asks. */
  confirms(asked: ConfirmGroup): boolean {
    const replica = this.#replicas.get(asked.group)
    if (replica === undefined || !confirms(replica, asked)) return false
    this.onlooker?.confirms(replica, asked)
    return true
  }

  confirmed(node: NodeId, round: number, failed: readonly GroupId[]): void {
    this.reads.onReply(node, round, new Set(failed), this.clock.monotonic())
    this.#scheduleTurn()
  }

  /** The process of `node` is gone for sure: what it led needs a leader at once (design §5). */
  leaderGone(node: NodeId): void {
    for (const replica of this.#replicas.values()) {
      if (replica.leaderNode === node) replica.leaderGone()
    }
  }

  /** Whether the node has ended: nothing may be begun any more. */
  get isStopped(): boolean {
    return this.#stopped
  }

  stop(): void {
    this.#stopped = true
  }

  // What replicas ask of their host.

  send(node: NodeId, group: GroupId, message: Message): void {
    this.onlooker?.sends(group, message)
    this.#options.outbox.raft(node, group, message)
  }

  dirty(replica: Replica): void {
    this.#dirty.add(replica)
    this.#scheduleTurn()
  }

  persist(replica: Replica, batch: PersistBatch): void {
    if (batch.hardState?.vote === replica.id) this.counts.elections++
    this.#batches.push({ replica, batch })
  }

  snapshotsWanted(replica: Replica, to: readonly ReplicaId[]): void {
    this.#options.snapshotsWanted(replica, to)
  }

  applied(replica: Replica, entries: readonly Entry[]): void {
    this.counts.entriesApplied += entries.length
    this.nearReads.applied(replica)
    this.watches.applied(replica)
    this.onlooker?.applied(replica, entries)
  }

  proposed(commands: number): void {
    this.counts.entryCommands.observe(commands)
  }

  leadershipChanged(replica: Replica): void {
    this.counts.leadershipChanged(replica.group, replica.isLeader, this.clock.monotonic())
    this.reads.leadershipChanged(replica)
    this.#options.transactions.leadershipChanged(replica)
    if (replica.isLeader) this.#options.leads(replica.group)
  }

  coordinate(replica: Replica, command: Transact, asker: Asker): void {
    this.#options.transactions.coordinate(replica, command, asker)
  }

  /** A strong read of `key`, from its beginning. */
  readStrong(replica: Replica, key: Uint8Array, asker: Asker): void {
    this.read(replica, {
      run: () => replica.answerRead(key, asker),
      fail: () => asker.respond(replica.notLeader()),
      isOver: (now) => asker.isOver(now)
    })
  }

  #scheduleTurn(): void {
    if (this.#turnDue || this.#stopped) return
    this.#turnDue = true
    this.#options.timers.soon(() => {
      this.#turnDue = false
      if (!this.#stopped) this.#endTurn()
    })
  }

  #endTurn(): void {
    do {
      for (const replica of this.#dirty) {
        this.#dirty.delete(replica)
        replica.advance()
      }
      this.reads.endTurn(this.clock.monotonic())
    } while (this.#options.fill() || this.#dirty.size > 0)
    if (this.#batches.length > 0) this.#commit()
    this.#options.outbox.flush()
  }

  #commit(): void {
    const batches = this.#batches
    this.#batches = []
    const began = this.clock.monotonic()
    this.#syncs.push(began)
    this.log.commit((fault: DiskFault | undefined) => {
      if (this.#stopped) return
      if (fault !== undefined) {
        this.#options.fatal(fault)
        return
      }
      this.#syncs.shift()
      this.counts.persisted(began, this.clock.monotonic())
      for (const { replica, batch } of batches) replica.persisted(batch)
      // What waited for the disk leaves with the turn, also where nobody has more to do.
      this.#scheduleTurn()
    })
  }
}
