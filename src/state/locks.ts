import type { Expiry, LockName, LockOperation, Renewal } from '../wire/lock.ts'
import type { Granted, LockHolder, LockResult, LockVerdict, LockView } from '../wire/lock-result.ts'
import { lasting } from '../wire/slab.ts'
import { assert } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import { CountedRows } from './counted-rows.ts'
import type { Multiset } from './hash.ts'
import type { Use } from './keys.ts'
import { lockText } from './layout.ts'
import { decodeLock, type LockRecord, lockRow, type Place } from './lock-record.ts'
import type { Table } from './table.ts'
import type { Row } from './unwritten-rows.ts'

type Acquire = Extract<LockOperation, { readonly type: 'acquire' }>

/** Part of what a command means: equal on all replicas of a group, for ever. */
export interface LockLimits {
  /** Holders and waiters of one lock. */
  readonly lockPlacesMax: number
  /** Of all locks together. */
  readonly placesMax: number
  /** Locks that nobody holds and whose last token is remembered. */
  readonly freeLocksMax: number
}

export const LOCK_LIMITS: LockLimits = {
  lockPlacesMax: 1_024,
  placesMax: 20_000,
  freeLocksMax: 1_000
}

/** Somebody holds the guard of this key: others wait before they change it, or rely on it. */
export interface Guarded {
  readonly guarded: Uint8Array
}

/** Hears of places as commands change them: for timers, and for those who wait for their turn. */
export interface LockListener {
  /** Its time begins anew: it was taken, or renewed, or is there already. */
  began(lock: LockName, place: Place): void
  /** So does the time of a place that was granted, at once or after waiting. */
  granted(lock: LockName, place: Place): void
  ended(place: Place, why: 'given up' | 'expired'): void
}

const LOST = { type: 'lost' } as const
const CROWDED: LockResult = { type: 'crowded' }
const RELEASED: LockResult = { type: 'released' }

/**
 * The locks of one group (docs/locks.md): who holds them and who waits. All of it is replicated
 * state, and no clock is read here.
 *
 * Invariant: a lock has one holder, or several who share it, or none; it has waiters only while it
 * is held, and the first of them could not be granted beside the holders.
 */
export class Locks {
  readonly #limits: LockLimits
  readonly #draw: () => number
  readonly #locks = new Map<string, LockRecord>()
  /** Those nobody holds, in the order in which they came free. */
  readonly #free = new Map<string, LockRecord>()
  readonly #rows = new CountedRows<LockRecord>(lockRow)
  #listener: LockListener | undefined
  /** Guards that are held: mostly there are none, and no write has to ask. */
  #guards = 0
  #holders = 0
  #waiters = 0

  /** `draw`: the next number of the counter. Throws Malformed unless `rows` are locks. */
  constructor(limits: LockLimits, rows: readonly Row[], draw: () => number) {
    this.#limits = limits
    this.#draw = draw
    const locks = rows.map(([key, value]) => decodeLock(key, value))
    for (const [i, { name }] of locks.entries()) this.#rows.written(name, rows[i] as Row)
    for (const lock of locks.sort((a, b) => a.freed - b.freed)) {
      this.#locks.set(lock.name, lock)
      if (lock.freed > 0) this.#free.set(lock.name, lock)
      if (lock.guard && lock.freed === 0) this.#guards++
      this.#holders += lock.holders.length
      this.#waiters += lock.queue.length
    }
  }

