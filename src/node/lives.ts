import { lifeKey, noteWrite, readNote } from '../storage/node-notes.ts'
import type { Hello } from '../wire/hello.ts'
import type { StoreId } from '../wire/ids.ts'
import type { StateStore, StateWrite } from '../world/state-store.ts'

interface SeenLife {
  readonly bootCount: number
  readonly bootNonce: number
  durableSequence: number
  /** The store has it, or is about to. */
  noted: boolean
}

type Life = Pick<Hello, 'storeId' | 'bootCount' | 'bootNonce' | 'durableSequence'>

/**
 * What this node has seen of the disks of others: a disk that is behind that was put back from a
 * copy, has voted before and forgot it (design §4). Kept in the store too, or a restart of all
 * nodes would make all of them forget.
 */
export class Lives {
  readonly #store: Pick<StateStore, 'get'>
  readonly #seen = new Map<StoreId, SeenLife>()

  constructor(store: Pick<StateStore, 'get'>) {
    this.#store = store
  }

  /** Whether the disk of `hello` has gone back in time, or is one of two copies. */
  isStale(hello: Life): boolean {
    const seen = this.#find(hello.storeId)
    if (seen === undefined) return false
    return (
      hello.bootCount < seen.bootCount ||
      (hello.bootCount === seen.bootCount && hello.bootNonce !== seen.bootNonce) ||
      // Within one life a hello may have been written before a status that came earlier.
      (hello.bootCount > seen.bootCount && hello.durableSequence < seen.durableSequence)
    )
  }

  /** Requires: it is not stale. */
  saw({ storeId, bootCount, bootNonce, durableSequence }: Life): void {
    const seen = this.#find(storeId)
    if (seen?.bootCount === bootCount) this.advanced(storeId, durableSequence)
    else this.#seen.set(storeId, { bootCount, bootNonce, durableSequence, noted: false })
  }

  /** Its disk must never again be behind `sequence`. */
  advanced(storeId: StoreId, sequence: number): void {
    const seen = this.#find(storeId)
    if (seen === undefined || sequence <= seen.durableSequence) return
    seen.durableSequence = sequence
    seen.noted = false
  }

  /** It is of no member of the cluster, and its link is down. */
  forget(storeId: StoreId): void {
    this.#seen.delete(storeId)
  }

  /** What the store does not have yet, of the disks that `isKnown`: they are a bounded number. */
  notes(isKnown: (storeId: StoreId) => boolean): StateWrite[] {
    const notes: StateWrite[] = []
    for (const [storeId, life] of this.#seen) {
      if (life.noted || !isKnown(storeId)) continue
      life.noted = true
      const { bootCount, bootNonce, durableSequence } = life
      notes.push(noteWrite(lifeKey(storeId), [bootCount, bootNonce, durableSequence]))
    }
    return notes
  }

  #find(storeId: StoreId): SeenLife | undefined {
    const known = this.#seen.get(storeId)
    if (known !== undefined) return known
    const note = readNote(this.#store, lifeKey(storeId), 3)
    if (note === undefined) return undefined
    const [bootCount = 0, bootNonce = 0, durableSequence = 0] = note
    const life = { bootCount, bootNonce, durableSequence, noted: true }
    this.#seen.set(storeId, life)
    return life
  }
}
