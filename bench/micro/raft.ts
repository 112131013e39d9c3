import { NODE_LIMITS } from '../../src/node/config.ts'
import { Raft } from '../../src/raft/raft.ts'
import type { Entry, Message, RaftOptions, SnapshotMark } from '../../src/raft/types.ts'
import { assert } from '../../src/world/assert.ts'
import { seededRandom } from '../../src/world/random.ts'
import { keep, type Section, timed, type Work } from './measure.ts'

// Three replicas of one group in memory, with disks and a network that take no time: what it costs
// Raft alone, on all three, to commit an entry.

const ENTRY = new Uint8Array(200).fill(7)
/** The log is cut when it is so long, as state flushes do. */
const LOG_ENTRIES_MAX = 8_192

const OPTIONS: Omit<RaftOptions, 'self'> = {
  ...NODE_LIMITS,
  group: 1,
  random: seededRandom('bench'),
  preferred: false
}
const MEMBERS = [1, 2, 3].map((replica) => ({ replica, node: `node${replica}`, voter: true }))
const MARK: SnapshotMark = { index: 1, term: 1, configuration: { members: MEMBERS } }

/** A replica with a log in memory, and a driver that obeys Ready at once. */
class Replica {
  readonly raft: Raft
  applied = 1
  readonly #send: (message: Message) => void
  #first = 2
  #log: Entry[] = []

  constructor(self: number, send: (message: Message) => void) {
    this.#send = send
    const stable = {
      entries: (from: number, to: number) => this.#log.slice(from - this.#first, to - this.#first)
    }
    this.raft = new Raft(
      { ...OPTIONS, self },
      {
        hardState: { term: 1, vote: 0 },
        mark: MARK,
        termRuns: [],
        lastIndex: 1,
        configurations: [],
        applied: 1,
        stable
      }
    )
  }

  /** False: nothing was owed. */
  turn(): boolean {
    const ready = this.raft.ready()
    if (ready === undefined) return false
    const { entries, hardState, messages, messagesAfterPersist, committed } = ready
    const first = entries[0]
    if (first !== undefined) this.#log.length = first.index - this.#first
    for (const entry of entries) this.#log.push(entry)
    for (const message of messages) this.#send(message)
    const last = entries.at(-1)
    if (last !== undefined || hardState !== undefined) {
      const { index, term } = last ?? { index: 0, term: 0 }
      this.raft.step({ type: 'persisted', hardState, index, term })
    }
    for (const message of messagesAfterPersist) this.#send(message)
    this.applied = committed.at(-1)?.index ?? this.applied
    if (this.#log.length > LOG_ENTRIES_MAX) this.#cut()
    return true
  }

  #cut(): void {
    const entry = this.#log[this.applied - this.#first]
    if (entry === undefined) return
    this.#log = this.#log.slice(entry.index - this.#first + 1)
    this.#first = entry.index + 1
    this.raft.step({ type: 'compact', mark: { ...MARK, index: entry.index, term: entry.term } })
  }
}

class Group {
  readonly #replicas: Replica[]
  #network: Message[] = []

  constructor() {
    const send = (message: Message): void => {
      this.#network.push(message)
    }
    this.#replicas = MEMBERS.map(({ replica }) => new Replica(replica, send))
    this.#leader.raft.step({ type: 'campaign' })
    this.#run()
    assert(this.#leader.raft.status.committedInTerm, 'nobody leads')
  }

  /** Until it is committed on all three. */
  commit(entries: number): void {
    for (let i = 0; i < entries; i++) this.#leader.raft.propose(ENTRY)
    this.#run()
    for (const { applied } of this.#replicas) {
      if (applied === this.#leader.raft.status.lastIndex) continue
      // The last commit index travels with the next message; the next round brings it.
      assert(applied >= this.#leader.raft.status.lastIndex - entries, 'an entry is not committed')
    }
  }

  get #leader(): Replica {
    return this.#replicas[0] as Replica
  }

  #run(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false
      for (const replica of this.#replicas) if (replica.turn()) isBusy = true
      const delivered = this.#network
      this.#network = []
      for (const message of delivered) {
        this.#replicas[message.to - 1]?.raft.step({ type: 'receive', message })
        isBusy = true
      }
    }
  }
}

function commits(batch: number): Work {
  const group = new Group()
  return {
    name: `commit ${batch} at a time`,
    step: batch,
    prepare: (count) => () => {
      for (let done = 0; done < count; done += batch) group.commit(batch)
      keep(group)
    }
  }
}

export function raftSections(seconds: number): Section[] {
  const works = [1, 16, 256].map(commits)
  return [timed('Raft: an entry committed by three replicas in memory', works, seconds)]
}
