import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram
} from 'hdr-histogram-js'

/** Longer ones count as this. */
const MS_MAX = 120_000

/** Times in milliseconds, kept in microseconds with three digits. */
export class Latencies {
  readonly #histogram: Histogram = build({
    bitBucketSize: 32,
    highestTrackableValue: MS_MAX * 1_000,
    numberOfSignificantValueDigits: 3
  })

  get count(): number {
    return this.#histogram.totalCount
  }

  record(ms: number): void {
    this.#histogram.recordValue(Math.round(Math.min(ms, MS_MAX) * 1_000))
  }

  /** In milliseconds; 0 of none at all. `share`: 0.5 for the median. */
  at(share: number): number {
    if (this.count === 0) return 0
    return this.#histogram.getValueAtPercentile(share * 100) / 1_000
  }

  encoded(): string {
    return encodeIntoCompressedBase64(this.#histogram)
  }

  /** Adds all that another one holds. */
  addEncoded(text: string): void {
    this.#histogram.add(decodeFromCompressedBase64(text))
  }
}
