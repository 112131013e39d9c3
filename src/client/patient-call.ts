import { CODES, type Failure, failure } from '../wire/failure.ts'
import type { Cancel } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Shell } from './course.ts'
import type { DriverCall } from './driver.ts'
import type { CallOperation, CallOutcome } from './inputs.ts'
import type { Place } from './line.ts'

/** What is added to the wait that a refusal asks for: anything below twice as much each time. */
const FIRST_WAIT_MS = 20
const WAIT_MS_MAX = 500

/** Whose calls they are. */
export interface Caller {
  readonly shell: Shell
  readonly options: DriverCall
  /** Milliseconds to the deadline; below 0 after it. */
  readonly leftMs: number
  /** Nobody needs what it still asks for. */
  readonly isOver: boolean
}

/**
 * One call that waits in line until it may be made, and comes back as long as it is refused for
 * load alone: others rest on what it brings. `done` is called once, possibly before `start`
 * returns.
 */
export class PatientCall {
  readonly #caller: Caller
  readonly #operation: CallOperation
  readonly #done: (outcome: CallOutcome) => void
  #refusals = 0
  #place: Place | undefined
  #isOut = false
  #isGivenUp = false
  #cancel: Cancel = () => {}
  #stopTimer: Cancel = () => {}

  constructor(caller: Caller, operation: CallOperation, done: (outcome: CallOutcome) => void) {
    this.#caller = caller
    this.#operation = operation
    this.#done = done
  }

  /** Whether it has left, and has no answer yet. */
  get isOut(): boolean {
    return this.#isOut
  }

  start(): void {
    const { shell, leftMs } = this.#caller
    const place = shell.turns.line.enter(() => {
      this.#stopTimer()
      this.#send()
    })
    this.#place = place
    if (place === undefined) this.#refused(this.#crowded())
    else if (place.isIn) this.#send()
    else {
      sometimes('client: a call of a transaction waits in line')
      this.#stopTimer = shell.timers.after(Math.max(0, leftMs), () => this.#end(this.#crowded()))
    }
  }

  /** `done` hears what is certain about it. */
  cancel(): void {
    this.#isGivenUp = true
    if (this.#isOut) this.#cancel()
    else this.#end(failure('timeout', 'its caller stopped waiting'))
  }

  #send(): void {
    const { shell, options, leftMs } = this.#caller
    if (leftMs <= 0) {
      this.#end(this.#crowded())
      return
    }
    this.#isOut = true
    this.#cancel = shell.call(this.#operation, { ...options, timeoutMs: leftMs }, (outcome) => {
      this.#isOut = false
      this.#leave()
      const isRefusal = !outcome.ok && outcome.failure.code === 'overloaded'
      if (!isRefusal || outcome.failure.outcome !== 'not_applied') this.#done(outcome)
      else this.#refused(outcome.failure)
    })
  }

  /** Surely it did nothing. */
  #refused(refusal: Failure): void {
    const { shell, isOver, leftMs } = this.#caller
    const bound = Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** Math.min(this.#refusals++, 10))
    const waitMs = (refusal.retryAfterMs ?? 0) + 1 + shell.random.below(bound)
    if (isOver || this.#isGivenUp || waitMs >= leftMs) {
      this.#end(refusal)
      return
    }
    sometimes('client: a call of a transaction comes back after a refusal')
    this.#stopTimer = shell.timers.after(waitMs, () => {
      if (this.#caller.isOver) this.#end(refusal)
      else this.start()
    })
  }

  #end(failed: Failure): void {
    this.#stopTimer()
    this.#leave()
    this.#done({ ok: false, failure: failed })
  }

  #leave(): void {
    const place = this.#place
    this.#place = undefined
    place?.leave()
  }

  #crowded(): Failure {
    const { waiting } = this.#caller.shell.turns.line
    const message = `it got no turn among transactions of this client, ${waiting} calls wait`
    return failure('overloaded', `${message}. ${CODES.overloaded.advice}`)
  }
}
