import { keyText } from '../state/layout.ts'
import type { Place } from '../state/lock-record.ts'
import type { LockListener } from '../state/locks.ts'
import type { StateMachine } from '../state/state-machine.ts'
import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import { encodeCommand } from '../wire/command.ts'
import { type LockName, type LockPlace, readLockName, readLockPlace } from '../wire/lock.ts'
import { encodeLockView, type LockResult } from '../wire/lock-result.ts'
import { writeResult } from '../wire/result.ts'
import { sometimes } from '../world/sometimes.ts'
import { type Answered, type Asker, ok, rejected } from './answer.ts'
import { LockTimers } from './lock-timers.ts'
import type { Replica } from './replica.ts'

/** Requests of one group that wait for a grant at once. */
const WAITING_MAX = 10_000
const FULL = { waitMs: 100 } as const
const LOST: LockResult = { type: 'lost' }
/** What a leader proposes itself has no session: it may come any number of times. */
const OWN = { session: '0'.repeat(32), seq: 0, ackedUpTo: 0, basis: 0 } as const
/** Of what a leader proposes itself: whatever becomes of it, timers go on. */
const NOBODY: Asker = { respond: () => {}, isOver: () => false }

/** Requests that go on when nobody holds the guard of a key any more. */
interface GuardWait {
  readonly key: Uint8Array
  waiting: { readonly asker: Asker; readonly resume: () => void }[]
}

/** What it needs of its replica. */
type Desk = Pick<Replica, 'group' | 'state' | 'time' | 'isLeader' | 'notLeader' | 'mutate'>

/**
 * What the leader of a group does for its locks beside applying commands: it lets places expire
 * that nobody renews, and tells those who wait for a grant as soon as they have it.
 */
export class LockDesk implements LockListener {
  /** Since the start of this node, while it led. */
  readonly counts = { granted: 0, expired: 0 }
  readonly #replica: Desk
  readonly #now: () => number
  readonly #timers = new LockTimers()
  readonly #waiting = new Map<Place, Asker[]>()
  /** Writes of guarded keys, by key. */
  readonly #guarded = new Map<string, GuardWait>()
  #count = 0
  #leads = false
  /** Granted or ended since the last look, and somebody waits for it. */
  #news: Place[] = []
  readonly #ended = new WeakSet<Place>()

  constructor(replica: Desk, now: () => number) {
    this.#replica = replica
    this.#now = now
  }

  /** Requests that wait. */
  get count(): number {
    return this.#count
  }

