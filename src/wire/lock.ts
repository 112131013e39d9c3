import { unreachable } from '../world/assert.ts'
import { type ByteReader, type ByteWriter, Malformed } from './bytes.ts'
import { readKey } from './data-operation.ts'
import {
  LOCK_OWNER_BYTES_MAX,
  LOCK_PLACES_AT_ONCE_MAX,
  LOCK_TTL_MS_MAX,
  LOCK_TTL_MS_MIN
} from './limits.ts'

/** Names a lock. A lock, a guard and a value may share a key, and have nothing to do with it. */
export interface LockName {
  readonly key: Uint8Array
  /** Not a user's lock but the store's own, which keeps others from writing the key. */
  readonly guard: boolean
}

/**
 * Somebody's place at a lock. `number`: the token of who holds it, or the ticket of who waits. Both
 * are numbers of the group's counter: none is given twice, and a later grant has a higher token.
 */
export interface LockPlace extends LockName {
  readonly number: number
}

export interface Renewal extends LockPlace {
  /** The new ttl. Absent: as before. */
  readonly ttlMs?: number
}

export interface Expiry extends LockPlace {
  /** How often the place was renewed, as the leader saw it: renewed since, it stays. */
  readonly renewals: number
}

/** The commands of locks (docs/locks.md). */
export type LockOperation =
  | (LockName & {
      readonly type: 'acquire'
      /** Beside others who share it. */
      readonly shared: boolean
      /** If it is not free: take a place in the queue. */
      readonly wait: boolean
      readonly ttlMs: number
      /** Tells others who holds it. */
      readonly owner: string
    })
  /** The ttl of each place begins anew; each is told what became of it. All in one group. */
  | { readonly type: 'renew'; readonly places: readonly Renewal[] }
  | (LockName & { readonly type: 'release'; readonly token: number })
  /** Waits no longer. Who was granted the lock meanwhile is told so, and holds it. */
  | (LockName & { readonly type: 'leave'; readonly ticket: number })
  /** Of the group's leader alone: these were not renewed for their ttl. */
  | { readonly type: 'expire'; readonly places: readonly Expiry[] }

/** First byte of an encoded operation of locks: appended to, never reordered. */
export const LOCK_OPERATION = {
  acquire: 16,
  renew: 17,
  release: 18,
  leave: 19,
  expire: 20
} as const

const GUARD = 1
const SHARED = 2
const WAIT = 4
const HAS_TTL = 2

export function isLockKind(kind: number): boolean {
  return kind >= LOCK_OPERATION.acquire && kind <= LOCK_OPERATION.expire
}

export function isLockType(type: string): type is LockOperation['type'] {
  return Object.hasOwn(LOCK_OPERATION, type)
}

/** Whether it keeps or gives up places: refused for load, those would be lost or kept in vain. */
export function isOfPlaces(type: string | undefined): boolean {
  return type === 'renew' || type === 'release' || type === 'leave' || type === 'expire'
}

/** About so many bytes, encoded. */
export function lockOperationSize(operation: LockOperation): number {
  switch (operation.type) {
    case 'acquire':
      return operation.key.length + operation.owner.length * 3 + 16
    case 'renew':
    case 'expire':
      return operation.places.reduce((sum, { key }) => sum + key.length + 24, 8)
    case 'release':
    case 'leave':
      return operation.key.length + 16
    default:
      return unreachable(operation)
  }
}

/** Its number first. */
export function writeLockOperation(writer: ByteWriter, operation: LockOperation): void {
  writer.u8(LOCK_OPERATION[operation.type])
  switch (operation.type) {
    case 'acquire': {
      const { guard, shared, wait } = operation
      writer.u8((guard ? GUARD : 0) | (shared ? SHARED : 0) | (wait ? WAIT : 0))
      writer.bytes(operation.key).varint(operation.ttlMs).text(operation.owner)
      return
    }
    case 'renew':
      writer.varint(operation.places.length)
      for (const { guard, key, number, ttlMs } of operation.places) {
        writer.u8((guard ? GUARD : 0) | (ttlMs === undefined ? 0 : HAS_TTL))
        writer.bytes(key).varint(number)
        if (ttlMs !== undefined) writer.varint(ttlMs)
      }
      return
    case 'release':
      writeLockPlace(writer, { ...operation, number: operation.token })
      return
    case 'leave':
      writeLockPlace(writer, { ...operation, number: operation.ticket })
      return
    case 'expire':
      writer.varint(operation.places.length)
      for (const place of operation.places) {
        writeLockPlace(writer, place)
        writer.varint(place.renewals)
      }
      return
    default:
      unreachable(operation)
  }
}

