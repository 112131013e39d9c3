import { Malformed } from '../wire/bytes.ts'

/**
 * A frame that is a view pins the chunk it arrived in. One shorter than this share of its chunk is
 * copied, so that whoever keeps a frame keeps at most four times its size alive.
 */
const VIEW_SHARE = 4

/**
 * Cuts a byte stream into frames: `u32 length, big endian | bytes`, whatever chunks it arrives in.
 * Hostile input costs at most one frame of memory: lengths are checked before anything is gathered.
 */
export class FrameReader {
  /** A longer frame is Malformed. May change between frames. */
  bytesMax: number
  /** Bytes of an unfinished prefix or frame, in order. */
  #parts: Uint8Array[] = []
  #have = 0
  /** Prefix and frame; 0 while the prefix is unfinished. */
  #need = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /**
   * Calls `frame` for every frame that ends in `chunk`, until it returns false: then the rest of
   * the stream is of no interest. Frames may be kept; the caller of `feed` must not write to
   * `chunk` afterwards. Throws Malformed.
   */
  feed(chunk: Uint8Array, frame: (frame: Uint8Array) => boolean): void {
    let rest = chunk
    if (this.#have > 0) {
      this.#parts.push(rest)
      this.#have += rest.length
      if (this.#need === 0 && this.#have >= 4) {
        this.#need = 4 + this.#length(this.#gather(), 0)
      }
      if (this.#need === 0 || this.#have < this.#need) return
      rest = this.#gather()
      this.#parts = []
      this.#have = 0
      this.#need = 0
    }
    let offset = 0
    while (rest.length - offset >= 4) {
      const end = offset + 4 + this.#length(rest, offset)
      if (end > rest.length) {
        this.#need = end - offset
        break
      }
      if (!frame(cut(rest, offset + 4, end))) return
      offset = end
    }
    if (offset < rest.length) {
      this.#parts = [rest.subarray(offset)]
      this.#have = rest.length - offset
    }
  }

  #gather(): Uint8Array {
    if (this.#parts.length === 1) return this.#parts[0] as Uint8Array
    const whole = new Uint8Array(this.#have)
    let offset = 0
    for (const part of this.#parts) {
      whole.set(part, offset)
      offset += part.length
    }
    this.#parts = [whole]
    return whole
  }

  #length(bytes: Uint8Array, offset: number): number {
    const at = bytes.byteOffset + offset
    const length = new DataView(bytes.buffer, at, 4).getUint32(0)
    if (length > this.bytesMax) throw new Malformed(`a frame of ${length} bytes`)
    return length
  }
}

/** A plain Uint8Array either way: `slice` of a Buffer, which chunks may be, would be a view. */
function cut({ buffer, byteOffset }: Uint8Array, start: number, end: number): Uint8Array {
  const view = new Uint8Array(buffer, byteOffset + start, end - start)
  return view.length * VIEW_SHARE < buffer.byteLength ? view.slice() : view
}
