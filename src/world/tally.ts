import { Histogram } from './histogram.ts'

/** What is known of one kind of thing that was done. */
export interface KindTally {
  /** How often it ended how. */
  readonly ends: ReadonlyMap<string, number>
  /** How long it took, in ms. */
  readonly latency: Histogram
}

interface Row {
  readonly ends: Map<string, number>
  readonly latency: Histogram
}

/** Counts what was done by its kind and its end. Both must come from small closed sets. */
export class Tally {
  readonly #rows = new Map<string, Row>()

  record(kind: string, end: string, ms: number): void {
    const row = this.#rows.get(kind) ?? this.#begin(kind)
    row.ends.set(end, (row.ends.get(end) ?? 0) + 1)
    row.latency.observe(ms)
  }

  get kinds(): ReadonlyMap<string, KindTally> {
    return this.#rows
  }

  #begin(kind: string): Row {
    const row = { ends: new Map<string, number>(), latency: new Histogram() }
    this.#rows.set(kind, row)
    return row
  }
}
