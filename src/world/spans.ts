/** When something began and ended, in ms on the monotonic clock. */
export interface Span {
  readonly began: number
  readonly ended: number
}

/** How many are kept: at thousands a second more than a second, of slow ones hours. */
const KEPT = 4_096

/** The last few thousand times of something that happens often, to look back at what was slow. */
export class Spans {
  readonly #began = new Float64Array(KEPT).fill(Number.NEGATIVE_INFINITY)
  readonly #ended = new Float64Array(KEPT).fill(Number.NEGATIVE_INFINITY)
  #next = 0

  remember(began: number, ended: number): void {
    this.#began[this.#next] = began
    this.#ended[this.#next] = ended
    this.#next = (this.#next + 1) % KEPT
  }

  /**
   * The first to begin at `at` or later, as far as it is remembered; of several that began at once
   * the last to end.
   */
  firstFrom(at: number): Span | undefined {
    let found: number | undefined
    for (let i = 0; i < KEPT; i++) {
      const began = this.#began[i] as number
      if (began < at || began > (this.#began[found ?? -1] ?? Number.POSITIVE_INFINITY)) continue
      found = i
    }
    if (found === undefined) return undefined
    return { began: this.#began[found] as number, ended: this.#ended[found] as number }
  }

  /** How long the longest took that ended at `at` or later; 0: none did. */
  longestFrom(at: number): number {
    let longest = 0
    for (let i = 0; i < KEPT; i++) {
      const ended = this.#ended[i] as number
      if (ended >= at) longest = Math.max(longest, ended - (this.#began[i] as number))
    }
    return longest
  }
}