  began(lock: LockName, place: Place): void {
    if (!this.#leads) return
    this.#timers.start(lock, place, this.#now())
  }

  granted(lock: LockName, place: Place): void {
    if (!this.#leads) return
    this.counts.granted++
    this.#timers.start(lock, place, this.#now())
    if (this.#waiting.has(place)) this.#news.push(place)
  }

  ended(place: Place, why: 'given up' | 'expired'): void {
    if (!this.#leads) return
    if (why === 'expired') this.counts.expired++
    this.#timers.stop(place)
    if (!this.#waiting.has(place)) return
    this.#ended.add(place)
    this.#news.push(place)
  }

  /** The state was opened, or another took its place. */
  attach({ locks }: Pick<StateMachine, 'locks'>): void {
    this.#timers.clear()
    locks.listen(this)
  }

  /** Every place gets its full ttl from a new leader: it does not know when they were renewed. */
  leadershipChanged(): void {
    this.#leads = this.#replica.isLeader
    this.#timers.clear()
    this.#refuseAll(this.#replica.notLeader())
    if (!this.#leads) return
    const now = this.#now()
    for (const [lock, place] of this.#replica.state.locks.places()) {
      this.#timers.start(lock, place, now)
    }
  }

  /** Has expire what nobody renewed, and lets go of who waits no more. */
  tick(): void {
    const now = this.#now()
    if (this.#count > 0) this.#sweep(now)
    if (!this.#leads) return
    const places = this.#timers.due(now)
    if (places.length > 0) {
      const operation = { type: 'expire', places } as const
      this.#replica.mutate(encodeCommand({ ...OWN, operation }), NOBODY)
    }
  }

  /** `resume` is called when nobody guards `key`; never, if `asker` is over or was told. */
  waitForGuard(key: Uint8Array, asker: Asker, resume: () => void): void {
    if (this.#mayNotWait(asker)) return
    const name = keyText(key)
    const held = this.#guarded.get(name)
    if (held === undefined)
      this.#guarded.set(name, { key: key.slice(), waiting: [{ asker, resume }] })
    else held.waiting.push({ asker, resume })
    this.#count++
  }

  /** Entries were applied: who was granted its lock, or lost its place, hears of it. */
  applied(): void {
    for (const [name, { key, waiting }] of this.#guarded) {
      if (this.#replica.state.locks.guardOf(key) !== undefined) continue
      sometimes('partition: a write waited for a guard')
      this.#guarded.delete(name)
      this.#count -= waiting.length
      for (const { resume } of waiting) resume()
    }
    if (this.#news.length === 0) return
    const news = this.#news
    this.#news = []
    for (const place of news) {
      const askers = this.#waiting.get(place)
      if (askers === undefined) continue
      sometimes('partition: a request waited for a grant')
      this.#waiting.delete(place)
      this.#count -= askers.length
      for (const asker of askers) asker.respond(this.#told(this.#fateOf(place)))
    }
  }

  /** A request `lock`: requires that the state may be read. */
  view(body: Uint8Array, asker: Asker): void {
    const name = parsed(body, readLockName, asker)
    if (name === undefined) return
    const { locks, applied } = this.#replica.state
    const now = this.#now()
    const time = this.#replica.time.look()
    const view = locks.view(name, time, (place) => this.#timers.leftMs(place, now))
    asker.respond(ok(applied.index, encodeLockView(view)))
  }

  /** A request `await-grant`: requires that the state may be read. */
  awaitGrant(body: Uint8Array, asker: Asker): void {
    const asked = parsed<LockPlace>(body, readLockPlace, asker)
    if (asked === undefined) return
    const place = this.#replica.state.locks.place(asked, asked.number)
    if (place === undefined || place.token > 0) {
      asker.respond(this.#told(this.#fateOf(place)))
      return
    }
    if (this.#mayNotWait(asker)) return
    const askers = this.#waiting.get(place)
    if (askers === undefined) this.#waiting.set(place, [asker])
    else askers.push(asker)
    this.#count++
  }

  /** Whether nobody may wait here now, or not one more; then it was told. */
  #mayNotWait(asker: Asker): boolean {
    // What it had to wait for before came when another leads: here it would wait in vain.
    if (!this.#leads) {
      sometimes('partition: a request comes to wait where nobody leads any more')
      asker.respond(this.#replica.notLeader())
      return true
    }
    if (this.#count < WAITING_MAX) return false
    const message = `too many wait for locks of group ${this.#replica.group}`
    asker.respond(rejected('overloaded', message, FULL))
    return true
  }

  #fateOf(place: Place | undefined): LockResult {
    if (place === undefined || this.#ended.has(place)) return LOST
    return { type: 'granted', token: place.token, ttlMs: place.ttlMs }
  }

  #told(result: LockResult): Answered {
    const writer = new ByteWriter(32)
    writeResult(writer, result)
    return ok(this.#replica.state.applied.index, writer.finish())
  }

  #sweep(now: number): void {
    for (const [place, askers] of this.#waiting) {
      const left = askers.filter((asker) => !asker.isOver(now))
      this.#count -= askers.length - left.length
      if (left.length === 0) this.#waiting.delete(place)
      else if (left.length < askers.length) this.#waiting.set(place, left)
    }
    for (const [name, held] of this.#guarded) {
      const before = held.waiting.length
      held.waiting = held.waiting.filter(({ asker }) => !asker.isOver(now))
      this.#count -= before - held.waiting.length
      if (held.waiting.length === 0) this.#guarded.delete(name)
    }
  }

  #refuseAll(answer: Answered): void {
    const writes = [...this.#guarded.values()].map(({ waiting }) =>
      waiting.map(({ asker }) => asker)
    )
    const all = [...this.#waiting.values(), ...writes]
    this.#waiting.clear()
    this.#guarded.clear()
    this.#news = []
    this.#count = 0
    for (const askers of all) for (const asker of askers) asker.respond(answer)
  }
}

/** Undefined: it is garbled, and the asker was told. */
function parsed<T>(body: Uint8Array, read: (reader: ByteReader) => T, asker: Asker): T | undefined {
  try {
    const reader = new ByteReader(body)
    const value = read(reader)
    reader.end()
    return value
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    asker.respond(rejected('invalid_argument', error.message))
    return undefined
  }
}
