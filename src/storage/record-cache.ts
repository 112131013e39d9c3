import type { RecordMap } from './record-map.ts'

/**
 * Bounds the records of all groups of a node that are kept in memory although they are in the
 * store: a hit costs 0.3 us, a read of LevelDB 4 to 6 and a buffer outside of the heap. Groups take
 * turns at dropping what they used least.
 */
export class RecordCache {
  readonly #bytesMax: number
  readonly #maps: RecordMap[] = []
  #bytes = 0
  #next = 0

  /** Holds about `bytesMax`. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  // For record maps alone.

  join(map: RecordMap): void {
    this.#maps.push(map)
  }

  grew(bytes: number): void {
    this.#bytes += bytes
  }

  trim(): void {
    // Twice around, everything that may go is gone.
    for (let turns = 2 * this.#maps.length; this.#bytes > this.#bytesMax && turns > 0; turns--) {
      this.#maps[this.#next]?.age()
      this.#next = (this.#next + 1) % this.#maps.length
    }
  }
}
