import { CODES, type Failure, failure } from '../wire/failure.ts'
import type { Keyed } from '../wire/once.ts'
import type { AbortReason } from '../wire/result.ts'
import type { Work } from '../wire/transaction.ts'
import type { Cancel, Clock, Timers } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import { sometimes } from '../world/sometimes.ts'
import type { DriverCall } from './driver.ts'
import type { Pass, Uses } from './gates.ts'
import type { CallOperation, CallOutcome } from './inputs.ts'
import { PatientCall } from './patient-call.ts'
import type { Turns } from './turns.ts'

/** What carries the calls of a transaction, and what it waits by. A ClientDriver is one. */
export interface Shell {
  call(operation: CallOperation, options: DriverCall, done: (outcome: CallOutcome) => void): Cancel
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  /** Of all transactions over it. */
  readonly turns: Turns
}

/** Hears that it is its turn, or why it will not be. */
export type OnTurn = (late: Failure | undefined) => void

/** The wait before another attempt: at most twice as long each time, and anything below it. */
const FIRST_WAIT_MS = 5
const WAIT_MS_MAX = 500
/**
 * From this attempt on the groups are prepared one after the other: slower, and of any that meet
 * again and again one gets through.
 */
const IN_ORDER_FROM = 3
/** With less time left another attempt to commit would most likely end without an answer. */
const COMMIT_MS_MIN = 50
/**
 * Who is at the gates for so long lets the others pass: a callback may be slow, or wait for another
 * transaction on the same keys.
 */
const INSIDE_MS_MAX = 2_000

interface Waiting {
  readonly stop: Cancel
  readonly then: OnTurn
}

interface Held {
  readonly uses: Uses
  readonly pass: Pass
}

/** All calls and waits of one transaction up to its deadline, given up together. */
export class Course {
  readonly shell: Shell
  readonly options: DriverCall
  readonly #deadline: number
  readonly #calls = new Set<PatientCall>()
  #waiting: Waiting | undefined
  /** Its place at the gates. */
  #held: Held | undefined
  #stopInside: Cancel = () => {}
  #isGivenUp = false
  #isOver = false
  /** Attempts to commit that were sent. */
  #sent = 0
  /** Attempts of any kind that came to nothing. */
  #failed = 0
  /** Why the last of them did, or there was none. */
  #why: AbortReason | undefined

  constructor(shell: Shell, options: DriverCall) {
    this.shell = shell
    this.options = options
    this.#deadline = shell.clock.monotonic() + options.timeoutMs
  }

