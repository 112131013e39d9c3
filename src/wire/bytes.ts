import { assert } from '../world/assert.ts'
import { passing } from './slab.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const utf8 = (text: string): Uint8Array => encoder.encode(text)

/** The text of `bytes`, or undefined when they are not well-formed UTF-8. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * What a reader throws at input that does not follow its format. Never past the door that reads.
 */
export class Malformed extends Error {
  override readonly name = 'Malformed'
}

const NO_ROOM = new Uint8Array(0)

/** Appends primitives to a growing buffer. Integers are LEB128 varints up to 2^53 - 1. */
export class ByteWriter {
  #buffer: Uint8Array
  #length = 0

  constructor(capacity = 256) {
    this.#buffer = passing.cut(capacity)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): this {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
    return this
  }

  u32(value: number): this {
    this.#reserve(4)
    // By hand: making a DataView for each writer costs more than all else a short record needs.
    this.#buffer[this.#length++] = value >>> 24
    this.#buffer[this.#length++] = value >>> 16
    this.#buffer[this.#length++] = value >>> 8
    this.#buffer[this.#length++] = value
    return this
  }

  f64(value: number): this {
    this.#reserve(8)
    const { buffer, byteOffset } = this.#buffer
    new DataView(buffer, byteOffset + this.#length, 8).setFloat64(0, value)
    this.#length += 8
    return this
  }

  /** Requires: a safe integer >= 0. */
  varint(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, `not a varint: ${value}`)
    this.#reserve(8)
    let rest = value
    while (rest >= 0x8000_0000) {
      this.#buffer[this.#length++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#buffer[this.#length++] = rest
    return this
  }

  /**
   * Requires: a safe integer. Zigzag would lose the top bit of 2^53: the sign is a byte of its own.
   */
  signed(value: number): this {
    return this.u8(value < 0 ? 1 : 0).varint(Math.abs(value))
  }

  /** Length-prefixed. */
  bytes(value: Uint8Array): this {
    return this.varint(value.length).raw(value)
  }

  text(value: string): this {
    return this.bytes(encoder.encode(value))
  }

  raw(value: Uint8Array): this {
    this.#reserve(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
    return this
  }

  /** What was written so far, as a view that holds until more is written. */
  get written(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  /** What was written, as a view: the writer must not be used afterwards. */
  finish(): Uint8Array {
    const bytes = passing.shorten(this.#buffer, this.#length)
    // What was given back is somebody else's next: nothing must be written there from here.
    this.#buffer = NO_ROOM
    this.#length = 0
    return bytes
  }

  #reserve(extra: number): void {
    if (this.#length + extra <= this.#buffer.length) return
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + extra))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
  }
}

/** Reads what ByteWriter wrote. Throws Malformed at anything else; never reads past the end. */
export class ByteReader {
  readonly #buffer: Uint8Array
  #offset = 0

  constructor(buffer: Uint8Array) {
    this.#buffer = buffer
  }

  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.#buffer.length - this.#offset
  }

  u8(): number {
    this.#need(1)
    return this.#buffer[this.#offset++] as number
  }

  u32(): number {
    this.#need(4)
    const buffer = this.#buffer
    const at = this.#offset
    this.#offset += 4
    const low =
      ((buffer[at + 1] as number) << 16) |
      ((buffer[at + 2] as number) << 8) |
      (buffer[at + 3] as number)
    return (buffer[at] as number) * 0x100_0000 + low
  }

  f64(): number {
    this.#need(8)
    const { buffer, byteOffset } = this.#buffer
    const value = new DataView(buffer, byteOffset + this.#offset, 8).getFloat64(0)
    this.#offset += 8
    return value
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new Malformed('integer too large')
        return value
      }
      scale *= 128
    }
    throw new Malformed('integer too long')
  }

  signed(): number {
    const negative = this.u8()
    if (negative > 1) throw new Malformed('bad sign')
    const magnitude = this.varint()
    return negative === 1 ? -magnitude : magnitude
  }

  /** A view into the input: copy what outlives it. */
  bytes(maxLength = this.remaining): Uint8Array {
    const length = this.varint()
    if (length > maxLength) throw new Malformed(`${length} bytes where ${maxLength} may stand`)
    return this.raw(length)
  }

  text(maxLength = this.remaining): string {
    const text = utf8Text(this.bytes(maxLength))
    if (text === undefined) throw new Malformed('text is not UTF-8')
    return text
  }

  raw(length: number): Uint8Array {
    this.#need(length)
    const value = this.#buffer.subarray(this.#offset, this.#offset + length)
    this.#offset += length
    return value
  }

  /** Requires the input to end here. */
  end(): void {
    if (this.remaining > 0) throw new Malformed(`${this.remaining} bytes too many`)
  }

  #need(length: number): void {
    if (this.#buffer.length - this.#offset < length) throw new Malformed('input ends early')
  }
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Byte order: negative, zero or positive, as for `sort`. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    out.set(part, offset)
    offset += part.length
  }
  return out
}
