/** With fewer at once each costs more: what a turn costs whatever is in it is shared by fewer. */
export const WIDTH_MIN = 160
/** Whoever is refused waits for a turn to be read, and most of another one to be answered. */
const LATE_MS_LONG = 16
const LATE_MS_SHORT = 8
/** A process that stood still says nothing about its load. */
const LATE_MS_MAX = 100
const SMOOTHING = 0.3
const GROWTH = 1.25
const SHRINKING = 0.8

/** What a guest takes of a turn, 1 or more. It must not change. */
interface Guest {
  readonly weight: number
}

/**
 * Those who may be served and those behind them who wait for a place, in the order they came. How
 * many are served at once makes no difference to how many are served, but turns of the event loop
 * are as long as what is done in them: while turns are long, fewer are served at once. Pure.
 */
export class Line<G extends Guest> {
  readonly #serve: (guest: G) => void
  /** In the order they came. */
  readonly #waiting = new Set<G>()
  readonly #served = new Set<G>()
  #weight = 0
  #width = Number.POSITIVE_INFINITY
  /** Smoothed: how late timers come is how long turns still take when they are due. */
  #lateMs = 0

  /** `serve` may end in `left` at once. */
  constructor(serve: (guest: G) => void) {
    this.#serve = serve
  }

  /** Who has no place yet. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** The weight of those who are served at once; the last of them may be above it. */
  get width(): number {
    return this.#width
  }

  enter(guest: G): void {
    if (this.#waiting.size > 0 || this.#weight >= this.#width) this.#waiting.add(guest)
    else this.#begin(guest)
  }

  /** `guest` needs no place any more, whether it had one or not. Who waits is served by `fill`. */
  left(guest: G): void {
    if (this.#served.delete(guest)) this.#weight -= guest.weight
    else this.#waiting.delete(guest)
  }

  /** Gives the places that are free. Returns whether anybody took one. */
  fill(): boolean {
    if (this.#waiting.size === 0 || this.#weight >= this.#width) return false
    for (const guest of this.#waiting) {
      if (this.#weight >= this.#width) break
      this.#waiting.delete(guest)
      this.#begin(guest)
    }
    return true
  }

  /** Who waits, oldest first; each may leave meanwhile. */
  queue(): Iterable<G> {
    return this.#waiting
  }

  /** A timer came `lateMs` after it was due; at most `most` are inside. Call it at each tick. */
  tick(lateMs: number, most: number): void {
    this.#lateMs += (Math.min(LATE_MS_MAX, Math.max(0, lateMs)) - this.#lateMs) * SMOOTHING
    if (this.#lateMs > LATE_MS_LONG) {
      const width = Math.min(this.#width, this.#weight) * SHRINKING
      this.#width = Math.max(WIDTH_MIN, Math.round(width))
    } else if (this.#lateMs < LATE_MS_SHORT) {
      const width = this.#width * GROWTH
      this.#width = width >= most ? Number.POSITIVE_INFINITY : Math.round(width)
    }
  }

  #begin(guest: G): void {
    this.#served.add(guest)
    this.#weight += guest.weight
    this.#serve(guest)
  }
}
