import { ByteReader, Malformed } from '../wire/bytes.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import type { KeyResult } from '../wire/result.ts'
import { lasting } from '../wire/slab.ts'
import { unreachable } from '../world/assert.ts'
import { Expiries } from './expiries.ts'
import { hashItem, type ItemHash, type Multiset } from './hash.ts'
import type { ChangeListener } from './key-change.ts'
import { DATA_PREFIX, dataKey, dataLookup } from './layout.ts'
import type { Table } from './table.ts'

/** A key as reads see it. */
export interface KeyRecord {
  /** A view into the stored record: never change it. */
  readonly value: Uint8Array
  /** The counter's number of the command that wrote it last. */
  readonly revision: number
  /** The counter's number of the command that made it exist. */
  readonly created: number
  /** Entry time from which on it is absent, in milliseconds since 1970. */
  readonly expiresAt?: number
}

/** Where in the log a command runs: in which entry, under which number and at which time. */
export interface Use {
  readonly index: number
  readonly time: number
  readonly number: number
}

/** A command while it runs. */
export interface Running extends Use {
  /** The next number of the counter, for what needs a second one. */
  draw(): number
}

/** What an operation does: `next` stands there afterwards; undefined: nothing. */
export interface Change {
  readonly result: KeyResult
  readonly next: KeyRecord | undefined | 'same'
}

const RECORD_VERSION = 1
const HAS_EXPIRY = 0x80
const HASH_BYTES = 8
const ABSENT: KeyResult = { type: 'absent' }
const NOT_A_NUMBER: KeyResult = { type: 'not-a-number' }
/** What is replaced of a key. */
interface Standing {
  readonly at: Uint8Array
  /** Undefined: nothing is stored. */
  readonly stored: Uint8Array | undefined
  /** It is stored, and its ttl is over. */
  readonly isOver: boolean
  /** Of its deletion, if that is not the number of the command. */
  readonly goneAt?: number
}

/** The longest safe integer as text: -9007199254740991. */
const DIGITS_MAX = 17
/** Keys share a mark of when one of them was created: absences are told apart by it. */
const BUCKETS = 1_024

/** The keys of one group: what data commands change, and the hash of all of it. */
export class Keys {
  /** Records in the table, expired ones included. */
  count: number
  /** Is told every change; undefined: nobody is. */
  listener: ChangeListener | undefined
  readonly expiries: Expiries
  readonly #table: Table
  readonly #hash: Multiset

  /** For each bucket, at which index a key of it was created last. */
  readonly #createdAt: Float64Array

  /** `opened`: the index the state stands at. */
  constructor(
    table: Table,
    hash: Multiset,
    saved: { readonly count: number; readonly opened: number }
  ) {
    this.#table = table
    this.#hash = hash
    this.expiries = new Expiries(table, hash)
    this.count = saved.count
    this.#createdAt = new Float64Array(BUCKETS).fill(saved.opened)
  }

  /** The key at `time`: an expired one is absent. */
  read(key: Uint8Array, time: number): KeyRecord | undefined {
    const stored = this.#table.get(dataLookup(key))
    return stored === undefined ? undefined : alive(decodeRecord(stored), time)
  }

  /**
   * No key that is absent now, and shares the bucket of `key`, was created after this index. What
   * was before this object is not known: it begins with the index it was opened at.
   */
  quietSince(key: Uint8Array): number {
    return this.#createdAt[bucketOf(key)] as number
  }

  apply(operation: DataOperation, now: Running): KeyResult {
    const at = dataKey(operation.key)
    const stored = this.#table.get(at)
    const current = stored === undefined ? undefined : alive(decodeRecord(stored), now.time)
    if (operation.ifRevision !== undefined) {
      const revision = current?.revision ?? 0
      if (operation.ifRevision !== revision) return { type: 'conflict', revision }
    }
    const isOver = stored !== undefined && current === undefined
    const { result, next } = change(operation, current, isOver ? beyond(operation, now) : now)
    if (next !== 'same') this.#replace(operation.key, { at, stored, isOver }, next, now)
    return result
  }

  /** Whether `key` is stored, and was over at `time`. */
  isOver(key: Uint8Array, time: number): boolean {
    const stored = this.#table.get(dataLookup(key))
    return stored !== undefined && alive(decodeRecord(stored), time) === undefined
  }

  /** Ends `key` if its ttl is over: it is not stored any more. */
  end(key: Uint8Array, now: Use): void {
    const at = dataKey(key)
    const stored = this.#table.get(at)
    if (stored === undefined || alive(decodeRecord(stored), now.time) !== undefined) return
    this.expiries.ended++
    this.#replace(key, { at, stored, isOver: true }, undefined, now)
  }

