import { Packr, RESERVE_START_SPACE } from 'msgpackr/pack'
import { Malformed } from './bytes.ts'

/** Arrays within arrays. The deepest of our own formats has five. */
const DEPTH_MAX = 16
/**
 * Array elements in one value, nested ones included. One byte of input becomes up to 64 bytes of heap
 * (empty arrays), so this and not the size of the input bounds what a hostile peer can make us hold.
 */
const ELEMENTS_MAX = 131_072

/**
 * `msgpackr/pack` is the entry without the native string extractor: no addon reaches the client.
 * Ints that need 64 bits arrive as numbers, possibly rounded; `asInteger` refuses the unsafe ones.
 */
const packr = new Packr({ useRecords: false, structuredClone: false, int64AsType: 'number' })

/**
 * Encodes numbers, text, bytes (Uint8Array), booleans, null and arrays of these. Everything else,
 * `undefined` and plain objects included, is refused by `unpack`: positional arrays only.
 * The result is never overwritten by a later call.
 */
export function pack(value: unknown): Uint8Array {
  return packr.pack(value)
}

/** As `pack`, after `reserved` bytes (<= 255) whose content is undefined: the caller fills them. */
export function packAfter(reserved: number, value: unknown): Uint8Array {
  return packr.pack(value, RESERVE_START_SPACE | reserved)
}

/**
 * Decodes what `pack` made. Throws Malformed at anything else, before msgpackr sees a byte of it:
 * msgpackr accepts record definitions (which it compiles), RegExp, Error, Set, Date and bigint of any
 * length whatever its options say. Bytes in the result are views into `bytes`.
 */
export function unpack(bytes: Uint8Array, bytesMax: number): unknown {
  if (bytes.length > bytesMax) {
    throw new Malformed(`${bytes.length} bytes where ${bytesMax} may stand`)
  }
  new Scan(bytes).whole()
  return packr.unpack(bytes)
}

const ARRAY16 = 0xdc
const ARRAY32 = 0xdd

/** Bytes after the token: nil, false, true, floats, unsigned and signed integers. */
const FIXED_BYTES: Readonly<Record<number, number>> = {
  ...{ 192: 0, 194: 0, 195: 0, 202: 4, 203: 8 },
  ...{ 204: 1, 205: 2, 206: 4, 207: 8 },
  ...{ 208: 1, 209: 2, 210: 4, 211: 8 }
}

/** Bytes of the length after the token: bytes, text, arrays. */
const LENGTH_BYTES: Readonly<Record<number, number>> = {
  ...{ 196: 1, 197: 2, 198: 4 },
  ...{ 217: 1, 218: 2, 219: 4 },
  ...{ [ARRAY16]: 2, [ARRAY32]: 4 }
}

/** Walks one msgpack value without building it. */
class Scan {
  readonly #bytes: Uint8Array
  #offset = 0
  #elements = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  whole(): void {
    this.#value(0)
    if (this.#offset !== this.#bytes.length) throw new Malformed('bytes after the value')
  }

  #value(depth: number): void {
    const token = this.#number(1)
    if (token < 0x80 || token >= 0xe0) return
    if (token < 0x90) throw new Malformed('a map')
    if (token < 0xa0) this.#array(token & 0x0f, depth)
    else if (token < 0xc0) this.#skip(token & 0x1f)
    else this.#wide(token, depth)
  }

  /** Extensions, maps, and 0xc1, which msgpack never uses, stand in none of the tables. */
  #wide(token: number, depth: number): void {
    const fixed = FIXED_BYTES[token]
    if (fixed !== undefined) {
      this.#skip(fixed)
      return
    }
    const prefix = LENGTH_BYTES[token]
    if (prefix === undefined) throw new Malformed(`msgpack type 0x${token.toString(16)}`)
    const length = this.#number(prefix)
    if (token === ARRAY16 || token === ARRAY32) this.#array(length, depth)
    else this.#skip(length)
  }

  #array(length: number, depth: number): void {
    if (depth >= DEPTH_MAX) throw new Malformed('nested too deep')
    this.#elements += length
    if (this.#elements > ELEMENTS_MAX) throw new Malformed('too many elements')
    if (length > this.#bytes.length - this.#offset) throw new Malformed('input ends early')
    for (let i = 0; i < length; i++) this.#value(depth + 1)
  }

  #number(size: number): number {
    const start = this.#offset
    this.#skip(size)
    let value = 0
    for (let i = start; i < start + size; i++) value = value * 256 + (this.#bytes[i] as number)
    return value
  }

  #skip(length: number): void {
    if (length > this.#bytes.length - this.#offset) throw new Malformed('input ends early')
    this.#offset += length
  }
}
