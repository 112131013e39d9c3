import { Layer } from './layer.ts'

/** A larger record is worth a read of the store, and would push out many others. */
const RECORD_BYTES_MAX = 4 * 1024

/**
 * Records that are in the store and were written or read not long ago, for all groups of a node: a
 * hit costs 0.3 us, a read of LevelDB 4 to 6 and a buffer outside of the heap.
 *
 * Two generations in place of a list in order of use: what is found in the older one moves to the
 * younger, and when that is full the older one goes.
 */
export class RecordCache {
  readonly #halfBytes: number
  readonly #shelves = new Set<Shelf>()
  #bytes = 0

  /** Holds about `bytesMax`. */
  constructor(bytesMax: number) {
    this.#halfBytes = bytesMax / 2
  }

  /** A group's part of it. */
  shelf(): Shelf {
    const shelf = new Shelf((bytes) => this.#took(bytes))
    this.#shelves.add(shelf)
    return shelf
  }

  #took(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < this.#halfBytes) return
    this.#bytes = 0
    for (const shelf of this.#shelves) shelf.age()
  }
}

/** What is cached of one group. */
export class Shelf {
  readonly #took: (bytes: number) => void
  #young = new Layer()
  #old = new Layer()

  constructor(took: (bytes: number) => void) {
    this.#took = took
  }

  /** Undefined: not known here; the store knows. */
  find(text: string): Uint8Array | undefined {
    const young = this.#young.find(text)
    if (young !== undefined) return young.value
    const old = this.#old.find(text)
    if (old?.value !== undefined) this.keep(text, old.key, old.value)
    return old?.value
  }

  /** The store has `value` under this key. */
  keep(text: string, key: Uint8Array, value: Uint8Array): void {
    if (value.length > RECORD_BYTES_MAX) return
    const before = this.#young.bytes
    this.#young.put(text, key, value)
    this.#took(this.#young.bytes - before)
  }

  /** A layer was written to the store: what it changed replaces what is known here. */
  written(layer: Layer): void {
    const before = this.#young.bytes
    for (const [text, { key, value }] of layer.entries()) {
      this.#old.remove(text)
      if (value === undefined || value.length > RECORD_BYTES_MAX) this.#young.remove(text)
      else this.#young.put(text, key, value)
    }
    this.#took(this.#young.bytes - before)
  }

  clear(): void {
    this.#young = new Layer()
    this.#old = new Layer()
  }

  age(): void {
    this.#old = this.#young
    this.#young = new Layer()
  }
}