  get counts(): { readonly holders: number; readonly waiters: number } {
    return { holders: this.#holders, waiters: this.#waiters }
  }

  /** The one who hears from now on; it hears of all places that there are. */
  listen(listener: LockListener): void {
    this.#listener = listener
    for (const [lock, place] of this.places()) listener.began(lock, place)
  }

  /** All places, with their locks. */
  *places(): Iterable<readonly [LockRecord, Place]> {
    for (const lock of this.#locks.values()) {
      for (const place of lock.holders) yield [lock, place]
      for (const place of lock.queue) yield [lock, place]
    }
  }

  /** Whether the lock is held with this token. */
  isHeld(lock: LockName, token: number): boolean {
    return this.#find(lock)?.holders.some((place) => place.token === token) ?? false
  }

  get hasGuards(): boolean {
    return this.#guards > 0
  }

  /** Undefined: nobody holds the guard of `key`. */
  guardOf(key: Uint8Array): Guarded | undefined {
    if (this.#guards === 0) return undefined
    const lock = this.#find({ guard: true, key })
    return lock === undefined || lock.holders.length === 0 ? undefined : { guarded: lock.key }
  }

  /** The place that goes by this token or ticket. */
  place(lock: LockName, number: number): Place | undefined {
    const found = this.#find(lock)
    if (found === undefined) return undefined
    return holderOf(found, number) ?? found.queue.find(({ ticket }) => ticket === number)
  }

  /** `leftMs`: of the first holder's ttl. */
  view(lock: LockName, time: number, leftMs: (place: Place) => number): LockView {
    const found = this.#find(lock)
    if (found === undefined) return { token: 0, waiters: 0, holders: 0 }
    const { token, holders, queue } = found
    const counts = { token, waiters: queue.length, holders: holders.length }
    const [first] = holders
    if (first === undefined) return counts
    const { shared } = first
    const held = { ...toldHolder(found, time), token: first.token, shared }
    return { ...counts, held: { ...held, expiresInMs: leftMs(first) } }
  }

  acquire(asked: Acquire, { number, time }: Use): LockResult {
    const { shared } = asked
    const found = this.#find(asked)
    const isFree = found === undefined || isOpen(found, shared)
    if (found !== undefined && !isFree && !asked.wait) {
      return { type: 'locked', holder: toldHolder(found, time) }
    }
    if (this.#isCrowded(found)) return CROWDED
    const lock = found ?? this.#make(asked)
    const { owner, ttlMs } = asked
    const place = { ticket: number, token: 0, shared, owner, ttlMs, renewals: 0, since: time }
    if (isFree) return this.#grant(lock, place, time)
    lock.queue.push(place)
    this.#waiters++
    this.#began(lock, place)
    const ahead = lock.queue.length - 1
    return { type: 'waiting', ticket: number, ahead, holder: toldHolder(lock, time) }
  }

  renew(places: readonly Renewal[]): LockResult {
    return { type: 'renewed', verdicts: places.map((place) => this.#renew(place)) }
  }

  /** Requires: no transaction relies on it. */
  release(name: LockName, token: number, { time }: Use): LockResult {
    const lock = this.#find(name)
    const place = lock?.holders.find((one) => one.token === token)
    if (lock === undefined || place === undefined) return LOST
    this.#end(lock, place, time, 'given up')
    return RELEASED
  }

  leave(name: LockName, ticket: number, { time }: Use): LockResult {
    const lock = this.#find(name)
    if (lock === undefined) return LOST
    const granted = holderOf(lock, ticket)
    if (granted !== undefined) {
      sometimes('state: a lock is granted before its waiter leaves')
      return told(granted)
    }
    const place = lock.queue.find((one) => one.ticket === ticket)
    if (place === undefined) return LOST
    const holder = toldHolder(lock, time)
    this.#end(lock, place, time, 'given up')
    return { type: 'left', holder }
  }

  /** The place is gone, unless it was renewed since. Requires: no transaction relies on it. */
  expire(expiry: Expiry, { time }: Use): void {
    const lock = this.#find(expiry)
    const { number, renewals } = expiry
    const place =
      lock?.holders.find(({ token }) => token === number) ??
      lock?.queue.find(({ ticket }) => ticket === number)
    if (lock === undefined || place === undefined) return
    if (place.renewals !== renewals) {
      sometimes('state: a lock is renewed before it expires')
      return
    }
    if (place.token > 0) sometimes('state: a lock expires')
    else sometimes('state: a waiter expires')
    this.#end(lock, place, time, 'expired')
  }

  /** Brings the table up to date. */
  flush(table: Table): void {
    this.#rows.flush(table)
  }

  /** The sum over the rows of all locks. */
  hash(): Multiset {
    return this.#rows.hash()
  }

  #find(lock: LockName): LockRecord | undefined {
    return this.#locks.size === 0 ? undefined : this.#locks.get(lockText(lock))
  }

  #make({ guard, key }: LockName): LockRecord {
    const own = { guard, key: lasting.copy(key) }
    const name = lockText(own)
    const lock = { ...own, name, token: 0, freed: 0, holders: [], queue: [] }
    this.#locks.set(name, lock)
    return lock
  }

  #isCrowded(lock: LockRecord | undefined): boolean {
    const { lockPlacesMax, placesMax } = this.#limits
    if (this.#holders + this.#waiters >= placesMax) return true
    return lock !== undefined && lock.holders.length + lock.queue.length >= lockPlacesMax
  }

  #renew({ number, ttlMs, ...name }: Renewal): LockVerdict {
    const lock = this.#find(name)
    if (lock === undefined) return LOST
    const holder = holderOf(lock, number)
    const ahead = holder === undefined ? lock.queue.findIndex((one) => one.ticket === number) : 0
    const place = holder ?? lock.queue[ahead]
    if (place === undefined) return LOST
    place.renewals++
    if (ttlMs !== undefined) place.ttlMs = ttlMs
    this.#began(lock, place)
    if (holder === undefined) return { type: 'queued', ahead }
    return holder.token === number ? { type: 'held' } : told(holder)
  }

  #grant(lock: LockRecord, place: Place, time: number): Granted {
    const token = this.#draw()
    assert(token > lock.token, 'a token that is not above the last one')
    if (lock.freed > 0) this.#free.delete(lock.name)
    if (lock.guard && lock.holders.length === 0) this.#guards++
    lock.freed = 0
    lock.token = token
    place.token = token
    place.since = time
    lock.holders.push(place)
    this.#holders++
    this.#rows.changed(lock.name, lock)
    this.#listener?.granted(lock, place)
    return told(place)
  }

  /** The place is no more: whoever is next gets the lock. */
  #end(lock: LockRecord, place: Place, time: number, why: 'given up' | 'expired'): void {
    if (place.token > 0) {
      lock.holders.splice(lock.holders.indexOf(place), 1)
      this.#holders--
      if (lock.guard && lock.holders.length === 0) this.#guards--
    } else {
      lock.queue.splice(lock.queue.indexOf(place), 1)
      this.#waiters--
    }
    this.#rows.changed(lock.name, lock)
    this.#listener?.ended(place, why)
    for (;;) {
      const [next] = lock.queue
      if (next === undefined || !isGrantable(lock, next.shared)) break
      lock.queue.shift()
      this.#waiters--
      this.#grant(lock, next, time)
    }
    if (lock.holders.length === 0) this.#freed(lock)
  }

