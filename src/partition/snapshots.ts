import { decodeConfiguration, decodeMark } from '../raft/codec.ts'
import type { StateMachine } from '../state/state-machine.ts'
import type { Overlay } from '../storage/overlay.ts'
import { Malformed } from '../wire/bytes.ts'
import type { GroupId, NodeId, ReplicaId } from '../wire/ids.ts'
import { encodeSnapshotReply, type SnapshotChunk, type SnapshotReply } from '../wire/node-frames.ts'
import type { Clock } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Flusher } from './flusher.ts'
import type { ReplicaHost } from './host.ts'
import type { Replica } from './replica.ts'
import { SnapshotReceiver } from './snapshot-receiver.ts'
import { type SnapshotLimits, SnapshotSender } from './snapshot-sender.ts'

export interface SnapshotOptions {
  readonly clock: Clock
  /** On the bulk channel. */
  readonly send: (node: NodeId, parts: readonly Uint8Array[]) => boolean
  /** On the main channel. */
  readonly answer: (node: NodeId, parts: readonly Uint8Array[]) => boolean
  readonly openState: (group: GroupId, done: (state: StateMachine) => void) => void
  readonly isLinked: (node: NodeId) => boolean
  readonly fatal: (fault: Error) => void
  readonly limits: SnapshotLimits
}

/** A sender asks again much sooner: one that is silent for so long has given up, or is dead. */
const SILENT_MS_MAX = 10_000
/** Transfers a node sends at once; the others wait. */
const SENDING_MAX = 2

/**
 * Brings followers whose next entry is no longer in the log up to the leader's durable state, and
 * takes such a state in: a generation beside the old one, switched in by one synced batch.
 */
export class Snapshots {
  readonly #host: ReplicaHost
  readonly #overlay: Overlay
  readonly #flusher: Flusher
  readonly #options: SnapshotOptions
  readonly #sending = new Map<number, SnapshotSender>()
  #wanted: { readonly replica: Replica; readonly to: ReplicaId }[] = []
  readonly #receiving = new Map<GroupId, SnapshotReceiver>()
  #transfer = 0
  /** Transfers that ended: whole at the follower, given up, and taken in here. */
  readonly counts = { sent: 0, failed: 0, received: 0 }

  constructor(host: ReplicaHost, overlay: Overlay, flusher: Flusher, options: SnapshotOptions) {
    this.#host = host
    this.#overlay = overlay
    this.#flusher = flusher
    this.#options = options
  }

  /** `to` are followers of `replica` that need its state. */
  want(replica: Replica, to: readonly ReplicaId[]): void {
    for (const one of to) this.#wanted.push({ replica, to: one })
    this.#sendMore()
  }

