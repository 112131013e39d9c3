import { decodeConfiguration } from '../raft/codec.ts'
import type { SnapshotMark } from '../raft/types.ts'
import { TableCheck } from '../state/table-check.ts'
import type { Receiver } from '../storage/overlay.ts'
import { compareBytes, equalBytes, Malformed } from '../wire/bytes.ts'
import { SYSTEM_GROUP } from '../wire/ids.ts'
import type { SnapshotChunk } from '../wire/node-frames.ts'
import { decodeStatePage, type StateEntry } from '../wire/state-page.ts'
import { sometimes } from '../world/sometimes.ts'

export interface ReceiverShell {
  /** Every chunk below `next` is kept. */
  readonly acknowledge: (next: number) => void
  /** All chunks are kept: the state may take the old one's place. */
  readonly complete: () => void
  /**
   * The records are not those of one flush: none of them may be used. Nothing is called after it.
   */
  readonly damaged: () => void
  readonly fault: (fault: Error) => void
}

/** Collects one snapshot into a generation of its own beside the state in use. */
export class SnapshotReceiver {
  readonly first: SnapshotChunk
  readonly mark: SnapshotMark
  /** When its sender last said something, on the monotonic clock. */
  heardAt = 0
  readonly #into: Receiver
  readonly #shell: ReceiverShell
  #taken = 0
  #kept = 0
  #complete = false
  #ended = false
  readonly #check = new TableCheck()
  /** Of the entry that came last. */
  #before: Uint8Array | undefined

  /** `mark` is what the first chunk says it stands at. */
  constructor(first: SnapshotChunk, mark: SnapshotMark, into: Receiver, shell: ReceiverShell) {
    this.first = { ...first, mark: first.mark.slice() }
    this.mark = mark
    this.#into = into
    this.#shell = shell
  }

  get isComplete(): boolean {
    return this.#complete
  }

  /** Bound to group, replica, term, index and transfer (design §5 rule 6). */
  belongs(chunk: SnapshotChunk): boolean {
    const { from, to, term, transfer, mark } = this.first
    const same = chunk.from === from && chunk.to === to && chunk.term === term
    return same && chunk.transfer === transfer && equalBytes(chunk.mark, mark)
  }

  /** Gives up what was collected. Nothing of the shell is called any more. */
  abort(): void {
    this.#ended = true
    this.#into.abort()
  }

  /** Puts what was collected in the place of the state. Requires: complete. */
  finish(done: Parameters<Receiver['finish']>[1]): void {
    this.#into.finish([], done)
  }

  /**
   * A chunk that is not the next one is asked for again by the acknowledgement. Throws Malformed at
   * a page that cannot be read.
   */
  take(chunk: SnapshotChunk & { readonly page: Uint8Array }): void {
    if (chunk.sequence !== this.#taken || this.#complete) {
      sometimes('partition: a chunk is not the next one')
      if (!this.#complete) this.#shell.acknowledge(this.#kept)
      return
    }
    const { last } = chunk
    const entries = decodeStatePage(chunk.page)
    this.#taken++
    if (!this.#isSound(entries, last)) {
      this.abort()
      this.#shell.damaged()
      return
    }
    this.#into.put(entries, (fault) => {
      if (fault !== undefined) {
        this.#shell.fault(fault)
        return
      }
      if (this.#ended) return
      this.#kept++
      if (!last) {
        this.#shell.acknowledge(this.#kept)
        return
      }
      this.#complete = true
      this.#shell.complete()
    })
  }

  /**
   * A sender whose disk rots must not pass it on: what does not add up to its hashes is refused, as
   * is what stands elsewhere than it was announced for, or cannot be read by this version.
   */
  #isSound(entries: readonly StateEntry[], last: boolean): boolean {
    try {
      for (const [key, value] of entries) {
        const before = this.#before
        if (before !== undefined && compareBytes(before, key) >= 0) return false
        this.#before = key
        this.#check.add(key, value)
      }
      if (!last) return true
      const { index, term, configuration } = this.#check.finish()
      decodeConfiguration(configuration)
      const isWhole = this.first.group !== SYSTEM_GROUP || this.#check.hasClusterMap
      return isWhole && index === this.mark.index && term === this.mark.term
    } catch (error) {
      if (error instanceof Malformed) return false
      throw error
    }
  }
}
