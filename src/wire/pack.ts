import { Packr, RESERVE_START_SPACE } from 'msgpackr/pack'
import { Malformed } from './bytes.ts'
import { textAt } from './text.ts'

/** Arrays within arrays. The deepest of our own formats has five. */
const DEPTH_MAX = 16
/**
 * Array elements in one value, nested ones included. One byte of input becomes up to 64 bytes of
 * heap (empty arrays), so this and not the size of the input bounds what a hostile peer can make
 * us hold.
 */
const ELEMENTS_MAX = 131_072

/**
 * `msgpackr/pack` is the entry without the native string extractor: no addon reaches the client.
 */
const packr = new Packr({ useRecords: false, structuredClone: false, int64AsType: 'number' })

/**
 * Encodes numbers, text, bytes (Uint8Array), booleans, null and arrays of these. Everything else,
 * `undefined` and plain objects included, is refused by `unpack`: positional arrays only.
 * The result is never overwritten by a later call.
 */
export function pack(value: unknown): Uint8Array {
  return plain(packr.pack(value))
}

/** As `pack`, after `reserved` bytes (<= 255) whose content is undefined: the caller fills them. */
export function packAfter(reserved: number, value: unknown): Uint8Array {
  return plain(packr.pack(value, RESERVE_START_SPACE | reserved))
}

/** Not a Buffer, whose `slice` is a view where a copy is expected. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/**
 * Decodes what `pack` made. Throws Malformed at anything else. Bytes in the result are views into
 * `bytes`, as plain Uint8Arrays.
 *
 * Not by msgpackr: whatever its options say, it accepts record definitions (which it compiles),
 * RegExp, Error, Set, Date and bigint, so its input would have to be walked first; building the
 * values on that walk is twice as fast (see docs/decisions/0010).
 */
export function unpack(bytes: Uint8Array, bytesMax: number): unknown {
  if (bytes.length > bytesMax) {
    throw new Malformed(`${bytes.length} bytes where ${bytesMax} may stand`)
  }
  return new Unpacker(bytes).whole()
}

const float = new DataView(new ArrayBuffer(8))

/** Reads one value: numbers, text, bytes, booleans, null and arrays of these. */
class Unpacker {
  readonly #bytes: Uint8Array
  #offset = 0
  #elements = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  whole(): unknown {
    const value = this.#value(0)
    if (this.#offset !== this.#bytes.length) throw new Malformed('bytes after the value')
    return value
  }

  #value(depth: number): unknown {
    const token = this.#uint(1)
    if (token < 0x80) return token
    if (token >= 0xe0) return token - 0x100
    if (token >= 0xc0) return this.#wide(token, depth)
    if (token >= 0xa0) return this.#text(token & 0x1f)
    if (token >= 0x90) return this.#array(token & 0x0f, depth)
    throw new Malformed('a map')
  }

  #wide(token: number, depth: number): unknown {
    switch (token) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#view(this.#uint(1))
      case 0xc5:
        return this.#view(this.#uint(2))
      case 0xc6:
        return this.#view(this.#uint(4))
      case 0xd9:
        return this.#text(this.#uint(1))
      case 0xda:
        return this.#text(this.#uint(2))
      case 0xdb:
        return this.#text(this.#uint(4))
      case 0xdc:
        return this.#array(this.#uint(2), depth)
      case 0xdd:
        return this.#array(this.#uint(4), depth)
      default:
        return this.#number(token)
    }
  }

  /** Extensions, maps, and 0xc1, which msgpack never uses, end up at the end. */
  #number(token: number): number {
    switch (token) {
      case 0xcc:
        return this.#uint(1)
      case 0xcd:
        return this.#uint(2)
      case 0xce:
        return this.#uint(4)
      case 0xcf:
        // Rounded above 2^53, and still above it: `asInteger` refuses it.
        return this.#uint(4) * 0x1_0000_0000 + this.#uint(4)
      case 0xd0:
        return (this.#uint(1) << 24) >> 24
      case 0xd1:
        return (this.#uint(2) << 16) >> 16
      case 0xd2:
        return this.#uint(4) | 0
      case 0xd3:
        return (this.#uint(4) | 0) * 0x1_0000_0000 + this.#uint(4)
      case 0xca:
        float.setUint32(0, this.#uint(4))
        return float.getFloat32(0)
      case 0xcb:
        float.setUint32(0, this.#uint(4))
        float.setUint32(4, this.#uint(4))
        return float.getFloat64(0)
      default:
        throw new Malformed(`msgpack type 0x${token.toString(16)}`)
    }
  }

  #array(length: number, depth: number): unknown[] {
    if (depth >= DEPTH_MAX) throw new Malformed('nested too deep')
    this.#elements += length
    if (this.#elements > ELEMENTS_MAX) throw new Malformed('too many elements')
    if (length > this.#bytes.length - this.#offset) throw new Malformed('input ends early')
    const out: unknown[] = []
    for (let i = 0; i < length; i++) out.push(this.#value(depth + 1))
    return out
  }

  #text(length: number): string {
    return textAt(this.#bytes, this.#take(length), length)
  }

  #view(length: number): Uint8Array {
    const start = this.#take(length)
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, length)
  }

  #uint(size: 1 | 2 | 4): number {
    const at = this.#take(size)
    const bytes = this.#bytes
    let value = bytes[at] as number
    if (size > 1) value = value * 256 + (bytes[at + 1] as number)
    if (size > 2) {
      value = value * 0x1_0000 + (bytes[at + 2] as number) * 256 + (bytes[at + 3] as number)
    }
    return value
  }

  #take(length: number): number {
    const start = this.#offset
    if (length > this.#bytes.length - start) throw new Malformed('input ends early')
    this.#offset = start + length
    return start
  }
}
