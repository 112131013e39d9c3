import { decodeMark } from '../raft/codec.ts'
import type { SnapshotMark } from '../raft/types.ts'
import type { Receiver } from '../storage/overlay.ts'
import { equalBytes } from '../wire/bytes.ts'
import type { SnapshotChunk } from '../wire/node-frames.ts'
import { decodeStatePage } from '../wire/state-page.ts'

export interface ReceiverShell {
  /** Every chunk below `next` is kept. */
  readonly acknowledge: (next: number) => void
  /** All chunks are kept: the state may take the old one's place. */
  readonly complete: () => void
  readonly fault: (fault: Error) => void
}

/** Collects one snapshot into a generation of its own beside the state in use. */
export class SnapshotReceiver {
  readonly first: SnapshotChunk
  readonly mark: SnapshotMark
  readonly into: Receiver
  readonly #shell: ReceiverShell
  #taken = 0
  #kept = 0
  #complete = false

  constructor(first: SnapshotChunk, into: Receiver, shell: ReceiverShell) {
    this.first = { ...first, mark: first.mark.slice() }
    this.mark = decodeMark(this.first.mark)
    this.into = into
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

  /** A chunk that is not the next one is asked for again by the acknowledgement. */
  take(chunk: SnapshotChunk & { readonly page: Uint8Array }): void {
    if (chunk.sequence !== this.#taken || this.#complete) {
      if (!this.#complete) this.#shell.acknowledge(this.#kept)
      return
    }
    this.#taken++
    const { last } = chunk
    this.into.put(decodeStatePage(chunk.page), (fault) => {
      if (fault !== undefined) {
        this.#shell.fault(fault)
        return
      }
      this.#kept++
      if (!last) {
        this.#shell.acknowledge(this.#kept)
        return
      }
      this.#complete = true
      this.#shell.complete()
    })
  }
}
