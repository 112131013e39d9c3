import type { Entry, Index } from './types.ts'

/** What an entry costs beside its data, in memory and in a message's head. */
const ENTRY_OVERHEAD_BYTES = 16

export const entryBytes = (entry: Entry): number => entry.data.length + ENTRY_OVERHEAD_BYTES

/** The recent end of a log, in memory. Consecutive entries from `first` on. */
export class Tail {
  readonly #bytesMax: number
  #slots: (Entry | undefined)[] = []
  #head = 0
  #first: Index
  #bytes = 0

  constructor(first: Index, bytesMax: number) {
    this.#first = first
    this.#bytesMax = bytesMax
  }

  /** The index of the first entry held; one beyond the log where none is. */
  get first(): Index {
    return this.#first
  }

  append(entry: Entry): void {
    this.#slots.push(entry)
    this.#bytes += entryBytes(entry)
  }

  /** Up to `bytesMax` of entries from `from` on, below `to`, at least one. */
  slice(from: Index, to: Index, bytesMax: number): readonly Entry[] {
    const begin = this.#head + from - this.#first
    const end = Math.min(this.#head + to - this.#first, this.#slots.length)
    let stop = begin
    let bytes = 0
    while (stop < end) {
      bytes += entryBytes(this.#slots[stop] as Entry)
      if (bytes > bytesMax && stop > begin) break
      stop++
    }
    return this.#slots.slice(begin, stop) as Entry[]
  }

  /** Bytes of the entries in (from, to] that are held. */
  bytesBetween(from: Index, to: Index): number {
    let bytes = 0
    for (let index = Math.max(from + 1, this.#first); index <= to; index++) {
      const entry = this.#slots[this.#head + index - this.#first]
      if (entry !== undefined) bytes += entryBytes(entry)
    }
    return bytes
  }

  /** Drops `index` and everything after it. */
  truncate(index: Index): void {
    if (index <= this.#first) {
      this.clear(index)
      return
    }
    const length = this.#head + index - this.#first
    for (let i = length; i < this.#slots.length; i++) {
      this.#bytes -= entryBytes(this.#slots[i] as Entry)
    }
    this.#slots.length = length
  }

  /** Drops everything up to `index`. */
  compact(index: Index): void {
    while (this.#first <= index && this.#head < this.#slots.length) this.#drop()
    this.#tidy()
  }

  /** Drops the oldest entries while there are too many bytes, but none after `delivered`. */
  evict(delivered: Index): void {
    if (this.#bytes <= this.#bytesMax) return
    while (this.#bytes > this.#bytesMax && this.#first <= delivered) this.#drop()
    this.#tidy()
  }

  /** Empties it; the next entry will be `first`. */
  clear(first: Index): void {
    this.#slots = []
    this.#head = 0
    this.#first = first
    this.#bytes = 0
  }

  #drop(): void {
    this.#bytes -= entryBytes(this.#slots[this.#head] as Entry)
    // The slot stays until `#tidy`, the bytes it held must not.
    this.#slots[this.#head] = undefined
    this.#head++
    this.#first++
  }

  #tidy(): void {
    if (this.#head < 64 || this.#head * 2 < this.#slots.length) return
    this.#slots.splice(0, this.#head)
    this.#head = 0
  }
}