  /** Transfers under way. */
  get underWay(): { readonly sending: number; readonly receiving: number } {
    return { sending: this.#sending.size, receiving: this.#receiving.size }
  }

  tick(): void {
    for (const sender of [...this.#sending.values()]) sender.tick()
    this.#sendMore()
    for (const [group, receiver] of this.#receiving) this.#giveUpIfVain(group, receiver)
  }

  /** A state takes as much room as the one it replaces: what has begun is given up. */
  #lacksRoom(receiver: SnapshotReceiver | undefined): boolean {
    if (this.#host.room.level === 'ok' || receiver?.isComplete) return false
    if (receiver !== undefined) {
      receiver.abort()
      this.#receiving.delete(receiver.first.group)
    }
    return true
  }

  /** Its sender may be dead, and the log may have brought what it was to bring. */
  #giveUpIfVain(group: GroupId, receiver: SnapshotReceiver): void {
    if (receiver.isComplete) return
    const applied = this.#host.get(group)?.state.applied.index ?? 0
    const silentMs = this.#options.clock.monotonic() - receiver.heardAt
    if (applied < receiver.mark.index && silentMs < SILENT_MS_MAX) return
    sometimes('partition: gives up a snapshot that comes in')
    receiver.abort()
    this.#receiving.delete(group)
  }

  reply(reply: SnapshotReply): void {
    const sender = this.#sending.get(reply.transfer)
    if (sender === undefined) return
    const { replica, to } = sender.options
    if (replica.group === reply.group && to === reply.from) sender.reply(reply)
  }

  chunk(node: NodeId, chunk: SnapshotChunk & { readonly page: Uint8Array }): void {
    const replica = this.#host.get(chunk.group)
    if (replica === undefined || chunk.to !== replica.id) return
    let receiver = this.#receiving.get(chunk.group)
    if (this.#lacksRoom(receiver)) {
      sometimes('partition: refuses a snapshot for lack of room')
      this.#answer(node, chunk, { next: 0, outcome: 'refused' })
      return
    }
    if (chunk.term < replica.raft.status.term) {
      sometimes('partition: refuses a snapshot of an earlier term')
      this.#answer(node, chunk, { next: 0, outcome: 'refused' })
      return
    }
    if (receiver !== undefined && !receiver.belongs(chunk)) {
      // A complete one is being switched in; a newer transfer then finds its place taken by state.
      if (receiver.isComplete || chunk.sequence !== 0 || chunk.term < receiver.first.term) {
        sometimes('partition: a chunk is of a transfer that is over')
        return
      }
      sometimes('partition: a snapshot takes the place of another')
      receiver.abort()
      this.#receiving.delete(chunk.group)
      receiver = undefined
    }
    if (receiver === undefined) {
      if (chunk.sequence !== 0) {
        sometimes('partition: a snapshot comes without its beginning')
        return
      }
      receiver = this.#receive(node, replica, chunk)
    }
    if (receiver === undefined) return
    receiver.heardAt = this.#options.clock.monotonic()
    receiver.take(chunk)
  }

  #sendMore(): void {
    // While a flush is under way nobody can tell which side of it a view would show.
    while (this.#sending.size < SENDING_MAX && !this.#flusher.busy) {
      const next = this.#wanted.shift()
      if (next === undefined) return
      this.#send(next.replica, next.to)
    }
  }

  #send(replica: Replica, to: ReplicaId): void {
    const ended = (ok: boolean, index: number): void => {
      replica.snapshotSent(to, ok, index)
    }
    const node = replica.nodeOf(to)
    const index = this.#flusher.durableIndex(replica.group)
    const hasRoom = node !== undefined && this.#host.room.levelOf(node) === 'ok'
    if (!replica.isLeader || !hasRoom || index === 0) {
      sometimes('partition: a snapshot was wanted of who leads no more')
      ended(false, 0)
      return
    }
    const mark = this.#flusher.durableMark(replica)
    const view = this.#overlay.snapshot(replica.group)
    const transfer = ++this.#transfer
    const sender = new SnapshotSender(
      { replica, to, node, transfer, mark, view },
      {
        send: this.#options.send,
        isLinked: this.#options.isLinked,
        now: () => this.#options.clock.monotonic(),
        limits: this.#options.limits,
        fault: this.#options.fatal,
        ended: (_, ok) => {
          this.#sending.delete(transfer)
          if (ok) this.counts.sent++
          else this.counts.failed++
          ended(ok, mark.index)
        }
      }
    )
    this.#sending.set(transfer, sender)
  }

  #receive(node: NodeId, replica: Replica, chunk: SnapshotChunk): SnapshotReceiver | undefined {
    const mark = decodeMark(chunk.mark.slice())
    if (mark.term > chunk.term) throw new Malformed('a snapshot later than the term of its message')
    if (mark.index <= replica.state.applied.index) {
      sometimes('partition: is sent a snapshot of what it has')
      this.#answer(node, chunk, { next: 0, outcome: 'done' })
      return undefined
    }
    const into = this.#overlay.receive(chunk.group)
    const receiver = new SnapshotReceiver(chunk, mark, into, {
      acknowledge: (next) => this.#answer(node, chunk, { next, outcome: 'more' }),
      complete: () => this.#install(node, replica, receiver),
      damaged: () => {
        this.#receiving.delete(chunk.group)
        this.#answer(node, chunk, { next: 0, outcome: 'refused' })
      },
      fault: this.#options.fatal
    })
    this.#receiving.set(chunk.group, receiver)
    return receiver
  }

  #install(node: NodeId, replica: Replica, receiver: SnapshotReceiver): void {
    const { first, mark } = receiver
    const { group } = replica
    if (mark.index <= replica.state.applied.index) {
      sometimes('partition: the log overtook a snapshot')
      receiver.abort()
      this.#receiving.delete(group)
      this.#answer(node, first, { next: 0, outcome: 'done' })
      return
    }
    replica.beginInstall()
    receiver.finish((fault) => {
      if (fault !== undefined) {
        this.#options.fatal(fault)
        return
      }
      this.#options.openState(group, (state) => {
        this.#receiving.delete(group)
        this.counts.received++
        this.#flusher.setDurable(group, state.applied)
        const configuration = decodeConfiguration(state.configuration)
        replica.finishInstall(state, {
          type: 'snapshot-received',
          from: first.from,
          term: first.term,
          mark: { ...state.applied, configuration }
        })
        this.#answer(node, first, { next: 0, outcome: 'done' })
      })
    })
  }

  #answer(
    node: NodeId,
    { group, from, to, transfer }: SnapshotChunk,
    what: Pick<SnapshotReply, 'next' | 'outcome'>
  ): void {
    const reply = { group, from: to, to: from, transfer, ...what }
    this.#options.answer(node, encodeSnapshotReply(reply))
  }
}