/** What follows the number `kind`. Throws Malformed. Keys are views. */
export function readLockOperation(reader: ByteReader, kind: number): LockOperation {
  switch (kind) {
    case LOCK_OPERATION.acquire: {
      const flags = readFlags(reader, GUARD | SHARED | WAIT)
      const is = (flag: number): boolean => (flags & flag) !== 0
      const key = readKey(reader)
      const ttlMs = readTtl(reader)
      const owner = reader.text(LOCK_OWNER_BYTES_MAX)
      const how = { guard: is(GUARD), shared: is(SHARED), wait: is(WAIT) }
      return { type: 'acquire', key, ...how, ttlMs, owner }
    }
    case LOCK_OPERATION.renew:
      return { type: 'renew', places: places(reader, readRenewal) }
    case LOCK_OPERATION.release: {
      const { number, ...lock } = readLockPlace(reader)
      return { type: 'release', ...lock, token: number }
    }
    case LOCK_OPERATION.leave: {
      const { number, ...lock } = readLockPlace(reader)
      return { type: 'leave', ...lock, ticket: number }
    }
    case LOCK_OPERATION.expire: {
      const read = (): Expiry => ({ ...readLockPlace(reader), renewals: reader.varint() })
      return { type: 'expire', places: places(reader, read) }
    }
    default:
      throw new Malformed(`unknown operation ${kind}`)
  }
}

/** Layout: guard u8 · key with its length. Body of a request `lock`. */
export function writeLockName(writer: ByteWriter, { guard, key }: LockName): void {
  writer.u8(guard ? GUARD : 0).bytes(key)
}

/** Throws Malformed. The key is a view. */
export function readLockName(reader: ByteReader): LockName {
  return { guard: readFlags(reader, GUARD) === GUARD, key: readKey(reader) }
}

/** Layout: a name · number varint. Body of a request `await-grant`. */
export function writeLockPlace(writer: ByteWriter, place: LockPlace): void {
  writeLockName(writer, place)
  writer.varint(place.number)
}

/** Throws Malformed. The key is a view. */
export function readLockPlace(reader: ByteReader): LockPlace {
  return { ...readLockName(reader), number: reader.varint() }
}

function readRenewal(reader: ByteReader): Renewal {
  const flags = readFlags(reader, GUARD | HAS_TTL)
  const key = readKey(reader)
  const place = { guard: (flags & GUARD) !== 0, key, number: reader.varint() }
  return flags & HAS_TTL ? { ...place, ttlMs: readTtl(reader) } : place
}

function readTtl(reader: ByteReader): number {
  const ttlMs = reader.varint()
  if (ttlMs < LOCK_TTL_MS_MIN || ttlMs > LOCK_TTL_MS_MAX) {
    throw new Malformed(`the ttl of a lock is ${LOCK_TTL_MS_MIN} to ${LOCK_TTL_MS_MAX} ms`)
  }
  return ttlMs
}

function readFlags(reader: ByteReader, allowed: number): number {
  const flags = reader.u8()
  if (flags & ~allowed) throw new Malformed('unknown flags')
  return flags
}

function places<T>(reader: ByteReader, read: (reader: ByteReader) => T): readonly T[] {
  const count = reader.varint()
  if (count === 0 || count > LOCK_PLACES_AT_ONCE_MAX) {
    throw new Malformed(`${count} places at locks, where 1 to ${LOCK_PLACES_AT_ONCE_MAX} may be`)
  }
  const all: T[] = []
  for (let i = 0; i < count; i++) all.push(read(reader))
  return all
}