  #freed(lock: LockRecord): void {
    lock.freed = this.#draw()
    this.#free.set(lock.name, lock)
    if (this.#free.size <= this.#limits.freeLocksMax) return
    const [oldest] = this.#free.values()
    assert(oldest !== undefined, 'one of them is the oldest')
    this.#free.delete(oldest.name)
    this.#locks.delete(oldest.name)
    this.#rows.changed(oldest.name, undefined)
  }

  #began(lock: LockRecord, place: Place): void {
    this.#rows.changed(lock.name, lock)
    this.#listener?.began(lock, place)
  }
}

/** Whether somebody may hold it beside those who do. */
function isGrantable({ holders }: LockRecord, shared: boolean): boolean {
  const [first] = holders
  return first === undefined || (shared && first.shared)
}

/** Whether somebody who comes now may: nobody is overtaken. */
function isOpen(lock: LockRecord, shared: boolean): boolean {
  return lock.queue.length === 0 && isGrantable(lock, shared)
}

/** Both of its numbers name a holder. */
function holderOf({ holders }: LockRecord, number: number): Place | undefined {
  return holders.find(({ token, ticket }) => token === number || ticket === number)
}

const told = ({ token, ttlMs }: Place): Granted => ({ type: 'granted', token, ttlMs })

/** Requires: it is held. */
function toldHolder({ holders }: LockRecord, time: number): LockHolder {
  const { owner, since } = holders[0] as Place
  return { owner, heldMs: Math.max(0, time - since) }
}
