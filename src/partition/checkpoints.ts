import type { Index } from '../raft/types.ts'
import type { StateMachine } from '../state/state-machine.ts'

/** Digests are kept at every such index, so that replicas under load can be compared, too. */
const CHECKPOINT_ENTRIES = 1_000
const CHECKPOINTS_MAX = 4

/** What a state was at the last few multiples of CHECKPOINT_ENTRIES. */
export class Checkpoints {
  /** Oldest first. */
  readonly #kept: { readonly index: Index; readonly digest: string }[] = []

  get latest(): { readonly index: Index; readonly digest: string } | undefined {
    return this.#kept.at(-1)
  }

  digestAt(index: Index): string | undefined {
    return this.#kept.find((checkpoint) => checkpoint.index === index)?.digest
  }

  /** `state` has come to `index`. */
  passed(index: Index, state: StateMachine): void {
    if (index % CHECKPOINT_ENTRIES !== 0) return
    this.#kept.push({ index, digest: state.digest() })
    if (this.#kept.length > CHECKPOINTS_MAX) this.#kept.shift()
  }
}
