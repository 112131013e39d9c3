import { Packr } from 'msgpackr/pack'
import { ByteReader, Malformed } from '../wire/bytes.ts'
import { textAt } from '../wire/text.ts'
import type { Codec } from './api.ts'
import { DEPTH_MAX, type Format, refuseSpoiled } from './spoiled.ts'

const INT64_MIN = -(2n ** 63n)
const UINT64_MAX = 2n ** 64n - 1n

/** Numbers travel as integers up to 32 bits, else as doubles; 64-bit integers are bigints. */
const FORMAT: Format = {
  name: 'MessagePack',
  keeps: (value) => {
    switch (typeof value) {
      case 'string':
        return value.isWellFormed()
      case 'number':
      case 'boolean':
        return true
      case 'bigint':
        return value >= INT64_MIN && value <= UINT64_MAX
      case 'object':
        if (value === null || value instanceof Uint8Array) return true
        if (value instanceof Date) return !Number.isNaN(value.getTime())
        return undefined
      default:
        return false
    }
  }
}

const packr = new Packr({ useRecords: false, structuredClone: false, variableMapSize: true })

/**
 * MessagePack, as any language reads it. Beyond what JSON has it brings back NaN and infinities,
 * bigints of 64 bits, Uint8Array and Date. Refuses what would not come back as it was: undefined,
 * other bigints, functions, symbols, holes, cycles, strings with half a surrogate pair, all other
 * objects (Map, Set, …). -0 is stored as 0, a Buffer comes back as a Uint8Array.
 *
 * Reads what other programs wrote if it has only these types: 64-bit integers become bigints,
 * timestamps lose what is finer than a millisecond. Stored bytes are never run or trusted.
 */
export function msgpack<V = unknown>(): Codec<V> {
  return {
    encode: (value) => {
      refuseSpoiled(value, FORMAT)
      // Of a buffer that msgpackr goes on to fill behind this value.
      return new Uint8Array(packr.pack(value))
    },
    decode: (bytes) => {
      const reader = new Reader(bytes)
      const value = reader.value(0)
      reader.end()
      return value as V
    }
  }
}

const TIMESTAMP = 0xff
const DATE_MS_MAX = 8.64e15
const scratch = new DataView(new ArrayBuffer(8))

/**
 * Not msgpackr's, which whatever its options say accepts records (and compiles them), RegExp,
 * Error, Set and more: see docs/decisions/0010. Throws Malformed. What it holds at a time is
 * bounded by its input: no length is believed that the rest of the bytes cannot fill.
 */
class Reader {
  readonly #bytes: Uint8Array
  readonly #reader: ByteReader

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#reader = new ByteReader(bytes)
  }

  end(): void {
    this.#reader.end()
  }

  value(depth: number): unknown {
    const token = this.#reader.u8()
    if (token < 0x80) return token
    if (token >= 0xe0) return token - 0x100
    if (token >= 0xc0) return this.#wide(token, depth)
    if (token >= 0xa0) return this.#text(token & 0x1f)
    return token >= 0x90 ? this.#array(token & 0x0f, depth) : this.#object(token & 0x0f, depth)
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
      case 0xc5:
      case 0xc6:
        return this.#reader.raw(this.#length(token - 0xc4)).slice()
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#length(token - 0xd9))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#length(token - 0xdb), depth)
      case 0xde:
      case 0xdf:
        return this.#object(this.#length(token - 0xdd), depth)
      case 0xd6:
      case 0xd7:
      case 0xc7:
        return this.#timestamp(token)
      default:
        return this.#number(token)
    }
  }

  #number(token: number): number | bigint {
    const reader = this.#reader
    switch (token) {
      case 0xca:
        scratch.setUint32(0, reader.u32())
        return scratch.getFloat32(0)
      case 0xcb:
        return reader.f64()
      case 0xcc:
        return reader.u8()
      case 0xcd:
        return this.#length(1)
      case 0xce:
        return reader.u32()
      case 0xcf:
        return this.#long().getBigUint64(0)
      case 0xd0:
        return (reader.u8() << 24) >> 24
      case 0xd1:
        return (this.#length(1) << 16) >> 16
      case 0xd2:
        return reader.u32() | 0
      case 0xd3:
        return this.#long().getBigInt64(0)
      default:
        throw new Malformed(`MessagePack type 0x${token.toString(16)}`)
    }
  }

  #long(): DataView {
    scratch.setUint32(0, this.#reader.u32())
    scratch.setUint32(4, this.#reader.u32())
    return scratch
  }

  /** In 2 ** `size` bytes. */
  #length(size: number): number {
    if (size === 0) return this.#reader.u8()
    if (size === 1) return this.#reader.u8() * 256 + this.#reader.u8()
    return this.#reader.u32()
  }

  #text(length: number): string {
    const { offset } = this.#reader
    this.#reader.raw(length)
    return textAt(this.#bytes, offset, length)
  }

  #array(length: number, depth: number): unknown[] {
    this.#open(length, depth)
    const array: unknown[] = []
    for (let i = 0; i < length; i++) array.push(this.value(depth + 1))
    return array
  }

  #object(length: number, depth: number): Record<string, unknown> {
    this.#open(length * 2, depth)
    const object: Record<string, unknown> = {}
    for (let i = 0; i < length; i++) {
      const name = this.value(depth + 1)
      if (typeof name !== 'string') throw new Malformed('a map with a key that is no text')
      const value = this.value(depth + 1)
      if (name !== '__proto__') object[name] = value
      else Object.defineProperty(object, name, { ...OWN, value })
    }
    return object
  }

  #open(parts: number, depth: number): void {
    if (depth >= DEPTH_MAX) throw new Malformed(`nested deeper than ${DEPTH_MAX} levels`)
    if (parts > this.#reader.remaining) throw new Malformed('input ends early')
  }

  /** Seconds and nanoseconds, in 32, 64 or 96 bits. */
  #timestamp(token: number): unknown {
    const reader = this.#reader
    const is96 = token === 0xc7
    if (is96 && reader.u8() !== 12) throw new Malformed('an extension that is no timestamp')
    if (reader.u8() !== TIMESTAMP) throw new Malformed('an extension that is no timestamp')
    let seconds = 0
    let nanoseconds = 0
    if (token === 0xd6) seconds = reader.u32()
    else if (is96) {
      nanoseconds = reader.u32()
      seconds = Number(this.#long().getBigInt64(0))
    } else {
      const high = reader.u32()
      nanoseconds = high >>> 2
      seconds = (high & 3) * 0x1_0000_0000 + reader.u32()
    }
    const ms = seconds * 1_000 + Math.floor(nanoseconds / 1_000_000)
    if (Math.abs(ms) > DATE_MS_MAX || nanoseconds > 999_999_999) {
      throw new Malformed('a time that is none')
    }
    return new Date(ms)
  }
}

const OWN = { writable: true, enumerable: true, configurable: true } as const
