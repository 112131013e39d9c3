import type { Clock } from '../world/clock.ts'

/** The wall clock as far as this node may trust it; see ClusterClock. */
export interface TrustedClock {
  /** Unix time, whole ms. It may go back. */
  now(): number
  /** Whether `now` may be followed wherever it leads; otherwise only elapsed time counts. */
  readonly fit: boolean
  /** The best guess there is at Unix time, fit or not: for what has no time to go on from. */
  likely(): number
}

/** A group ahead of the clock goes on so fast: it falls back in line, and keys still expire. */
const AHEAD_RATE = 0.9

/**
 * What time it is in one group (design §7 *Time*). It never stands still and never goes back: from
 * the latest time an entry brought it runs with the monotonic clock, and it leaps forward only to a
 * trusted clock that is fit. So a wall clock that fails, on whichever side, stretches or shortens
 * no ttl, and an entry time far in the future harms nothing that is written after it.
 *
 * A group that was never written to has no time. It begins with the likeliest one, also beside a
 * clock that is not fit: with elapsed time alone it would be 1970 there, and all that has a ttl
 * would be gone with the first leader whose clock is right.
 */
export class GroupTime {
  readonly #clock: Clock
  readonly #trusted: TrustedClock
  /** The group's time, fractional, when the monotonic clock showed `#at`; 0: it has none yet. */
  #time: number
  #at: number

  constructor(clock: Clock, trusted: TrustedClock, time: number) {
    this.#clock = clock
    this.#trusted = trusted
    this.#time = time
    this.#at = clock.monotonic()
  }

  /** An applied entry brought the group's state to `time`. */
  heard(time: number): void {
    this.#run()
    if (time > this.#time) this.#time = time
  }

  /** The time to propose now, whole ms: never less than any before it. */
  now(): number {
    this.#run()
    if (this.#trusted.fit) this.#time = Math.max(this.#time, this.#trusted.now())
    else if (this.#time === 0) this.#time = this.#trusted.likely()
    return Math.floor(this.#time)
  }

  /** What `now` would say, for a look at what expired: no later time is bound by it. */
  look(): number {
    this.#run()
    if (this.#trusted.fit) return Math.floor(Math.max(this.#time, this.#trusted.now()))
    return Math.floor(this.#time === 0 ? this.#trusted.likely() : this.#time)
  }

  #run(): void {
    const monotonic = this.#clock.monotonic()
    const elapsed = monotonic - this.#at
    this.#at = monotonic
    if (this.#time === 0) return
    const inLine = this.#trusted.fit ? this.#trusted.now() : Number.POSITIVE_INFINITY
    const full = this.#time + elapsed
    this.#time = full > inLine ? Math.max(inLine, this.#time + elapsed * AHEAD_RATE) : full
  }
}
