import { Raft } from '../../../src/raft/raft.ts'
import type {
  Entry,
  HardState,
  Index,
  Message,
  RaftOptions,
  Ready,
  Role,
  SnapshotMark,
  Term
} from '../../../src/raft/types.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import type { ReplicaId } from '../../../src/wire/ids.ts'
import { assert } from '../../../src/world/assert.ts'
import { type Random, seededRandom } from '../../../src/world/random.ts'
import { LogImage } from './disk.ts'
import { LIMITS } from './limits.ts'

/** What a replica's driver made of the log: the data of every command, and up to where. */
export interface State {
  readonly mark: SnapshotMark
  readonly items: readonly string[]
}

export type Packet =
  | { readonly type: 'message'; readonly message: Message }
  | {
      readonly type: 'snapshot'
      readonly from: ReplicaId
      readonly to: ReplicaId
      readonly term: Term
      readonly state: State
    }

/** Records on their way to the disk, in order, and what waits for them. */
type Batch =
  | { readonly type: 'ready'; readonly ready: Ready; readonly persists: boolean }
  | { readonly type: 'compact'; readonly mark: SnapshotMark }

/** What an observer may check; called when it happens. */
export interface Observer {
  handed(node: Node, entries: readonly Entry[]): void
  durable(node: Node, hardState: HardState): void
  applied(node: Node, entry: Entry): void
  released(message: Message): void
  stepped(node: Node): void
}

/** A replica and its driver: obeys Ready as its type demands, with a disk that takes its time. */
export class Node {
  readonly id: ReplicaId
  readonly durableLog: LogImage
  writtenLog: LogImage
  durableState: State
  state: State
  batches: Batch[] = []
  raft: Raft
  alive = true
  role: Role = 'follower'

  constructor(id: ReplicaId, hardState: HardState, mark: SnapshotMark, open: OpenRaft) {
    this.id = id
    this.durableLog = new LogImage(hardState, mark)
    this.writtenLog = this.durableLog.copy()
    this.durableState = { mark, items: [] }
    this.state = this.durableState
    this.raft = open(this)
  }
}

type OpenRaft = (node: Node) => Raft

export interface GroupOptions {
  readonly seed: string
  readonly replicas: number
  /** Learners come after the voters. */
  readonly learners?: number
  readonly raft?: Partial<RaftOptions>
  readonly observer?: Observer
  /** Told of everything that happens, for golden traces. */
  readonly trace?: (line: string) => void
  /** Batches are durable as soon as they are written. */
  readonly syncAtOnce: boolean
}

/** A whole group in memory: drivers, disks and a network that does only what it is told. */
export class Group {
  readonly nodes = new Map<ReplicaId, Node>()
  readonly random: Random
  /** Sent and not delivered, oldest first. */
  network: Packet[] = []
  readonly #options: GroupOptions
  #lives = 0

