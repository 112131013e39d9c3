/** What is inside leaves in so long. */
const STAY_SECONDS = 0.25
/** Shorter windows than this tell more of the disk's rhythm than of the load. */
const WINDOW_MS_MIN = 50
/**
 * Where each request waits for slow disks, or for turns that other work makes long, fewer would not
 * leave sooner: they would only be fewer.
 */
const LIMIT_MIN = 256
/** Before anything was measured: what one client has in flight at most, on one node. */
const LIMIT_COLD = 1_024
const LIMIT_MAX = 10_000
const RISE = 0.5
const FALL = 0.3
/** A node that is not busy forgets: what it could do a while ago says little about now. */
const FORGET = 0.1

/**
 * How many requests of one class may be inside a node. By Little's law those inside stay for their
 * number divided by the rate at which answers leave; so the bound is what leaves in 250 ms, as
 * measured. Pure: time comes as an argument, in milliseconds of a monotonic clock.
 */
export class Admission {
  #inside = 0
  #limit = LIMIT_COLD
  /** Answers a second. */
  #rate = LIMIT_COLD / STAY_SECONDS
  #answered = 0
  #refused = 0
  #since: number

  constructor(now: number) {
    this.#since = now
  }

  get inside(): number {
    return this.#inside
  }

  /** More are not let in. */
  get limit(): number {
    return this.#limit
  }

  /** Lets one in, or refuses it; one let in is to leave by `left`, once. */
  admit(): boolean {
    if (this.#inside >= this.#limit) {
      this.#refused++
      return false
    }
    this.#inside++
    return true
  }

  /** `served`: it had waited, and was answered; only that tells how fast those who wait leave. */
  left(served: boolean): void {
    this.#inside--
    if (served) this.#answered++
  }

  /** Ends a window. Call it about ten times a second. */
  tick(now: number): void {
    const elapsedMs = now - this.#since
    if (elapsedMs < WINDOW_MS_MIN) return
    const rate = (this.#answered * 1_000) / elapsedMs
    // Else the callers set the rate, and it does not tell how many the node could answer.
    const isBusy = this.#refused > 0 || this.#inside > rate * STAY_SECONDS
    if (rate > this.#rate) this.#rate += (rate - this.#rate) * RISE
    else if (isBusy) this.#rate += (rate - this.#rate) * FALL
    else this.#rate += (LIMIT_COLD / STAY_SECONDS - this.#rate) * FORGET
    const leaving = Math.round(this.#rate * STAY_SECONDS)
    this.#limit = Math.min(LIMIT_MAX, Math.max(LIMIT_MIN, leaving))
    this.#answered = 0
    this.#refused = 0
    this.#since = now
  }
}
