import type { Index } from '../raft/types.ts'

interface ApplyWait {
  readonly index: Index
  readonly run: () => void
}

interface EarlyRead {
  readonly run: () => void
  readonly fail: () => void
}

/** What waits at a replica for its state to come as far as was promised. */
export class Waits {
  /** In ascending order of index. */
  readonly #applied: ApplyWait[] = []
  /** Strong reads that came before the leader committed an entry of its own term. */
  #early: EarlyRead[] = []

  untilApplied(index: Index, run: () => void): void {
    let at = this.#applied.length
    while (at > 0 && (this.#applied[at - 1]?.index ?? 0) > index) at--
    this.#applied.splice(at, 0, { index, run })
  }

  untilCommitted(run: () => void, fail: () => void): void {
    this.#early.push({ run, fail })
  }

  /** Everything up to `index` is applied. */
  applied(index: Index): void {
    let count = 0
    while (count < this.#applied.length && (this.#applied[count]?.index ?? 0) <= index) count++
    if (count > 0) for (const { run } of this.#applied.splice(0, count)) run()
  }

  /** The leader committed in its term, or stopped leading before. */
  committed(inTerm: boolean): void {
    if (this.#early.length === 0) return
    const early = this.#early
    this.#early = []
    for (const { run, fail } of early) (inTerm ? run : fail)()
  }
}
