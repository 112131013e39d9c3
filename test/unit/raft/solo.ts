import { encodeConfiguration } from '../../../src/raft/codec.ts'
import { Raft } from '../../../src/raft/raft.ts'
import type {
  Entry,
  EntryKind,
  HardState,
  Index,
  Message,
  RaftOptions,
  Ready,
  SnapshotMark,
  Term
} from '../../../src/raft/types.ts'
import type { Member } from '../../../src/wire/cluster-map.ts'
import { seededRandom } from '../../../src/world/random.ts'
import { LogImage } from './disk.ts'
import { LIMITS } from './limits.ts'

type Body<M> = M extends unknown ? Omit<M, 'from' | 'to'> : never
export type MessageBody = Body<Message>

/**
 * One replica, id 1, whose peers are played by the test. Batches are durable when the test says
 * so.
 */
export class Solo {
  readonly raft: Raft
  readonly disk: LogImage
  readonly unsynced: Ready[] = []
  /** All that left since the last `taken`. */
  sent: Message[] = []
  readonly committed: Entry[] = []

  constructor(setup: {
    readonly members: readonly Member[]
    /** Terms of entries 2, 3, … */
    readonly log?: readonly Term[]
    readonly hardState?: HardState
    readonly options?: Partial<RaftOptions>
  }) {
    const { members, log = [], hardState, options } = setup
    const mark: SnapshotMark = { index: 1, term: 1, configuration: { members } }
    this.disk = new LogImage(hardState ?? { term: log.at(-1) ?? 1, vote: 0 }, mark)
    this.disk.list = log.map((term, i) => entry(i + 2, term))
    this.raft = new Raft(
      {
        group: 1,
        self: 1,
        random: seededRandom('solo'),
        ...LIMITS,
        ...options
      },
      this.disk.start(1, this.disk)
    )
  }

  receive(from: number, body: MessageBody): void {
    this.raft.step({ type: 'receive', message: { ...body, from, to: 1 } as Message })
  }

  tick(count: number): void {
    for (let i = 0; i < count; i++) this.raft.step({ type: 'tick' })
  }

  /** Takes Readies; their batches wait for `sync`. Returns the last of them. */
  drain(): Ready | undefined {
    let last: Ready | undefined
    for (let ready = this.raft.ready(); ready !== undefined; ready = this.raft.ready()) {
      this.disk.take(ready)
      this.sent.push(...ready.messages)
      this.committed.push(...ready.committed)
      this.unsynced.push(ready)
      last = ready
    }
    return last
  }

  /** Everything handed out becomes durable, and what follows from that. */
  sync(): void {
    this.drain()
    for (let ready = this.unsynced.shift(); ready !== undefined; ready = this.unsynced.shift()) {
      this.sent.push(...ready.messagesAfterPersist)
      const last = ready.entries.at(-1) ?? ready.reset
      const { index, term } = last ?? { index: 0, term: 0 }
      this.raft.step({ type: 'persisted', hardState: ready.hardState, index, term })
      this.drain()
    }
  }

  /** Syncs, and returns what left since the last call. */
  taken(): Message[] {
    this.sync()
    const { sent } = this
    this.sent = []
    return sent
  }

  /** Becomes leader of the next term with the votes of all other voters. */
  lead(): void {
    this.raft.step({ type: 'campaign' })
    const { configuration } = this.raft.status
    const others = configuration.members.filter((it) => it.voter && it.replica !== 1)
    this.sync()
    const term = this.raft.status.term + 1
    for (const { replica } of others) {
      this.receive(replica, { type: 'pre-vote-reply', term, rejected: false })
    }
    this.sync()
    for (const { replica } of others) {
      this.receive(replica, { type: 'vote-reply', term, rejected: false })
    }
    this.taken()
  }

  /** A follower acknowledges everything up to `index`, in our term. */
  acknowledge(from: number, index: Index): void {
    const { term } = this.raft.status
    const nothing = { hintIndex: 0, hintTerm: 0 }
    this.receive(from, { type: 'append-reply', term, rejected: false, index, ...nothing })
  }
}

export function entry(index: Index, term: Term, kind: EntryKind = 'command'): Entry {
  return { index, term, kind, data: new Uint8Array([index & 255]) }
}

export function configurationEntry(index: Index, term: Term, members: readonly Member[]): Entry {
  return { index, term, kind: 'configuration', data: encodeConfiguration({ members }) }
}

/** `count` voters, replicas 1, 2, … */
export const voters = (count: number): Member[] =>
  Array.from({ length: count }, (_, i) => ({ replica: i + 1, node: `n${i + 1}`, voter: true }))
