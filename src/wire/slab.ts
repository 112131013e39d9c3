const BLOCK_BYTES = 64 * 1024
const CUT_BYTES_MAX = 4 * 1024

/**
 * Room for short byte strings, cut from shared blocks: a typed array of its own costs 0.7 us to
 * make and more to collect, a view 0.1. A block lives as long as any piece of it, so pieces that
 * live about as long belong in one slab.
 */
export class Slab {
  #block = new Uint8Array(BLOCK_BYTES)
  #used = 0

  /** `length` bytes that nobody else has; what stands in them is undefined. */
  cut(length: number): Uint8Array {
    if (length > CUT_BYTES_MAX) return new Uint8Array(length)
    if (this.#used + length > BLOCK_BYTES) {
      this.#block = new Uint8Array(BLOCK_BYTES)
      this.#used = 0
    }
    const bytes = this.#block.subarray(this.#used, this.#used + length)
    this.#used += length
    return bytes
  }

  /** The first `kept` of what `cut` gave; the rest may be given to somebody else. */
  shorten(bytes: Uint8Array, kept: number): Uint8Array {
    const isLast = bytes.buffer === this.#block.buffer
    if (isLast && bytes.byteOffset + bytes.length === this.#used) this.#used -= bytes.length - kept
    return bytes.subarray(0, kept)
  }

  copy(bytes: Uint8Array): Uint8Array {
    const copy = this.cut(bytes.length)
    copy.set(bytes)
    return copy
  }
}

/** For what is written, sent and forgotten. */
export const passing = new Slab()
/** For keys and records of the state: they live until a flush, and some longer in a cache. */
export const lasting = new Slab()
