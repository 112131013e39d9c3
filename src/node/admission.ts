import { COMMAND_BYTES_MAX } from '../wire/limits.ts'

/** Shorter windows than this tell more of the disk's rhythm than of the load. */
const WINDOW_MS_MIN = 50
const MIB = 1024 * 1024

export interface AdmissionBounds {
  /** What is inside leaves in so long. */
  readonly staySeconds: number
  readonly min: number
  /** Before anything was measured. */
  readonly cold: number
  readonly max: number
}

/**
 * Requests. To wait for so long is better than to be refused and told to come back in a second, and
 * costs the node less. Where each waits for slow disks, or for turns that other work makes long,
 * fewer than the least would not leave sooner: they would only be fewer. A cold node takes what one
 * client has in flight at most.
 */
export const REQUESTS: AdmissionBounds = { staySeconds: 0.6, min: 256, cold: 1_024, max: 10_000 }

/** Pages of scans: each is the work of a hundred small requests, and waits for others. */
export const PAGES: AdmissionBounds = { staySeconds: 0.6, min: 128, cold: 256, max: 2_000 }

/**
 * Bytes of their bodies. Large values leave in longer turns, and some of the largest must always
 * pass.
 */
export const BYTES: AdmissionBounds = {
  staySeconds: 0.6,
  min: 4 * MIB,
  cold: 8 * MIB,
  max: 64 * MIB
}

/**
 * Of bytes, for the parts of transactions that were let in, here or elsewhere: all those of one of
 * the largest, beside itself. To refuse them would waste what was done for the others.
 */
export const PARTS_SPARE_BYTES = 2 * COMMAND_BYTES_MAX

const RISE = 0.5
const FALL = 0.3
/** A node that is not busy forgets: what it could do a while ago says little about now. */
const FORGET = 0.1

/**
 * How many requests of one class, or bytes of them, may be inside a node. By Little's law those
 * inside stay for their number divided by the rate at which answers leave; so the bound is what
 * leaves in a given time, as measured. Pure: time comes as an argument, in milliseconds of a
 * monotonic clock.
 */
export class Admission {
  readonly #bounds: AdmissionBounds
  #inside = 0
  #limit: number
  /** Answered a second. */
  #rate: number
  #answered = 0
  #refused = 0
  #since: number

  constructor(now: number, bounds: AdmissionBounds) {
    this.#bounds = bounds
    this.#limit = bounds.cold
    this.#rate = bounds.cold / bounds.staySeconds
    this.#since = now
  }

  get inside(): number {
    return this.#inside
  }

  /** How long who comes now will stay, in ms, as measured. */
  get stayMs(): number {
    return (this.#inside / this.#rate) * 1_000
  }

  /** More is not let in. */
  get limit(): number {
    return this.#limit
  }

  /**
   * Lets `cost` in, or refuses it; what was let in is to leave by `left`, once. What is larger than
   * half of the limit needs no more room than that: else there would be none for it at all while
   * the limit is low. `spare`: above the limit, for this one.
   */
  admit(cost: number, spare = 0): boolean {
    if (this.#inside + Math.min(cost, this.#limit / 2) > this.#limit + spare) {
      this.#refused++
      return false
    }
    this.#inside += cost
    return true
  }

  /** `served`: it had waited, and was answered; only that tells how fast those who wait leave. */
  left(cost: number, served: boolean): void {
    this.#inside -= cost
    if (served) this.#answered += cost
  }

  /** Ends a window. Call it about ten times a second. */
  tick(now: number): void {
    const elapsedMs = now - this.#since
    if (elapsedMs < WINDOW_MS_MIN) return
    const { staySeconds, min, cold, max } = this.#bounds
    const rate = (this.#answered * 1_000) / elapsedMs
    // Else the callers set the rate, and it does not tell how much the node could answer.
    const isBusy = this.#refused > 0 || this.#inside > rate * staySeconds
    if (rate > this.#rate) this.#rate += (rate - this.#rate) * RISE
    else if (isBusy) this.#rate += (rate - this.#rate) * FALL
    else this.#rate += (cold / staySeconds - this.#rate) * FORGET
    this.#limit = Math.min(max, Math.max(min, Math.round(this.#rate * staySeconds)))
    this.#answered = 0
    this.#refused = 0
    this.#since = now
  }
}
