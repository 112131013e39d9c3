import type { GroupId } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import { checksum } from './checksum.ts'

/*
 * One record. Integers are little-endian, unsigned.
 *
 *   0        4        8          12        13     14   16         24      32      36
 *   | length | crc    | previous | version | kind | 0  | sequence | batch | group | payload ... |
 *
 *   length    of the whole record, header included
 *   crc       of everything behind it, bytes 8 .. length
 *   previous  crc of the record before this one in the log; 0 in the very first
 *   version   RECORD_VERSION; `length`, `crc` and `version` keep their places in every version
 *   sequence  1, 2, 3 ... over the whole life of the log
 *   batch     sequence of the first record of the batch: records of one batch became durable by one
 *             sync, and none of the next batch was written before that
 *   group     the Raft group; 0 in checkpoints
 */
export const HEADER_BYTES = 36
export const RECORD_VERSION = 1

/** What a record says. The numbers are on disk. */
export const RecordKind = {
  /** First in every segment: all there is to know of all groups but their entries. */
  checkpoint: 1,
  create: 2,
  entries: 3,
  hardState: 4,
  reset: 5,
  compact: 6,
  bury: 7,
  /** Entries that stand further up, once more: nothing of the group changes. */
  moved: 8
} as const

export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind]

export interface RecordHeader {
  readonly length: number
  readonly crc: number
  readonly previous: number
  readonly version: number
  readonly kind: number
  readonly sequence: number
  readonly batch: number
  readonly group: GroupId
}

const HIGH = 0x1_0000_0000

function readU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * HIGH + view.getUint32(at, true)
}

/** Reads records from one piece of a segment. Trusts nothing. */
export class RecordReader {
  readonly bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** The record at `offset`, or undefined when there is none whose checksum holds. */
  at(offset: number): RecordHeader | undefined {
    const rest = this.bytes.length - offset
    if (rest < HEADER_BYTES) return undefined
    const view = this.#view
    const length = view.getUint32(offset, true)
    if (length < HEADER_BYTES || length > rest) return undefined
    const crc = view.getUint32(offset + 4, true)
    if (checksum(this.bytes.subarray(offset + 8, offset + length)) !== crc) return undefined
    return {
      length,
      crc,
      previous: view.getUint32(offset + 8, true),
      version: view.getUint8(offset + 12),
      kind: view.getUint8(offset + 13),
      sequence: readU64(view, offset + 16),
      batch: readU64(view, offset + 24),
      group: view.getUint32(offset + 32, true)
    }
  }

  /**
   * Whether the bytes at `offset` look like a record numbered in (after, upTo], so that its
   * checksum is worth computing. Cheap: a search for records calls it for every byte.
   */
  plausible(offset: number, after: number, upTo: number): boolean {
    const view = this.#view
    const version = this.bytes[offset + 12] as number
    const kind = this.bytes[offset + 13] as number
    if (version === 0 || kind === 0 || view.getUint16(offset + 14, true) !== 0) return false
    const sequence = readU64(view, offset + 16)
    return sequence > after && sequence <= upTo && readU64(view, offset + 24) <= sequence
  }
}

/** A buffer this much larger than its use is given back after a burst. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024

/**
 * Records of one batch, encoded straight into one growing buffer that is used over and over.
 * Numbers and chains them as it goes.
 */
export class RecordBuffer {
  #bytes = new Uint8Array(64 * 1024)
  #view = new DataView(this.#bytes.buffer)
  #length = 0
  #start = -1
  #batch = 0
  #sequence: number
  #crc: number

  /** Goes on behind the record numbered `sequence` with checksum `crc` (0, 0: a new log). */
  constructor(sequence: number, crc: number) {
    this.#sequence = sequence
    this.#crc = crc
  }

  /** Number of the last record that was ended. */
  get sequence(): number {
    return this.#sequence
  }

  get length(): number {
    return this.#length
  }

  begin(kind: RecordKind, group: GroupId): void {
    assert(this.#start < 0, 'a record in a record')
    if (this.#length === 0) this.#batch = this.#sequence + 1
    this.#start = this.#length
    this.#reserve(HEADER_BYTES)
    const at = this.#length
    const view = this.#view
    view.setUint32(at + 8, this.#crc, true)
    view.setUint32(at + 12, RECORD_VERSION | (kind << 8), true)
    this.#putU64(at + 16, this.#sequence + 1)
    this.#putU64(at + 24, this.#batch)
    view.setUint32(at + 32, group, true)
    this.#length = at + HEADER_BYTES
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.#length, value, true)
    this.#length += 4
  }

  u64(value: number): void {
    this.#reserve(8)
    this.#putU64(this.#length, value)
    this.#length += 8
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** Closes the record; returns its length. */
  end(): number {
    const start = this.#start
    const length = this.#length - start
    this.#view.setUint32(start, length, true)
    this.#crc = checksum(this.#bytes.subarray(start + 8, this.#length))
    this.#view.setUint32(start + 4, this.#crc, true)
    this.#sequence++
    this.#start = -1
    return length
  }

  /** What was gathered. A view: it holds until the next call that changes the buffer. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = 0
    if (this.#bytes.length <= KEPT_BYTES_MAX) return
    this.#bytes = new Uint8Array(KEPT_BYTES_MAX)
    this.#view = new DataView(this.#bytes.buffer)
  }

  #putU64(at: number, value: number): void {
    this.#view.setUint32(at, value % HIGH, true)
    this.#view.setUint32(at + 4, Math.floor(value / HIGH), true)
  }

  #reserve(extra: number): void {
    if (this.#length + extra <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + extra))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}
