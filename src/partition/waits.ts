import type { Index } from '../raft/types.ts'
import { sometimes } from '../world/sometimes.ts'

/** A read that waits for a moment when it may look at the state. */
export interface ReadWait {
  /** That moment is now. */
  run(): void
  /** It will not come here. */
  fail(): void
  /** See Asker: neither of the two needs to be called then. */
  isOver(now: number): boolean
}

interface ApplyWait {
  readonly index: Index
  readonly read: ReadWait
}

/** What waits at a replica for its state to come as far as was promised. */
export class Waits {
  /** In ascending order of index. */
  #applied: ApplyWait[] = []
  /** Strong reads that came before the leader committed an entry of its own term. */
  #early: ReadWait[] = []

  /** Runs `read` once everything up to `index` is applied. Requires: it is not yet. */
  untilApplied(index: Index, read: ReadWait): void {
    let at = this.#applied.length
    while (at > 0 && (this.#applied[at - 1]?.index ?? 0) > index) at--
    this.#applied.splice(at, 0, { index, read })
  }

  /**
   * Runs `read` once this leader has committed an entry of its own term, so that its commit index
   * is the group's (design §5 rule 4), or fails it when it stops leading before. Requires: it has
   * not yet.
   */
  untilCommitted(read: ReadWait): void {
    this.#early.push(read)
  }

  /** Lets go of those nobody waits for any more. Call it a few times a second. */
  sweep(now: number): void {
    if (this.#applied.length > 0) {
      this.#applied = this.#applied.filter(({ read }) => !read.isOver(now))
    }
    if (this.#early.length > 0) this.#early = this.#early.filter((read) => !read.isOver(now))
  }

  /** Everything up to `index` is applied. */
  applied(index: Index): void {
    let count = 0
    while (count < this.#applied.length && (this.#applied[count]?.index ?? 0) <= index) count++
    if (count > 0) for (const { read } of this.#applied.splice(0, count)) read.run()
  }

  /** The leader committed in its term, or stopped leading before. */
  committed(inTerm: boolean): void {
    if (this.#early.length === 0) return
    const early = this.#early
    this.#early = []
    sometimes('partition: reads waited for the first commit of a term')
    for (const read of early) {
      if (inTerm) read.run()
      else read.fail()
    }
  }
}