  /** Milliseconds to the deadline; below 0 after it. */
  get leftMs(): number {
    return this.#deadline - this.shell.clock.monotonic()
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** As Shell.call with all the time that is left; what is refused for load comes back. */
  call(operation: CallOperation, done: (outcome: CallOutcome) => void): Cancel {
    const late = this.#lateness()
    if (late !== undefined) {
      done({ ok: false, failure: late })
      return () => {}
    }
    const call = new PatientCall(this, operation, (outcome) => {
      this.#calls.delete(call)
      done(this.#told(outcome))
    })
    this.#calls.add(call)
    call.start()
    return () => {
      if (this.#calls.has(call)) call.cancel()
    }
  }

  /** Why nothing more can be done, if so. */
  #lateness(): Failure | undefined {
    if (this.#isGivenUp) return failure('timeout', 'its caller stopped waiting')
    if (this.leftMs > 0) return undefined
    return this.#why === undefined ? failure('timeout', this.#late) : this.#contention(this.#why)
  }

  /** A read that had no time left, because of what went before it. */
  #told(outcome: CallOutcome): CallOutcome {
    const why = this.#why
    if (outcome.ok || why === undefined || this.#isGivenUp) return outcome
    if (outcome.failure.code !== 'timeout') return outcome
    return { ok: false, failure: this.#contention(why) }
  }

  /**
   * One attempt to commit. Whoever waited for it till the last moment is told what is certain
   * instead.
   */
  transact(
    { checks, writes, keyed }: Work & { readonly keyed?: Keyed | undefined },
    done: (outcome: CallOutcome) => void
  ): void {
    if (this.#why !== undefined && !this.#isGivenUp && this.leftMs < COMMIT_MS_MIN) {
      done({ ok: false, failure: this.#contention(this.#why) })
      return
    }
    const inOrder = ++this.#sent >= IN_ORDER_FROM
    if (inOrder) sometimes('client: a transaction prepares its groups in order')
    const once = keyed === undefined ? {} : { keyed }
    this.call({ kind: 'transact', checks, writes, inOrder, ...once }, done)
  }

  /** Calls `then` in its turn, after a wait, because an attempt came to nothing. */
  again(why: AbortReason, uses: Uses, then: OnTurn): void {
    const bound = Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** Math.min(this.#failed++, 10))
    const resumeAt = this.shell.clock.monotonic() + 1 + this.shell.random.below(bound)
    this.#why = why
    if (resumeAt >= this.#deadline) {
      this.leave()
      then(this.#contention(why))
      return
    }
    // In line at once: who failed first is first, whatever its wait.
    this.enter(uses, (late) => {
      const waitMs = resumeAt - this.shell.clock.monotonic()
      if (late !== undefined || waitMs <= 0) then(late)
      else this.#wait(waitMs, () => this.#lateness(), then)
    })
  }

  /** Whether others are at the gates who would have to be waited for. */
  isBehind(usesOf: () => Uses): boolean {
    const { gates } = this.shell.turns
    return gates.size > 0 && !gates.areOpen(usesOf())
  }

  /**
   * Calls `then` when nobody else of this client is about to use these keys, and keeps them until
   * the end, `leave`, or another `enter` that wants more.
   */
  enter(uses: Uses, then: OnTurn): void {
    const late = this.#lateness()
    if (late !== undefined || this.#holds(uses)) {
      then(late)
      return
    }
    this.leave()
    const pass = this.shell.turns.gates.enter(uses, () => {
      this.#inside()
      this.#resume(undefined)
    })
    this.#held = { uses, pass }
    if (pass.isIn) {
      this.#inside()
      then(undefined)
      return
    }
    sometimes('client: a transaction waits for others of its client')
    this.#why ??= 'blocked'
    this.#wait(this.leftMs, () => this.#contention('blocked'), then)
  }

  /** Lets others at the keys. */
  leave(): void {
    this.#stopInside()
    this.#stopInside = () => {}
    const held = this.#held
    this.#held = undefined
    held?.pass.leave()
  }

  /** Nothing more is asked for. Calls that are out go on. */
  end(): void {
    this.#isOver = true
    this.leave()
  }

  /** Ends all of it: whoever waits for a call or a turn hears of it at once. */
  cancel(): void {
    this.#isGivenUp = true
    for (const call of [...this.#calls]) if (this.#calls.has(call)) call.cancel()
    this.#resume(this.#lateness())
    this.leave()
  }

  #inside(): void {
    this.#stopInside = this.shell.timers.after(INSIDE_MS_MAX, () => {
      sometimes('client: a slow transaction lets others pass')
      this.leave()
    })
  }

  /** Whether it has a place inside that is good for these uses. */
  #holds(uses: Uses): boolean {
    if (this.#held === undefined || !this.#held.pass.isIn) return false
    for (const [key, use] of uses) {
      const held = this.#held.uses.get(key)
      if (held !== use && held !== 'sole') return false
    }
    return true
  }

  #wait(ms: number, late: () => Failure | undefined, then: OnTurn): void {
    const stop = this.shell.timers.after(Math.max(0, ms), () => this.#resume(late()))
    this.#waiting = { stop, then }
  }

  #resume(late: Failure | undefined): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.stop()
    waiting?.then(late)
  }

  #contention(why: AbortReason): Failure {
    sometimes('client: a transaction does not get through')
    const tried = `${this.#failed} ${this.#failed === 1 ? 'attempt' : 'attempts'}`
    const vain = this.#failed === 0 ? 'others came first' : `${tried} came to nothing`
    const message = `${vain} (last: ${why}), and ${this.#late}`
    return failure('contention', `${message}. ${CODES.contention.advice}`)
  }

  get #late(): string {
    return `no time is left of ${this.options.timeoutMs} ms`
  }
}
