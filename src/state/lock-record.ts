import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import { LOCK_OWNER_BYTES_MAX } from '../wire/limits.ts'
import type { LockName } from '../wire/lock.ts'
import { lasting } from '../wire/slab.ts'
import { lockKey, lockNameOf, lockText } from './layout.ts'
import type { Row } from './unwritten-rows.ts'

/** Somebody's place at a lock: the same object from its acquire to its end. */
export interface Place {
  /** The number of its acquire. */
  readonly ticket: number
  /** The number of its grant; 0: it waits. */
  token: number
  readonly shared: boolean
  readonly owner: string
  ttlMs: number
  renewals: number
  /** Entry time of its grant, or of its acquire. */
  since: number
}

export interface LockRecord extends LockName {
  /** As lockText tells it. */
  readonly name: string
  /** Of the latest grant; 0: none yet. */
  token: number
  /** The number under which it came free; 0: it is held. */
  freed: number
  /** In the order of their grants: one, or any number who share it. */
  readonly holders: Place[]
  /** First come, first served. */
  readonly queue: Place[]
}

const VERSION = 1
const SHARED = 1
/** Of both lists; more is no record of ours. */
const PLACES_MAX = 100_000

/**
 * Layout: version u8 · token, freed, holders, waiters varints · places, each flags u8 · ticket,
 * token, ttl, renewals, since varints · owner with its length.
 */
export function lockRow(lock: LockRecord): Row {
  const { token, freed, holders, queue } = lock
  const writer = new ByteWriter(32 + (holders.length + queue.length) * 48)
  writer.u8(VERSION).varint(token).varint(freed).varint(holders.length).varint(queue.length)
  for (const place of holders) writePlace(writer, place)
  for (const place of queue) writePlace(writer, place)
  return [lockKey(lock), lasting.copy(writer.finish())]
}

/** Throws Malformed unless it is a lock as one flush left it. */
export function decodeLock(key: Uint8Array, value: Uint8Array): LockRecord {
  const name = lockNameOf(key)
  const reader = new ByteReader(value)
  if (reader.u8() !== VERSION) throw new Malformed('unknown version of a lock')
  const [token, freed] = [reader.varint(), reader.varint()]
  const [held, waiting] = [reader.varint(), reader.varint()]
  if (held + waiting > PLACES_MAX) throw new Malformed('too many places at one lock')
  const places = Array.from({ length: held + waiting }, () => readPlace(reader))
  reader.end()
  const holders = places.slice(0, held)
  const queue = places.slice(held)
  const lock = { ...name, name: lockText(name), token, freed, holders, queue }
  checkLock(lock)
  return lock
}

/** What every command leaves as it is. Throws Malformed. */
function checkLock({ token, freed, holders, queue }: LockRecord): void {
  if (holders.length === 0 ? freed === 0 || queue.length > 0 : freed !== 0) {
    throw new Malformed('a lock that is neither held nor free')
  }
  if (holders.length > 1 && !holders.every(({ shared }) => shared)) {
    throw new Malformed('an exclusive lock with several holders')
  }
  if (!holders.every((place) => place.token > 0 && place.token <= token)) {
    throw new Malformed('a holder whose token was never given')
  }
  if (!queue.every((place) => place.token === 0)) throw new Malformed('a waiter with a token')
  const tickets = queue.map(({ ticket }) => ticket)
  if (tickets.some((ticket, i) => i > 0 && ticket <= (tickets[i - 1] as number))) {
    throw new Malformed('a queue out of order')
  }
}

function writePlace(writer: ByteWriter, place: Place): void {
  const { ticket, token, ttlMs, renewals, since, owner } = place
  writer
    .u8(place.shared ? SHARED : 0)
    .varint(ticket)
    .varint(token)
    .varint(ttlMs)
  writer.varint(renewals).varint(since).text(owner)
}

function readPlace(reader: ByteReader): Place {
  const flags = reader.u8()
  if (flags & ~SHARED) throw new Malformed('unknown flags')
  return {
    shared: flags === SHARED,
    ticket: reader.varint(),
    token: reader.varint(),
    ttlMs: reader.varint(),
    renewals: reader.varint(),
    since: reader.varint(),
    owner: reader.text(LOCK_OWNER_BYTES_MAX)
  }
}
