/** Upper bounds, in ms, for anything that takes from a part of a millisecond to seconds. */
export const LATENCY_MS: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000
]

/** Upper bounds for how many things went together. */
export const BATCH_SIZES: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]

/**
 * How often values fell into which bucket. Made for the hot path: an observation allocates nothing
 * and looks nothing up (docs/decisions/0065-own-histograms.md).
 */
export class Histogram {
  /** Inclusive upper bounds of the buckets, ascending; one more bucket has none. */
  readonly bounds: readonly number[]
  /** Per bucket, not cumulative; one more than `bounds`. */
  readonly counts: Float64Array
  /** In an array, where a fraction is stored in place. */
  readonly #sum = new Float64Array(1)

  constructor(bounds: readonly number[] = LATENCY_MS) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const { bounds, counts } = this
    let at = 0
    while (at < bounds.length && value > (bounds[at] as number)) at++
    counts[at] = (counts[at] as number) + 1
    this.#sum[0] = (this.#sum[0] as number) + value
  }

  /** Of all values observed. */
  get sum(): number {
    return this.#sum[0] as number
  }

  /** How many were observed. */
  get count(): number {
    let count = 0
    for (const one of this.counts) count += one
    return count
  }
}
