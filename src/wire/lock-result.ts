import { unreachable } from '../world/assert.ts'
import { ByteReader, ByteWriter, Malformed } from './bytes.ts'
import { LOCK_OWNER_BYTES_MAX, LOCK_PLACES_AT_ONCE_MAX } from './limits.ts'

/** Who holds a lock; of several who share it, who has held it longest. */
export interface LockHolder {
  readonly owner: string
  /** For how long, in ms, by the time of the group. */
  readonly heldMs: number
}

/** What commands of locks answer. */
export type LockResult =
  | Granted
  /** A place in the queue; `ahead`: so many wait before it. */
  | {
      readonly type: 'waiting'
      readonly ticket: number
      readonly ahead: number
      readonly holder: LockHolder
    }
  /** Others hold it or wait for it, and no place in the queue was asked for. */
  | { readonly type: 'locked'; readonly holder: LockHolder }
  /** The lock or the group has no room for another place. */
  | { readonly type: 'crowded' }
  /** Of each place, in their order. */
  | { readonly type: 'renewed'; readonly verdicts: readonly LockVerdict[] }
  | { readonly type: 'released' }
  /** No place in the queue any more; nor the lock. */
  | { readonly type: 'left'; readonly holder: LockHolder }
  /** There is no such place: it was released, left, or has expired. */
  | Lost

/** What became of one place that was to be renewed. */
export type LockVerdict =
  /** The token holds. */
  | { readonly type: 'held' }
  /** The ticket waits; so many wait before it. */
  | { readonly type: 'queued'; readonly ahead: number }
  /** The ticket's lock was granted: from now on its place goes by the token. */
  | Granted
  | Lost

/** The lock is held with this token; `ttlMs` after the request that it answers at the earliest. */
export interface Granted {
  readonly type: 'granted'
  readonly token: number
  readonly ttlMs: number
}

export interface Lost {
  readonly type: 'lost'
}

/** What a lock is: the answer to a request `lock`. */
export interface LockView {
  /** Of the latest grant; 0: there was none, or nobody remembers it. */
  readonly token: number
  readonly waiters: number
  /** How many hold it. */
  readonly holders: number
  /** Absent: nobody holds it. */
  readonly held?: LockHolder & {
    /** Of this holder: not the latest, if several share it. */
    readonly token: number
    readonly shared: boolean
    /** If it is not renewed, by the leader's clock. */
    readonly expiresInMs: number
  }
}

/** Numbers in results: appended to, never reordered. */
export const LOCK_RESULT = {
  granted: 17,
  waiting: 18,
  locked: 19,
  crowded: 20,
  renewed: 21,
  released: 22,
  left: 23,
  lost: 24
} as const
const VERDICT = { held: 1, queued: 2, granted: 3, lost: 4 } as const

/** What follows its number. */
export function writeLockResult(writer: ByteWriter, result: LockResult): void {
  switch (result.type) {
    case 'granted':
      writer.varint(result.token).varint(result.ttlMs)
      return
    case 'waiting':
      writer.varint(result.ticket).varint(result.ahead)
      writeHolder(writer, result.holder)
      return
    case 'locked':
    case 'left':
      writeHolder(writer, result.holder)
      return
    case 'renewed':
      writer.varint(result.verdicts.length)
      for (const verdict of result.verdicts) writeVerdict(writer, verdict)
      return
    case 'crowded':
    case 'released':
    case 'lost':
      return
    default:
      unreachable(result)
  }
}

/** What follows the number `kind`; undefined: it is none of locks. Throws Malformed. */
export function readLockResult(reader: ByteReader, kind: number): LockResult | undefined {
  switch (kind) {
    case LOCK_RESULT.granted:
      return readGranted(reader)
    case LOCK_RESULT.waiting: {
      const place = { ticket: reader.varint(), ahead: reader.varint() }
      return { type: 'waiting', ...place, holder: readHolder(reader) }
    }
    case LOCK_RESULT.locked:
      return { type: 'locked', holder: readHolder(reader) }
    case LOCK_RESULT.left:
      return { type: 'left', holder: readHolder(reader) }
    case LOCK_RESULT.crowded:
      return { type: 'crowded' }
    case LOCK_RESULT.renewed: {
      const count = reader.varint()
      if (count > LOCK_PLACES_AT_ONCE_MAX) throw new Malformed(`${count} places at locks`)
      const verdicts: LockVerdict[] = []
      for (let i = 0; i < count; i++) verdicts.push(readVerdict(reader))
      return { type: 'renewed', verdicts }
    }
    case LOCK_RESULT.released:
      return { type: 'released' }
    case LOCK_RESULT.lost:
      return { type: 'lost' }
    default:
      return undefined
  }
}

/**
 * Layout: token, waiters, holders varints; if there are holders: the first one's token, ms left
 * varints · shared u8 · holder.
 */
export function encodeLockView({ token, waiters, holders, held }: LockView): Uint8Array {
  const writer = new ByteWriter(64)
  writer.varint(token).varint(waiters).varint(holders)
  if (held !== undefined) {
    writer
      .varint(held.token)
      .varint(held.expiresInMs)
      .u8(held.shared ? 1 : 0)
    writeHolder(writer, held)
  }
  return writer.finish()
}

/** Throws Malformed. */
export function decodeLockView(bytes: Uint8Array): LockView {
  const reader = new ByteReader(bytes)
  const view = { token: reader.varint(), waiters: reader.varint(), holders: reader.varint() }
  if (view.holders === 0) {
    reader.end()
    return view
  }
  const first = { token: reader.varint(), expiresInMs: reader.varint() }
  const shared = reader.u8()
  if (shared > 1) throw new Malformed('unknown flags')
  const held = { ...first, shared: shared === 1, ...readHolder(reader) }
  reader.end()
  return { ...view, held }
}

function writeVerdict(writer: ByteWriter, verdict: LockVerdict): void {
  writer.u8(VERDICT[verdict.type])
  if (verdict.type === 'queued') writer.varint(verdict.ahead)
  if (verdict.type === 'granted') writer.varint(verdict.token).varint(verdict.ttlMs)
}

function readVerdict(reader: ByteReader): LockVerdict {
  const kind = reader.u8()
  switch (kind) {
    case VERDICT.held:
      return { type: 'held' }
    case VERDICT.queued:
      return { type: 'queued', ahead: reader.varint() }
    case VERDICT.granted:
      return readGranted(reader)
    case VERDICT.lost:
      return { type: 'lost' }
    default:
      throw new Malformed(`unknown verdict ${kind}`)
  }
}

function readGranted(reader: ByteReader): Granted {
  return { type: 'granted', token: reader.varint(), ttlMs: reader.varint() }
}

/** Layout: ms held varint · owner with its length. */
function writeHolder(writer: ByteWriter, { owner, heldMs }: LockHolder): void {
  writer.varint(heldMs).text(owner)
}

function readHolder(reader: ByteReader): LockHolder {
  const heldMs = reader.varint()
  return { heldMs, owner: reader.text(LOCK_OWNER_BYTES_MAX) }
}
