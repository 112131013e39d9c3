import { assert } from '../world/assert.ts'
import type { Index, Term } from './types.ts'

/**
 * The term of every entry of the log, as runs of equal terms: a few numbers however long the log
 * is.
 */
export class TermRuns {
  readonly #starts: Index[] = []
  readonly #terms: Term[] = []

  constructor(runs: readonly (readonly [Index, Term])[]) {
    for (const [start, term] of runs) this.append(start, term)
  }

  /** Requires: the log is not empty. */
  get lastTerm(): Term {
    return this.#terms[this.#terms.length - 1] as Term
  }

  /** Requires: `index` is in the log. */
  at(index: Index): Term {
    return this.#terms[this.#runAt(index)] as Term
  }

  append(index: Index, term: Term): void {
    if (this.#terms.length > 0 && this.lastTerm === term) return
    this.#starts.push(index)
    this.#terms.push(term)
  }

  /** Drops `index` and everything after it. */
  truncate(index: Index): void {
    let length = this.#starts.length
    while (length > 0 && (this.#starts[length - 1] as Index) >= index) length--
    this.#starts.length = length
    this.#terms.length = length
  }

  /** Drops everything up to `index`, which is in the log. */
  compact(index: Index): void {
    const run = this.#runAt(index)
    this.#starts.splice(0, run)
    this.#terms.splice(0, run)
    this.#starts[0] = index + 1
    // The run may have ended at `index`: then the next one begins where this one would.
    if (this.#starts[1] === index + 1) {
      this.#starts.shift()
      this.#terms.shift()
    }
  }

  clear(): void {
    this.#starts.length = 0
    this.#terms.length = 0
  }

  /** The highest index <= `index` whose term is <= `term`; below all runs: their start less one. */
  lastWithTermAtMost(index: Index, term: Term): Index {
    let at = index
    for (let run = this.#starts.length - 1; run >= 0; run--) {
      const start = this.#starts[run] as Index
      if (start > at) continue
      if ((this.#terms[run] as Term) <= term) return at
      at = start - 1
    }
    return at
  }

  #runAt(index: Index): number {
    let high = this.#starts.length - 1
    if (high >= 0 && (this.#starts[high] as Index) <= index) return high
    let low = 0
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#starts[middle] as Index) <= index) low = middle
      else high = middle - 1
    }
    assert((this.#starts[low] ?? Number.POSITIVE_INFINITY) <= index, `no term known at ${index}`)
    return low
  }
}
