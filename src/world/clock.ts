/** Where a component reads time. The simulator and the real process each supply one. */
export interface Clock {
  /** Milliseconds, fractional, since an arbitrary start; never goes back, not even over a pause. */
  monotonic(): number
  /** Unix time in whole milliseconds. It may jump either way; nothing safe may rest on it. */
  wall(): number
}

/** A number of milliseconds from now, on a monotonic clock. */
export type Cancel = () => void

/** Where a component asks to be called later. Callbacks never run inside the call that set them. */
export interface Timers {
  /** Calls `run` once, `delayMs` or a little more from now. The result cancels it (idempotent). */
  after(delayMs: number, run: () => void): Cancel
  /**
   * Calls `run` when the inputs that have already arrived were handled: the end of this turn.
   * Work gathered in one turn (frames, log records, proposals) goes out together there.
   */
  soon(run: () => void): void
}