  /**
   * What a decided transaction leaves under `key`; `next` undefined: nothing. `prepared`: when it
   * was prepared, and the revision of what it did: the time since does not count.
   */
  settle(
    key: Uint8Array,
    next: KeyRecord | undefined,
    prepared: { readonly time: number; readonly revision: number },
    now: Use
  ): void {
    const at = dataKey(key)
    const stored = this.#table.get(at)
    const isOver = stored !== undefined && !alive(decodeRecord(stored), prepared.time)
    this.#replace(key, { at, stored, isOver, goneAt: prepared.revision }, next, now)
  }

  /** The one place where a key changes. */
  #replace(key: Uint8Array, standing: Standing, next: KeyRecord | undefined, now: Use): void {
    const { at, stored, isOver, goneAt: revision = now.number } = standing
    const { listener } = this
    const position = now.number
    if (isOver && listener !== undefined) {
      // Whoever wrote over it has drawn a number of its own, see `beyond`.
      const ended = next === undefined ? now.number : next.revision - 1
      listener({ position, at, record: undefined, revision: ended, expired: true })
    }
    if (next === undefined) {
      if (stored === undefined) return
      this.#remove(at, stored)
      if (!isOver) listener?.({ position, at, record: undefined, revision, expired: false })
      return
    }
    if (next.created === next.revision) this.#createdAt[bucketOf(key)] = now.index
    const record = this.#write(at, stored, next)
    listener?.({ position, at, record, revision: next.revision, expired: false })
  }

  #write(at: Uint8Array, stored: Uint8Array | undefined, record: KeyRecord): Uint8Array {
    if (stored === undefined) this.count++
    else this.#hash.remove(recordHash(stored))
    this.expiries.moved(at.subarray(DATA_PREFIX.length), expiryIn(stored), record.expiresAt)
    const bytes = encodeRecord(at, record)
    this.#hash.add(recordHash(bytes))
    this.#table.set(at, bytes)
    return bytes
  }

  #remove(at: Uint8Array, stored: Uint8Array): void {
    this.count--
    this.#hash.remove(recordHash(stored))
    this.expiries.moved(at.subarray(DATA_PREFIX.length), expiryIn(stored), undefined)
    this.#table.set(at, undefined)
  }
}

/**
 * Layout: item hash, two u32 lanes · version u8 (top bit: has an expiry) · revision, created
 * varints · expiresAt varint · value to the end. The hash covers `at` and all after itself. It is
 * kept so that an overwrite can take the old item out of the sum without hashing the old value
 * again, and so that a record rotten on disk can be told from a sound one.
 */
export function encodeRecord(at: Uint8Array, record: KeyRecord): Uint8Array {
  const { value, revision, created, expiresAt } = record
  const expiryLength = expiresAt === undefined ? 0 : varintLength(expiresAt)
  const headLength = HASH_BYTES + 1 + varintLength(revision) + varintLength(created) + expiryLength
  const bytes = lasting.cut(headLength + value.length)
  bytes[HASH_BYTES] = expiresAt === undefined ? RECORD_VERSION : RECORD_VERSION | HAS_EXPIRY
  let offset = putVarint(bytes, HASH_BYTES + 1, revision)
  offset = putVarint(bytes, offset, created)
  if (expiresAt !== undefined) offset = putVarint(bytes, offset, expiresAt)
  bytes.set(value, offset)
  const [a, b] = hashItem(at, bytes, HASH_BYTES)
  putU32(bytes, 0, a)
  putU32(bytes, 4, b)
  return bytes
}

/** Throws Malformed. The value is a view into `bytes`. */
export function decodeRecord(bytes: Uint8Array): KeyRecord {
  const reader = new ByteReader(bytes)
  reader.raw(HASH_BYTES)
  const version = reader.u8()
  if ((version & ~HAS_EXPIRY) !== RECORD_VERSION) throw new Malformed('unknown record version')
  const revision = reader.varint()
  const created = reader.varint()
  if ((version & HAS_EXPIRY) === 0) {
    return { value: reader.raw(reader.remaining), revision, created }
  }
  const expiresAt = reader.varint()
  return { value: reader.raw(reader.remaining), revision, created, expiresAt }
}

/** When the ttl of a stored record ends; undefined: it has none, or there is no record. */
function expiryIn(stored: Uint8Array | undefined): number | undefined {
  if (stored === undefined || ((stored[HASH_BYTES] as number) & HAS_EXPIRY) === 0) return undefined
  return decodeRecord(stored).expiresAt
}

