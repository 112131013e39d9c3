import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import { KEY_BYTES_MAX } from '../wire/limits.ts'
import type { LockName } from '../wire/lock.ts'
import { readVote, type Vote, writeVote } from '../wire/result.ts'
import { lasting } from '../wire/slab.ts'
import type { AnchoredTransaction } from '../wire/transaction.ts'
import type { KeyRecord } from './keys.ts'

/**
 * What a prepared part holds: of one key a read lock, or what will stand there if it commits; or
 * that a lock stays with those who hold it.
 */
export type Hold =
  | { readonly type: 'read'; readonly key: Uint8Array }
  | ({ readonly type: 'lock' } & LockName)
  /** `next` undefined: the key will be gone. */
  | { readonly type: 'write'; readonly key: Uint8Array; readonly next: KeyRecord | undefined }

/** A part that waits for its transaction's decision. */
export interface PreparedPart {
  readonly ref: AnchoredTransaction
  /** Of the entry that prepared it: what its keys had before was current then. */
  readonly time: number
  readonly vote: Vote
  readonly holds: readonly Hold[]
}

/** The row of a part, without its holds. */
export interface PartHead {
  readonly anchor: number
  readonly basis: number
  readonly time: number
  readonly vote: Vote
  readonly count: number
}

const VERSION = 1
const READ = 0
const DELETE = 1
const PUT = 2
const PUT_EXPIRING = 3
const LOCK = 4
const GUARD = 5

/** Layout: version u8 · anchor, its basis, time, count of holds varints · vote. */
export function encodePartHead({ ref, time, vote, holds }: PreparedPart): Uint8Array {
  const writer = new ByteWriter(32 + vote.results.length * 12)
  writer.u8(VERSION).varint(ref.anchor).varint(ref.basis).varint(time).varint(holds.length)
  writeVote(writer, vote)
  return lasting.copy(writer.finish())
}

/** Throws Malformed. */
export function decodePartHead(bytes: Uint8Array): PartHead {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== VERSION) throw new Malformed('unknown version of a prepared part')
  const anchor = reader.varint()
  const basis = reader.varint()
  const time = reader.varint()
  const count = reader.varint()
  const vote = readVote(reader)
  reader.end()
  return { anchor, basis, time, count, vote }
}

/**
 * Layout: kind u8 · key with its length; of a put then: revision, created varints · if it expires:
 * when, varint · value to the end.
 */
export function encodeHold(hold: Hold): Uint8Array {
  const next = hold.type === 'write' ? hold.next : undefined
  const writer = new ByteWriter(hold.key.length + (next?.value.length ?? 0) + 32)
  if (next === undefined) writer.u8(kindOf(hold)).bytes(hold.key)
  else {
    writer.u8(next.expiresAt === undefined ? PUT : PUT_EXPIRING).bytes(hold.key)
    writer.varint(next.revision).varint(next.created)
    if (next.expiresAt !== undefined) writer.varint(next.expiresAt)
    writer.raw(next.value)
  }
  return lasting.copy(writer.finish())
}

/** Of a hold that has a key and nothing else. */
function kindOf(hold: Hold): number {
  if (hold.type === 'lock') return hold.guard ? GUARD : LOCK
  return hold.type === 'read' ? READ : DELETE
}

/** The same in arrays of its own. */
export function copyHold(hold: Hold): Hold {
  const key = lasting.copy(hold.key)
  if (hold.type !== 'write') return { ...hold, key }
  const { next } = hold
  if (next === undefined) return { type: 'write', key, next }
  return { type: 'write', key, next: { ...next, value: lasting.copy(next.value) } }
}

/** Throws Malformed. Key and value are views. */
export function decodeHold(bytes: Uint8Array): Hold {
  const reader = new ByteReader(bytes)
  const kind = reader.u8()
  const key = reader.bytes(KEY_BYTES_MAX)
  if (kind === READ || kind === DELETE || kind === LOCK || kind === GUARD) {
    reader.end()
    if (kind === READ) return { type: 'read', key }
    if (kind === DELETE) return { type: 'write', key, next: undefined }
    return { type: 'lock', guard: kind === GUARD, key }
  }
  if (kind !== PUT && kind !== PUT_EXPIRING) throw new Malformed('unknown kind of hold')
  const head = { revision: reader.varint(), created: reader.varint() }
  const expiry = kind === PUT_EXPIRING ? { expiresAt: reader.varint() } : {}
  return { type: 'write', key, next: { ...head, ...expiry, value: reader.raw(reader.remaining) } }
}
