import type { Index, Term } from '../raft/types.ts'
import type { Answer } from '../state/state-machine.ts'
import { assert } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'

/** What waits for one entry. `applied` gets the answers to its commands, in their order. */
export interface Waiting {
  applied(index: Index, answers: readonly Answer[]): void
  /** We no longer lead: the entry may or may not be applied, and we will not learn it in time. */
  lost(): void
}

/** Entries that this leader appended and that have not been applied yet. */
export class Pending {
  readonly #byIndex = new Map<Index, { readonly term: Term; readonly waiting: Waiting }>()

  add(index: Index, term: Term, waiting: Waiting): void {
    assert(!this.#byIndex.has(index), `two entries wait at ${index}`)
    this.#byIndex.set(index, { term, waiting })
  }

  /** The entry at `index` was applied with `term`. */
  settle(index: Index, term: Term, answers: readonly Answer[]): void {
    const found = this.#byIndex.get(index)
    if (found === undefined) return
    this.#byIndex.delete(index)
    // Where another entry takes its place we fell before, a sync at least, and `loseAll` came then.
    assert(found.term === term, `another entry at ${index} was applied, and we still lead`)
    found.waiting.applied(index, answers)
  }

  /** Design §5 rule 9: what was appended and not applied is unknown, never failed. */
  loseAll(): void {
    const all = [...this.#byIndex.values()]
    this.#byIndex.clear()
    if (all.length > 0) sometimes('partition: a leader falls with writes it cannot answer')
    for (const { waiting } of all) waiting.lost()
  }
}