/** Whether the record under `at` is, byte for byte, one that was written there. */
export function isSound(at: Uint8Array, bytes: Uint8Array): boolean {
  if (bytes.length <= HASH_BYTES) return false
  const [a, b] = hashItem(at, bytes, HASH_BYTES)
  return u32At(bytes, 0) === a && u32At(bytes, 4) === b
}

/** Whether `record` can be one that was written under `subKey`, as far as it alone tells. */
export function isSoundRecord(subKey: Uint8Array, record: Uint8Array): boolean {
  return subKey[0] !== DATA_PREFIX[0] || isSound(subKey, record)
}

/** What a sound record adds to the state hash. */
export function recordHash(bytes: Uint8Array): ItemHash {
  return [u32At(bytes, 0), u32At(bytes, 4)]
}

function u32At(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] as number) << 24) |
    ((bytes[offset + 1] as number) << 16) |
    ((bytes[offset + 2] as number) << 8) |
    (bytes[offset + 3] as number)
  )
}

function putU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24
  bytes[offset + 1] = value >>> 16
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** As ByteWriter writes it, straight into a record of the right size. */
function putVarint(bytes: Uint8Array, offset: number, value: number): number {
  let at = offset
  let rest = value
  while (rest >= 0x80) {
    bytes[at++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  bytes[at++] = rest
  return at
}

function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length++
  return length
}

/** What `operation` makes of `current`, whatever its condition. */
export function change(
  operation: DataOperation,
  current: KeyRecord | undefined,
  { number, time }: Use
): Change {
  switch (operation.type) {
    case 'put':
    case 'touch': {
      if (operation.type === 'touch' && current === undefined) {
        return { result: ABSENT, next: 'same' }
      }
      const value = operation.type === 'put' ? operation.value : (current as KeyRecord).value
      const next = successor(current, value, number, expiry(operation.ttlMs, time))
      return { result: { type: 'written', revision: number }, next }
    }
    case 'delete':
      // What has expired and is still stored goes, too.
      if (current === undefined) return { result: ABSENT, next: undefined }
      return { result: { type: 'deleted', revision: number }, next: undefined }
    case 'increment': {
      const value = sum(current, operation.by)
      if (value === undefined) return { result: NOT_A_NUMBER, next: 'same' }
      const next = successor(current, digits(value), number, current?.expiresAt)
      const left = next.expiresAt === undefined ? {} : { expiresInMs: next.expiresAt - time }
      return { result: { type: 'counted', value, revision: number, ...left }, next }
    }
    default:
      return unreachable(operation)
  }
}

/**
 * Where what is written over an expired key gets its number: the expiry is a change as well, with
 * the number below, so that revisions of the key rise with each.
 */
function beyond({ type }: DataOperation, now: Running): Use {
  return type === 'put' || type === 'increment' ? { ...now, number: now.draw() } : now
}

/** FNV-1a. */
function bucketOf(key: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0) % BUCKETS
}

function expiry(ttlMs: number | undefined, time: number): number | undefined {
  return ttlMs === undefined ? undefined : Math.min(time + ttlMs, Number.MAX_SAFE_INTEGER)
}

/** Undefined: its time is over. */
export function alive(record: KeyRecord, time: number): KeyRecord | undefined {
  return record.expiresAt !== undefined && time >= record.expiresAt ? undefined : record
}

function successor(
  current: KeyRecord | undefined,
  value: Uint8Array,
  revision: number,
  expiresAt: number | undefined
): KeyRecord {
  const created = current?.created ?? revision
  return expiresAt === undefined
    ? { value, revision, created }
    : { value, revision, created, expiresAt }
}

/** Undefined: no number there, or the sum is not a safe integer. */
function sum(current: KeyRecord | undefined, by: number): number | undefined {
  const before = current === undefined ? 0 : canonicalInteger(current.value)
  if (before === undefined) return undefined
  const after = before + by
  return Number.isSafeInteger(after) ? after : undefined
}

/** The safe integer whose one canonical decimal text `value` is. */
export function canonicalInteger(value: Uint8Array): number | undefined {
  const length = value.length
  if (length === 0 || length > DIGITS_MAX) return undefined
  const negative = value[0] === 0x2d
  const first = negative ? 1 : 0
  if (first === length) return undefined
  if (value[first] === 0x30) return length === 1 ? 0 : undefined
  let magnitude = 0
  for (let i = first; i < length; i++) {
    const digit = (value[i] as number) - 0x30
    if (digit < 0 || digit > 9) return undefined
    magnitude = magnitude * 10 + digit
  }
  if (!Number.isSafeInteger(magnitude)) return undefined
  return negative ? -magnitude : magnitude
}

function digits(value: number): Uint8Array {
  const text = String(value)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