  constructor(options: GroupOptions) {
    this.#options = options
    this.random = seededRandom(options.seed)
    const count = options.replicas + (options.learners ?? 0)
    const members = Array.from({ length: count }, (_, i) => ({
      replica: i + 1,
      node: `node${i + 1}`,
      voter: i < options.replicas
    }))
    const mark: SnapshotMark = { index: 1, term: 1, configuration: { members } }
    for (const { replica } of members) {
      const node = new Node(replica, { term: 1, vote: 0 }, mark, (it) => this.#open(it))
      this.nodes.set(replica, node)
    }
  }

  node(id: ReplicaId): Node {
    const node = this.nodes.get(id)
    assert(node !== undefined, `no replica ${id}`)
    return node
  }

  leader(): Node | undefined {
    let found: Node | undefined
    for (const node of this.nodes.values()) {
      const { role, term } = node.raft.status
      if (!node.alive || role !== 'leader') continue
      if (found === undefined || term > found.raft.status.term) found = node
    }
    return found
  }

  step(id: ReplicaId, input: Parameters<Raft['step']>[0]): void {
    const node = this.node(id)
    if (!node.alive) return
    node.raft.step(input)
    this.drain(node)
  }

  propose(id: ReplicaId, text: string): boolean {
    const node = this.node(id)
    if (!node.alive) return false
    const proposed = node.raft.propose(utf8(text))
    if (!proposed.accepted) this.#trace(`  ${id} refuses: ${proposed.reason}`)
    this.drain(node)
    return proposed.accepted
  }

  /** Takes the packet at `at` out of the network and hands it over. */
  deliver(at: number): void {
    const [packet] = this.network.splice(at, 1)
    if (packet === undefined) return
    if (packet.type === 'message') {
      const { message } = packet
      this.#trace(`  ${showMessage(message)}${this.node(message.to).alive ? '' : ' (down)'}`)
      this.step(message.to, { type: 'receive', message })
    } else this.#install(packet)
  }

  drop(at: number): void {
    const [packet] = this.network.splice(at, 1)
    if (packet?.type === 'snapshot') this.#reportSnapshot(packet, false)
  }

  /** The oldest batch is durable. */
  sync(node: Node): boolean {
    const batch = node.batches.shift()
    if (batch === undefined) return false
    this.#makeDurable(node, batch)
    if (batch.type === 'compact') return true
    const { entries, hardState, reset, messagesAfterPersist } = batch.ready
    for (const message of messagesAfterPersist) this.#send(message)
    if (batch.persists) {
      const last = entries[entries.length - 1] ?? reset
      if (!this.#options.syncAtOnce) this.#trace(`  ${node.id} synced ${showRecords(batch.ready)}`)
      const index = last?.index ?? 0
      node.raft.step({ type: 'persisted', hardState, index, term: last?.term ?? 0 })
      this.drain(node)
    }
    return true
  }

  /** Power off: all but the first `kept` batches on their way to the disk are lost. */
  crash(id: ReplicaId, kept: number): void {
    const node = this.node(id)
    for (const batch of node.batches.slice(0, kept)) this.#makeDurable(node, batch)
    node.batches = []
    node.alive = false
  }

  restart(id: ReplicaId): void {
    const node = this.node(id)
    assert(!node.alive, `replica ${id} is running`)
    node.state = node.durableState
    const { mark } = node.state
    // The state came as a snapshot and the log's reset was lost: design, storage.
    if (node.durableLog.last < mark.index || conflicts(node.durableLog, mark)) {
      node.durableLog.take({ reset: mark, entries: [], hardState: undefined })
    }
    node.writtenLog = node.durableLog.copy()
    node.raft = this.#open(node)
    node.alive = true
    node.role = 'follower'
    this.drain(node)
  }

  /** The state becomes durable, and the log is dropped up to `kept` entries before it. */
  flush(id: ReplicaId, kept = 0): void {
    const node = this.node(id)
    node.durableState = node.state
    const mark = node.raft.markAt(node.state.mark.index - kept)
    if (mark === undefined || mark.index < node.raft.status.firstIndex) return
    node.raft.step({ type: 'compact', mark })
    node.writtenLog.compact(mark)
    node.batches.push({ type: 'compact', mark })
    this.#trace(`  ${id} log begins after ${mark.index}/${mark.term}`)
    this.drain(node)
  }

  /** Obeys Raft until it has nothing more to say. */
  drain(node: Node): void {
    this.#options.observer?.stepped(node)
    for (let ready = node.raft.ready(); ready !== undefined; ready = node.raft.ready()) {
      this.#obey(node, ready)
    }
    this.#showRole(node)
    this.#options.observer?.stepped(node)
    if (this.#options.syncAtOnce) while (this.sync(node));
  }

  #obey(node: Node, ready: Ready): void {
    node.writtenLog.take(ready)
    this.#options.observer?.handed(node, ready.entries)
    for (const message of ready.messages) this.#send(message)
    const { reset, entries, hardState } = ready
    const persists = reset !== undefined || entries.length > 0 || hardState !== undefined
    if (persists || ready.messagesAfterPersist.length > 0) {
      node.batches.push({ type: 'ready', ready, persists })
    }
    for (const entry of ready.committed) this.#apply(node, entry)
    for (const to of ready.snapshotsWanted) {
      this.#trace(`  ${node.id} wants a snapshot for ${to}`)
      const { term } = node.raft.status
      this.network.push({ type: 'snapshot', from: node.id, to, term, state: node.state })
    }
  }

  #apply(node: Node, entry: Entry): void {
    const { index, term, kind, data } = entry
    assert(index === node.state.mark.index + 1, `${node.id} applies ${index} out of order`)
    const text = kind === 'command' ? (utf8Text(data) ?? '?') : kind
    const mark = { index, term, configuration: node.raft.status.configuration }
    const items = kind === 'command' ? [...node.state.items, text] : node.state.items
    node.state = { mark, items }
    this.#trace(`  ${node.id} applies ${index}/${term} ${text}`)
    this.#options.observer?.applied(node, entry)
  }

  #install(packet: Extract<Packet, { type: 'snapshot' }>): void {
    const { from, to, term, state } = packet
    const node = this.node(to)
    this.#trace(`  ${from}->${to} snapshot ${state.mark.index}/${state.mark.term}`)
    if (node.alive && state.mark.index > node.state.mark.index) {
      node.durableState = state
      node.state = state
      this.step(to, { type: 'snapshot-received', from, term, mark: state.mark })
    }
    this.#reportSnapshot(packet, node.alive)
  }

