import { encodeMark } from '../raft/codec.ts'
import type { SnapshotMark, Term } from '../raft/types.ts'
import { isSoundRecord } from '../state/keys.ts'
import type { GroupView } from '../storage/overlay.ts'
import { REPLACE_NODE } from '../storage/store-errors.ts'
import type { NodeId, ReplicaId } from '../wire/ids.ts'
import { encodeSnapshotChunk, type SnapshotReply } from '../wire/node-frames.ts'
import { encodeStatePage, type StateEntry } from '../wire/state-page.ts'
import { type DiskFault, diskDamage } from '../world/disk.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Replica } from './replica.ts'

/** All soft: a node takes what another sends. */
export interface SnapshotLimits {
  /** Sent to one follower and not acknowledged. */
  readonly snapshotWindowBytes: number
  /** A chunk takes entries until they are this much. */
  readonly snapshotChunkBytes: number
  /** Entries read from the store at once. */
  readonly snapshotPageEntries: number
}

export interface SenderShell {
  /** False: not sent; the chunk is sent again later. */
  readonly send: (node: NodeId, parts: readonly Uint8Array[]) => boolean
  /** Whether there is a link to that node now. */
  readonly isLinked: (node: NodeId) => boolean
  readonly now: () => number
  readonly limits: SnapshotLimits
  /** The state cannot be read. Nothing is called after it. */
  readonly fault: (fault: Error) => void
  /** Called once: whether the follower has the whole snapshot. */
  readonly ended: (sender: SnapshotSender, ok: boolean) => void
}

export interface SenderOptions {
  readonly replica: Replica
  readonly to: ReplicaId
  readonly node: NodeId
  readonly transfer: number
  readonly mark: SnapshotMark
  readonly view: GroupView
}

interface Chunk {
  readonly sequence: number
  readonly last: boolean
  readonly page: Uint8Array
}

/** Without an acknowledgement for so long, what is not acknowledged is sent again. */
const RESEND_MS = 1_000
/** And after so long the transfer is given up; Raft asks for another if it is still wanted. */
const SILENCE_MS_MAX = 10_000
/** Sooner where there is no link any more: others wait for its place (seed 1074). */
const GONE_MS_MAX = 2_000

/**
 * Streams one group's durable state to one follower, a bounded number of bytes ahead of its
 * answers.
 */
export class SnapshotSender {
  readonly options: SenderOptions
  readonly #shell: SenderShell
  readonly #term: Term
  readonly #mark: Uint8Array
  #unacknowledged: Chunk[] = []
  #unacknowledgedBytes = 0
  #sequence = 0
  #waiting: StateEntry[] = []
  #after: Uint8Array | undefined
  #readAll = false
  #reading = false
  #lastSent = false
  #heardAt: number
  #sentAt: number
  #ended = false

  constructor(options: SenderOptions, shell: SenderShell) {
    this.options = options
    this.#shell = shell
    this.#term = options.replica.raft.status.term
    this.#mark = encodeMark(options.mark)
    this.#heardAt = shell.now()
    this.#sentAt = this.#heardAt
    this.#fill()
  }

  reply({ next, outcome }: SnapshotReply): void {
    if (this.#ended) return
    this.#heardAt = this.#shell.now()
    if (outcome !== 'more') {
      if (outcome === 'refused') sometimes('partition: a snapshot is refused')
      this.#end(outcome === 'done')
      return
    }
    while (this.#unacknowledged.length > 0 && (this.#unacknowledged[0]?.sequence ?? 0) < next) {
      this.#unacknowledgedBytes -= this.#unacknowledged.shift()?.page.length ?? 0
    }
    this.#fill()
  }

  tick(): void {
    if (this.#ended) return
    const { status } = this.options.replica.raft
    const now = this.#shell.now()
    if (status.role !== 'leader' || status.term !== this.#term) {
      sometimes('partition: a leader falls while it sends a snapshot')
      this.#end(false)
    } else if (now - this.#heardAt > GONE_MS_MAX && !this.#shell.isLinked(this.options.node)) {
      sometimes('partition: a snapshot is for a node that is gone')
      this.#end(false)
    } else if (now - this.#heardAt > SILENCE_MS_MAX) {
      sometimes('partition: nobody answers to a snapshot')
      this.#end(false)
    } else if (now - Math.max(this.#heardAt, this.#sentAt) > RESEND_MS) {
      this.#sentAt = now
      sometimes('partition: sends chunks once more')
      for (const chunk of this.#unacknowledged) this.#send(chunk)
    }
  }

  #fill(): void {
    const { snapshotWindowBytes } = this.#shell.limits
    while (!this.#ended && !this.#lastSent && this.#unacknowledgedBytes < snapshotWindowBytes) {
      if (this.#waiting.length === 0 && !this.#readAll) {
        this.#read()
        return
      }
      this.#sendNext()
    }
  }

  #sendNext(): void {
    const { snapshotChunkBytes } = this.#shell.limits
    let count = 0
    for (let bytes = 0; count < this.#waiting.length && bytes < snapshotChunkBytes; count++) {
      const [key, value] = this.#waiting[count] as StateEntry
      bytes += key.length + value.length
    }
    const page = encodeStatePage(this.#waiting.splice(0, count))
    const last = this.#readAll && this.#waiting.length === 0
    const chunk = { sequence: this.#sequence++, last, page }
    this.#lastSent = last
    this.#unacknowledged.push(chunk)
    this.#unacknowledgedBytes += page.length
    this.#sentAt = this.#shell.now()
    this.#send(chunk)
  }

  #send({ sequence, last, page }: Chunk): void {
    const { replica, to, node, transfer } = this.options
    const { group, id: from } = replica
    const term = this.#term
    const chunk = { group, from, to, term, transfer, sequence, last, mark: this.#mark }
    this.#shell.send(node, encodeSnapshotChunk(chunk, page))
  }

  #read(): void {
    if (this.#reading) return
    this.#reading = true
    this.options.view.page(
      this.#after,
      this.#shell.limits.snapshotPageEntries,
      (fault, entries) => {
        this.#reading = false
        if (this.#ended) return
        const problem = fault ?? this.#damage(entries)
        if (problem !== undefined) {
          this.#shell.fault(problem)
          return
        }
        this.#waiting.push(...entries)
        this.#after = entries.at(-1)?.[0]
        this.#readAll = entries.length === 0
        this.#fill()
      }
    )
  }

  /** The follower would refuse it, and ask again: who has it must not go on. */
  #damage(entries: readonly StateEntry[]): DiskFault | undefined {
    if (entries.every(([key, record]) => isSoundRecord(key, record))) return undefined
    const { group } = this.options.replica
    return diskDamage(`the state of group ${group} is damaged on disk. ${REPLACE_NODE}`)
  }

  #end(ok: boolean): void {
    this.#ended = true
    this.options.view.release()
    this.#shell.ended(this, ok)
  }
}
