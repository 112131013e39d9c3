import type { Clock } from '../world/clock.ts'
import type { Logger, LogLevel } from '../world/log.ts'

/** So many lines may come at once, */
const BURST = 10
/** and then one in so many ms. */
const PACE_MS = 1_000

/** For events that can come in floods: what is too much is counted, and the next line says so. */
export class ThrottledLog {
  readonly #logger: Logger
  readonly #clock: Clock
  /** Lines that may be written now, with a fraction. */
  #allowed = BURST
  #at: number
  #suppressed = 0

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger
    this.#clock = clock
    this.#at = clock.monotonic()
  }

  /** `fields` is asked only for a line that is written. */
  log(level: LogLevel, event: string, fields: () => Readonly<Record<string, unknown>>): void {
    const now = this.#clock.monotonic()
    this.#allowed = Math.min(BURST, this.#allowed + (now - this.#at) / PACE_MS)
    this.#at = now
    if (this.#allowed < 1) {
      this.#suppressed++
      return
    }
    this.#allowed--
    const suppressed = this.#suppressed
    this.#suppressed = 0
    this.#logger.log(level, event, suppressed === 0 ? fields() : { ...fields(), suppressed })
  }
}
