import { Layer, type Slot } from './layer.ts'

/** A larger record is worth a read of the store, and would push out many others. */
const RECORD_BYTES_MAX = 4 * 1024
/** A lookup that finds nothing looks into so many layers of its group. */
const LAYERS_MAX = 8
/** Reads gather in a layer until it is this large. */
const READ_BYTES = 64 * 1024

/** A layer in the cache, of one flush or of some reads. It never changes. */
interface Shelved {
  readonly shelf: Shelf
  readonly layer: Layer
}

/**
 * Records that are in the store and were written or read not long ago, for all groups of a node: a
 * hit costs 0.3 us, a read of LevelDB 4 to 6 and a buffer outside of the heap.
 *
 * The layers of the overlay come here as they are once they are flushed, so that keeping them costs
 * nothing a record; the oldest go first.
 */
export class RecordCache {
  readonly #bytesMax: number
  readonly #shelves = new Set<Shelf>()
  /** Oldest first. */
  readonly #shelved = new Set<Shelved>()
  #bytes = 0

  /** Holds about `bytesMax`. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A group's part of it. */
  shelf(): Shelf {
    const shelf = new Shelf(this)
    this.#shelves.add(shelf)
    return shelf
  }

  // For shelves alone.

  /** A shelf holds so many bytes more. */
  grew(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes <= this.#bytesMax) return
    for (const shelved of this.#shelved) {
      shelved.shelf.drop(shelved)
      if (this.#bytes <= this.#bytesMax) return
    }
    for (const shelf of this.#shelves) shelf.forgetReads()
  }

  shrank(bytes: number): void {
    this.#bytes -= bytes
  }

  queue(shelved: Shelved): void {
    this.#shelved.add(shelved)
  }

  leave(shelved: Shelved): void {
    this.#shelved.delete(shelved)
  }
}

/** What is cached of one group. */
export class Shelf {
  readonly #cache: RecordCache
  /** Newest first: a key may stand in several, and the first holds. */
  #shelved: Shelved[] = []
  /** What was read since the last flush, while nothing on the shelf had it. */
  #read = new Layer()

  constructor(cache: RecordCache) {
    this.#cache = cache
  }

  /** Undefined: not known here. A slot without a value: the store has no such key. */
  find(text: string): Slot | undefined {
    for (const { layer } of this.#shelved) {
      const slot = layer.find(text)
      if (slot !== undefined) return slot
    }
    return this.#read.find(text)
  }

  /** The store has `value` under this key, and `find` did not know it. */
  keep(text: string, key: Uint8Array, value: Uint8Array): void {
    if (value.length > RECORD_BYTES_MAX) return
    const before = this.#read.bytes
    this.#read.put(text, key, value)
    const { bytes } = this.#read
    if (bytes >= READ_BYTES) {
      const shelved = { shelf: this, layer: this.#read }
      this.#read = new Layer()
      this.#shelved.push(shelved)
      this.#cache.queue(shelved)
      this.#tidy()
    }
    this.#cache.grew(bytes - before)
  }

  /** A layer was written to the store: from now on it never changes. */
  written(layer: Layer): void {
    // Older than the layer, and it would show again when that is gone.
    this.forgetReads()
    const shelved = { shelf: this, layer }
    this.#shelved.unshift(shelved)
    this.#cache.queue(shelved)
    this.#tidy()
    this.#cache.grew(layer.bytes)
  }

  drop(shelved: Shelved): void {
    this.#shelved = this.#shelved.filter((other) => other !== shelved)
    this.#cache.leave(shelved)
    this.#cache.shrank(shelved.layer.bytes)
  }

  forgetReads(): void {
    this.#cache.shrank(this.#read.bytes)
    this.#read = new Layer()
  }

  clear(): void {
    this.forgetReads()
    for (const shelved of [...this.#shelved]) this.drop(shelved)
  }

  #tidy(): void {
    const oldest = this.#shelved[LAYERS_MAX]
    if (oldest !== undefined) this.drop(oldest)
  }
}
