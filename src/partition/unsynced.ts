import type { Message, Ready } from '../raft/types.ts'
import { assert } from '../world/assert.ts'
import type { PersistBatch } from './replica-shell.ts'

const NONE: readonly Message[] = []

/** What one replica handed to the log and is not durable yet, oldest first. */
export class Unsynced {
  readonly #batches: PersistBatch[] = []

  /**
   * What `ready` has to be made durable, with the messages that wait for it; undefined: nothing.
   */
  add({ reset, entries, hardState, messagesAfterPersist }: Ready): PersistBatch | undefined {
    if (reset === undefined && entries.length === 0 && hardState === undefined) return undefined
    const last = entries[entries.length - 1] ?? reset
    const batch: PersistBatch = {
      hardState,
      index: last?.index ?? 0,
      term: last?.term ?? 0,
      messages: [...messagesAfterPersist]
    }
    this.#batches.push(batch)
    return batch
  }

  /**
   * Those of `messages` that may leave now. They may promise what an earlier batch still carries:
   * then they leave after the last of those.
   */
  after(messages: readonly Message[]): readonly Message[] {
    const behind = this.#batches[this.#batches.length - 1]
    if (behind === undefined) return messages
    behind.messages.push(...messages)
    return NONE
  }

  /** Batches become durable in the order they were made. */
  synced(batch: PersistBatch): void {
    const first = this.#batches.shift()
    assert(first === batch, 'a batch was synced before an earlier one')
  }
}
