import type { Place } from '../state/lock-record.ts'
import { LOCK_PLACES_AT_ONCE_MAX } from '../wire/limits.ts'
import type { Expiry, LockName } from '../wire/lock.ts'
import { sometimes } from '../world/sometimes.ts'

interface Timer {
  readonly lock: LockName
  /** Monotonic ms. */
  dueAt: number
}

/** A place that was proposed to expire and is still there is proposed again so much later. */
const AGAIN_MS = 500
/**
 * Ticks that come so much later than they should: this process stood still, and heard no renewal
 * that came meanwhile. That time counts for nobody.
 */
const GAP_MS_MIN = 300

/**
 * A leader's timers, one for each place at a lock of its group, by the monotonic clock: it runs for
 * the place's ttl from the moment the leader saw it taken, renewed or granted.
 */
export class LockTimers {
  readonly #timers = new Map<Place, Timer>()
  /** No timer is due before. */
  #earliest = Number.POSITIVE_INFINITY
  #tickedAt: number | undefined

  get count(): number {
    return this.#timers.size
  }

  start(lock: LockName, place: Place, now: number): void {
    const dueAt = now + place.ttlMs
    const timer = this.#timers.get(place)
    if (timer === undefined) this.#timers.set(place, { lock, dueAt })
    else timer.dueAt = dueAt
    this.#earliest = Math.min(this.#earliest, dueAt)
  }

  stop(place: Place): void {
    this.#timers.delete(place)
  }

  clear(): void {
    this.#timers.clear()
    this.#earliest = Number.POSITIVE_INFINITY
  }

  leftMs(place: Place, now: number): number {
    const dueAt = this.#timers.get(place)?.dueAt ?? now + place.ttlMs
    return Math.max(0, Math.ceil(dueAt - now))
  }

  /** Places whose time is over, as many as one command may be about. Call it at each tick. */
  due(now: number): readonly Expiry[] {
    this.#skipGap(now)
    if (now < this.#earliest) return []
    const expiries: Expiry[] = []
    this.#earliest = Number.POSITIVE_INFINITY
    for (const [place, timer] of this.#timers) {
      if (timer.dueAt <= now && expiries.length < LOCK_PLACES_AT_ONCE_MAX) {
        const { guard, key } = timer.lock
        const number = place.token > 0 ? place.token : place.ticket
        expiries.push({ guard, key, number, renewals: place.renewals })
        timer.dueAt = now + AGAIN_MS
      }
      this.#earliest = Math.min(this.#earliest, timer.dueAt)
    }
    return expiries
  }

  #skipGap(now: number): void {
    const gap = now - (this.#tickedAt ?? now)
    this.#tickedAt = now
    if (gap < GAP_MS_MIN || this.#timers.size === 0) return
    sometimes('partition: timers of locks stood still with their leader')
    for (const timer of this.#timers.values()) timer.dueAt += gap
    this.#earliest += gap
  }
}
