import type { Index } from '../raft/types.ts'
import type { StateMachine } from '../state/state-machine.ts'
import { encodeRead } from '../wire/read-body.ts'
import { type Answered, type Asker, ok } from './answer.ts'

interface Read {
  readonly key: Uint8Array
  readonly asker: Asker
}

/**
 * Strong reads that met a key past its time. Until an entry says what time it is, the key is still
 * in the state; one such entry serves all reads of a turn.
 */
export class ExpiredReads {
  #reads: Read[] = []

  add(key: Uint8Array, asker: Asker): void {
    this.#reads.push({ key, asker })
  }

  /**
   * Those added since the last call, to be answered once; undefined: none. `held` gets those whose
   * keys a transaction holds by then.
   */
  take(held: (key: Uint8Array, asker: Asker) => void): TakenReads | undefined {
    if (this.#reads.length === 0) return undefined
    const reads = this.#reads
    this.#reads = []
    return {
      answer: (index, state) => {
        for (const { key, asker } of reads) {
          if (state.transactions.holderOf(key) !== undefined) held(key, asker)
          else {
            const since = state.quietSince(key)
            asker.respond(ok(index, encodeRead(state.read(key), state.time, since)))
          }
        }
      },
      refuse: (answer) => {
        for (const { asker } of reads) asker.respond(answer)
      }
    }
  }
}

/** Exactly one of the two is to be called. */
export interface TakenReads {
  /** The entry was applied, at `index`, to `state`. */
  readonly answer: (index: Index, state: StateMachine) => void
  readonly refuse: (answer: Answered) => void
}
