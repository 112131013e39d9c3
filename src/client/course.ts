import { CODES, type Failure, failure } from '../wire/failure.ts'
import type { AbortReason } from '../wire/result.ts'
import type { Work } from '../wire/transaction.ts'
import type { Cancel, Clock, Timers } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import { sometimes } from '../world/sometimes.ts'
import type { DriverCall } from './driver.ts'
import type { CallOperation, CallOutcome } from './inputs.ts'

/** What carries the calls of a transaction, and what it waits by. A ClientDriver is one. */
export interface Shell {
  call(operation: CallOperation, options: DriverCall, done: (outcome: CallOutcome) => void): Cancel
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
}

/** The wait before another attempt: at most twice as long each time, and anything below it. */
const FIRST_WAIT_MS = 20
const WAIT_MS_MAX = 500
/**
 * From this attempt on the groups are prepared one after the other: slower, and of any that meet
 * again and again one gets through.
 */
const IN_ORDER_FROM = 3

/** All calls and waits of one transaction up to its deadline, given up together. */
export class Course {
  readonly #shell: Shell
  readonly #options: DriverCall
  readonly #deadline: number
  readonly #calls = new Set<Cancel>()
  #resume: (() => void) | undefined
  #stopWait: Cancel = () => {}
  #isGivenUp = false
  /** Attempts to commit that were sent. */
  #sent = 0
  /** Attempts of any kind that came to nothing. */
  #failed = 0
  /** Why the last of them did. */
  #why: AbortReason | undefined

  constructor(shell: Shell, options: DriverCall) {
    this.#shell = shell
    this.#options = options
    this.#deadline = shell.clock.monotonic() + options.timeoutMs
  }

  /** Milliseconds to the deadline; below 0 after it. */
  get leftMs(): number {
    return this.#deadline - this.#shell.clock.monotonic()
  }

  /** As Shell.call, with all the time that is left. */
  call(operation: CallOperation, done: (outcome: CallOutcome) => void): Cancel {
    const timeoutMs = this.leftMs
    if (this.#isGivenUp || timeoutMs <= 0) {
      const why = this.#isGivenUp ? 'its caller stopped waiting' : this.#late
      done({ ok: false, failure: failure('timeout', why) })
      return () => {}
    }
    // It may end before it returns.
    let cancel: Cancel = () => {}
    let isOver = false
    const cancelOnce = (): void => {
      if (!isOver) cancel()
    }
    this.#calls.add(cancelOnce)
    cancel = this.#shell.call(operation, { ...this.#options, timeoutMs }, (outcome) => {
      isOver = true
      this.#calls.delete(cancelOnce)
      done(this.#told(outcome))
    })
    return cancelOnce
  }

  /** A read that had no time left, because of what went before it. */
  #told(outcome: CallOutcome): CallOutcome {
    const why = this.#why
    if (outcome.ok || why === undefined || this.#isGivenUp) return outcome
    if (outcome.failure.code !== 'timeout') return outcome
    return { ok: false, failure: this.#contention(why) }
  }

  /** One attempt to commit. */
  transact({ checks, writes }: Work, done: (outcome: CallOutcome) => void): void {
    const inOrder = ++this.#sent >= IN_ORDER_FROM
    if (inOrder) sometimes('client: a transaction prepares its groups in order')
    this.call({ kind: 'transact', checks, writes, inOrder }, done)
  }

  /**
   * Calls `run` after a wait, because an attempt came to nothing. Returns how the transaction fails
   * if there is no time for another one, and does nothing then.
   */
  again(why: AbortReason, run: () => void): Failure | undefined {
    const bound = Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** Math.min(this.#failed++, 10))
    const waitMs = 1 + this.#shell.random.below(bound)
    this.#why = why
    if (waitMs >= this.leftMs) return this.#contention(why)
    this.#resume = run
    this.#stopWait = this.#shell.timers.after(waitMs, () => this.#go())
    if (this.#isGivenUp) this.#go()
    return undefined
  }

  /** Ends all of it: whoever waits for a call or a turn hears of it at once. */
  cancel(): void {
    this.#isGivenUp = true
    for (const cancel of [...this.#calls]) cancel()
    this.#go()
  }

  #go(): void {
    const resume = this.#resume
    this.#resume = undefined
    this.#stopWait()
    resume?.()
  }

  #contention(why: AbortReason): Failure {
    sometimes('client: a transaction does not get through')
    const tried = `${this.#failed} ${this.#failed === 1 ? 'attempt' : 'attempts'}`
    const message = `${tried} came to nothing (last: ${why}), and ${this.#late}`
    return failure('contention', `${message}. ${CODES.contention.advice}`)
  }

  get #late(): string {
    return `no time is left of ${this.#options.timeoutMs} ms`
  }
}
