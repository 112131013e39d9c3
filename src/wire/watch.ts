import { ByteReader, ByteWriter, compareBytes, Malformed } from './bytes.ts'
import type { GroupId } from './ids.ts'
import { FRAME_BODY_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX } from './limits.ts'
import type { KeySpan } from './scan.ts'

/** Where a watch of one group stands: it was told all that changed up to position `after`. */
export interface WatchPlace {
  readonly group: GroupId
  readonly after: number
}

/** What changed in `span` behind these places? */
export interface WatchQuestion {
  readonly span: KeySpan
  /** The answer may end once it holds so much. 0: it only says of which groups it could tell. */
  readonly bytesMax: number
  /** How long the answer may wait for something to tell. */
  readonly holdMs: number
  readonly places: readonly WatchPlace[]
}

/** What became of one key. */
export interface WatchedChange {
  /** The counter's number of the command by which it came into force. */
  readonly position: number
  /** Which of the changes of that command it is, among those of all keys; from 0. */
  readonly place: number
  readonly key: Uint8Array
  readonly revision: number
  /** Undefined: the key is gone. */
  readonly value: Uint8Array | undefined
  /** It is gone because its ttl was over. */
  readonly expired: boolean
}

/**
 * - `told`: all up to `upTo` is in the answer.
 * - `compacted`: nothing is remembered here that goes so far back.
 * - `elsewhere`: there is no replica here, or none that can tell.
 * - `stale`: the replica here has not heard from its leader for a while; others may be further.
 * - `ahead`: the group has surely not come so far: the place is of another history.
 */
export const WATCH_VERDICTS = ['told', 'compacted', 'elsewhere', 'stale', 'ahead'] as const
export type WatchVerdict = (typeof WATCH_VERDICTS)[number]

/** Of one group. A group that is not in an answer has nothing new. */
export interface WatchPage {
  readonly group: GroupId
  readonly verdict: WatchVerdict
  /** With `told`: complete up to here. */
  readonly upTo: number
  /** In the order they came into force. Those of one position are all here, or none. */
  readonly changes: readonly WatchedChange[]
}

export const WATCH_PLACES_MAX = 8_192
/** The one behind the longest key. */
const BOUND_BYTES_MAX = KEY_BYTES_MAX + 1
const DELETED = 0
const EXPIRED = 1
const PUT = 2
const VERSION = 1

/**
 * Layout: version u8 · start with its length · has an end u8 · end with its length · bytesMax,
 * holdMs, count varints · for each place: group, after varints.
 */
export function encodeWatchQuestion(question: WatchQuestion): Uint8Array {
  const { span, bytesMax, holdMs, places } = question
  const writer = new ByteWriter(64 + places.length * 8).u8(VERSION)
  writer.bytes(span.start).u8(span.end === undefined ? 0 : 1)
  if (span.end !== undefined) writer.bytes(span.end)
  writer.varint(bytesMax).varint(holdMs).varint(places.length)
  for (const { group, after } of places) writer.varint(group).varint(after)
  return writer.finish()
}

/** Throws Malformed. The span is a view. */
export function decodeWatchQuestion(bytes: Uint8Array): WatchQuestion {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== VERSION) throw new Malformed('unknown version of a watch')
  const start = reader.bytes(BOUND_BYTES_MAX)
  const end = reader.u8() === 0 ? undefined : reader.bytes(BOUND_BYTES_MAX)
  const bytesMax = reader.varint()
  const holdMs = reader.varint()
  const count = reader.varint()
  if (count > WATCH_PLACES_MAX) throw new Malformed(`${count} groups watched`)
  const places: WatchPlace[] = []
  for (let i = 0; i < count; i++) places.push({ group: reader.varint(), after: reader.varint() })
  reader.end()
  return { span: { start, end }, bytesMax, holdMs, places }
}

/**
 * Layout: version u8 · count of pages varint · of each: group varint · verdict u8 · upTo, count of
 * changes varints · of each: position, place varints · kind u8 · key with its length · revision
 * varint · of a put: value with its length.
 */
export function encodeWatchAnswer(pages: readonly WatchPage[], bytes = 256): Uint8Array {
  const writer = new ByteWriter(bytes).u8(VERSION).varint(pages.length)
  for (const { group, verdict, upTo, changes } of pages) {
    writer.varint(group).u8(WATCH_VERDICTS.indexOf(verdict)).varint(upTo).varint(changes.length)
    for (const { position, place, key, revision, value, expired } of changes) {
      writer.varint(position).varint(place)
      writer.u8(value !== undefined ? PUT : expired ? EXPIRED : DELETED)
      writer.bytes(key).varint(revision)
      if (value !== undefined) writer.bytes(value)
    }
  }
  return writer.finish()
}

/** Throws Malformed, unless positions rise and none is above `upTo`. Keys and values are views. */
export function decodeWatchAnswer(bytes: Uint8Array): readonly WatchPage[] {
  if (bytes.length > FRAME_BODY_BYTES_MAX) throw new Malformed('too large an answer')
  const reader = new ByteReader(bytes)
  if (reader.u8() !== VERSION) throw new Malformed('unknown version of a watch')
  const count = reader.varint()
  if (count > WATCH_PLACES_MAX) throw new Malformed(`${count} groups told`)
  const pages: WatchPage[] = []
  for (let i = 0; i < count; i++) pages.push(readPage(reader))
  reader.end()
  return pages
}

function readPage(reader: ByteReader): WatchPage {
  const group = reader.varint()
  const verdict = WATCH_VERDICTS[reader.u8()]
  if (verdict === undefined) throw new Malformed('unknown verdict of a watch')
  const upTo = reader.varint()
  const count = reader.varint()
  if (count > reader.remaining) throw new Malformed(`${count} changes in too few bytes`)
  const changes: WatchedChange[] = []
  let last: WatchedChange | undefined
  for (let i = 0; i < count; i++) {
    const change = readChange(reader)
    const { position, place } = change
    const isBehind =
      last === undefined ||
      position > last.position ||
      (position === last.position && place > last.place)
    if (!isBehind || position > upTo) throw new Malformed('changes out of order')
    changes.push(change)
    last = change
  }
  return { group, verdict, upTo, changes }
}

function readChange(reader: ByteReader): WatchedChange {
  const position = reader.varint()
  const place = reader.varint()
  const kind = reader.u8()
  if (kind > PUT) throw new Malformed('unknown kind of change')
  const key = reader.bytes(KEY_BYTES_MAX)
  const revision = reader.varint()
  const value = kind === PUT ? reader.bytes(VALUE_BYTES_MAX) : undefined
  return { position, place, key, revision, value, expired: kind === EXPIRED }
}

export function isWithin(key: Uint8Array, { start, end }: KeySpan): boolean {
  return compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0)
}

/** The answer to a `position` request: the number the last command of the group took. */
export function encodePosition(position: number): Uint8Array {
  return new ByteWriter(8).varint(position).finish()
}

/** Throws Malformed. */
export function decodePosition(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes)
  const position = reader.varint()
  reader.end()
  return position
}