  #reportSnapshot({ from, to, state }: Extract<Packet, { type: 'snapshot' }>, ok: boolean): void {
    this.step(from, { type: 'snapshot-sent', to, ok, index: state.mark.index })
  }

  #makeDurable(node: Node, batch: Batch): void {
    if (batch.type === 'compact') {
      node.durableLog.compact(batch.mark)
      return
    }
    const { ready } = batch
    node.durableLog.take(ready)
    if (ready.hardState !== undefined) this.#options.observer?.durable(node, ready.hardState)
  }

  #send(message: Message): void {
    this.#options.observer?.released(message)
    this.network.push({ type: 'message', message })
  }

  #open(node: Node): Raft {
    this.#lives++
    const random = this.random.fork(`raft-${node.id}-${this.#lives}`)
    const options = { ...LIMITS, ...this.#options.raft, group: 1, self: node.id, random }
    const stable = {
      entries: (from: Index, to: Index, bytesMax: number) =>
        node.writtenLog.entries(from, to, bytesMax)
    }
    return new Raft(options, node.durableLog.start(node.durableState.mark.index, stable))
  }

  #showRole(node: Node): void {
    const { role, term } = node.raft.status
    if (role === node.role) return
    node.role = role
    this.#trace(`  ${node.id} is ${role} in term ${term}`)
  }

  #trace(line: string): void {
    this.#options.trace?.(line)
  }
}

function conflicts(log: LogImage, mark: SnapshotMark): boolean {
  return log.mark.index <= mark.index && log.term(mark.index) !== mark.term
}

function showRecords({ reset, entries, hardState }: Ready): string {
  const parts: string[] = []
  if (reset !== undefined) parts.push(`reset=${reset.index}/${reset.term}`)
  if (entries.length > 0) parts.push(`entries=${showEntries(entries)}`)
  if (hardState !== undefined) parts.push(`term=${hardState.term} vote=${hardState.vote}`)
  return parts.join(' ')
}

const showEntries = (entries: readonly Entry[]): string =>
  entries.map(({ index, term }) => `${index}/${term}`).join(',')

function showMessage(message: Message): string {
  const { from, to, term, type } = message
  return `${from}->${to} ${type} term=${term}${showFields(message)}`
}

function showFields(message: Message): string {
  switch (message.type) {
    case 'append': {
      const { previousIndex, previousTerm, commit, entries } = message
      const shown = entries.length > 0 ? ` entries=${showEntries(entries)}` : ''
      return ` after=${previousIndex}/${previousTerm} commit=${commit}${shown}`
    }
    case 'append-reply': {
      const { rejected, index, hintIndex, hintTerm } = message
      return rejected ? ` refused=${index} hint=${hintIndex}/${hintTerm}` : ` match=${index}`
    }
    case 'heartbeat':
      return ` commit=${message.commit}`
    case 'vote':
    case 'pre-vote': {
      const { lastIndex, lastTerm, transfer } = message
      return ` last=${lastIndex}/${lastTerm}${transfer ? ' transfer' : ''}`
    }
    case 'vote-reply':
    case 'pre-vote-reply':
      return message.rejected ? ' refused' : ' granted'
    default:
      return ''
  }
}
