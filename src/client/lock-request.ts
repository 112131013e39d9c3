import { CODES, type Failure, failure, isRetryable } from '../wire/failure.ts'
import type { GroupId } from '../wire/ids.ts'
import type { LockOperation } from '../wire/lock.ts'
import type { LockHolder, LockResult, LockVerdict } from '../wire/lock-result.ts'
import type { Cancel } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Shell } from './course.ts'
import type { DriverCall } from './driver.ts'
import type { CallOutcome } from './inputs.ts'
import { endOf, NOT_RENEWED } from './lock-lease.ts'
import type { Renewals } from './lock-renewals.ts'
import type { Grant, LockOutcome, WantedLock } from './lock-types.ts'
import type { GrantWatch } from './lock-watch.ts'
import { PatientCall } from './patient-call.ts'

/** What is needed to come to a lock. */
export interface LockShell {
  readonly shell: Shell
  readonly renewals: Renewals
  readonly watch: GrantWatch
}

interface Answered {
  readonly result: LockResult
  readonly group: GroupId
  /** When the question left. */
  readonly since: number
}

/** Between two questions of one who was in line already, and has nobody to ask. */
const PAUSE_MS = 250
/** Of its ttl: a grant that is heard of later is renewed before it is handed out. */
const FRESH_SHARE = 1 / 2

/**
 * One way to a lock, from the question to the grant or the end of the wait. Whoever gives it up is
 * told at once; what is left behind, a place or a lock that was granted meanwhile, is given back.
 */
export class LockRequest {
  readonly #locks: LockShell
  readonly #wanted: WantedLock
  /** Its timeout is for each answer, beside the wait for the lock. */
  readonly #options: DriverCall
  readonly #done: (outcome: LockOutcome) => void
  /** When the wait is over, on the monotonic clock. */
  readonly #until: number
  #isGivenUp = false
  /** The place in the queue, if there is one. */
  #ticket: number | undefined
  /** Since when that place is good. */
  #since = 0
  #group: GroupId = 0
  #holder: LockHolder | undefined
  #asking: PatientCall | undefined
  #stops: Cancel[] = []

  constructor(
    locks: LockShell,
    wanted: WantedLock,
    options: DriverCall,
    done: (outcome: LockOutcome) => void
  ) {
    this.#locks = locks
    this.#wanted = wanted
    this.#options = options
    this.#done = done
    this.#until = locks.shell.clock.monotonic() + wanted.waitMs
  }

  start(): void {
    this.#ask()
  }

  /** Nobody waits any more: the caller is told why. */
  cancel(why: Failure): void {
    if (this.#isGivenUp) return
    this.#isGivenUp = true
    this.#stop()
    // What left already has to be heard of, to be given back.
    if (this.#asking?.isOut === false) this.#asking.cancel()
    else if (this.#ticket !== undefined) this.#leave(this.#ticket)
    this.#done({ ok: false, failure: why })
  }

  get #waitLeftMs(): number {
    return this.#isGivenUp ? 0 : this.#until - this.#locks.shell.clock.monotonic()
  }

  #ask(): void {
    const { key, guard, shared, ttlMs, owner } = this.#wanted
    const wait = this.#waitLeftMs > 0
    const operation = { type: 'acquire', key, guard, shared, wait, ttlMs, owner } as const
    let isOver = false
    const call = this.#command(operation, (answer) => {
      isOver = true
      this.#asking = undefined
      if (!('failure' in answer)) this.#asked(answer)
      else if (!this.#waitsOn(answer.failure)) this.#fail(answer.failure)
    })
    if (!isOver) this.#asking = call
  }

  /** Who stood in line once stays until its wait is over, whatever happens to the cluster. */
  #waitsOn(failed: Failure): boolean {
    if (this.#holder === undefined || this.#waitLeftMs <= PAUSE_MS) return false
    if (!isRetryable(failed) && failed.outcome !== 'unknown') return false
    this.#stops.push(this.#locks.shell.timers.after(PAUSE_MS, () => this.#askAgain()))
    return true
  }

  #asked({ result, group, since }: Answered): void {
    this.#group = group
    this.#since = since
    switch (result.type) {
      case 'granted':
        this.#granted(result.token, since)
        return
      case 'waiting':
        this.#holder = result.holder
        this.#wait(result.ticket)
        return
      case 'locked':
        this.#fail(this.#locked(result.holder))
        return
      case 'crowded':
        this.#fail(failure('overloaded', `too many wait for this lock. ${CODES.overloaded.advice}`))
        return
      default:
        this.#fail(failure('internal', `a lock answered as ${result.type}`))
    }
  }

  #wait(ticket: number): void {
    this.#ticket = ticket
    if (this.#waitLeftMs <= 0) {
      this.#leave(ticket)
      return
    }
    const { shell, renewals, watch } = this.#locks
    const { key, guard, shared, ttlMs } = this.#wanted
    const place = { key, guard, number: ticket }
    const lease = { group: this.#group, ttlMs, since: this.#since, isHeld: false }
    const keeper = {
      told: (verdict: LockVerdict, since: number) => this.#told(verdict, since),
      ranOut: () => {}
    }
    const keeping = renewals.keep({ ...place, ...lease }, keeper)
    this.#stops = [
      () => keeping.stop(),
      watch.watch({ ...place, shared }, (end) => this.#told(end, this.#since))
    ]
    if (Number.isFinite(this.#until)) {
      this.#stops.push(shell.timers.after(this.#waitLeftMs, () => this.#leave(ticket)))
    }
  }

  /** By a renewal, or by the watch. */
  #told(verdict: LockVerdict, since: number): void {
    this.#since = Math.max(this.#since, since)
    if (verdict.type === 'granted') this.#granted(verdict.token, this.#since)
    else if (verdict.type === 'lost') this.#askAgain()
  }

  /** The place is gone: it was not renewed in time. */
  #askAgain(): void {
    sometimes('client: a place in the queue of a lock is lost')
    this.#stop()
    this.#ticket = undefined
    if (this.#waitLeftMs > 0) this.#ask()
    else this.#fail(this.#locked(this.#holder))
  }

  /** The wait is over, or nobody waits any more. */
  #leave(ticket: number): void {
    this.#stop()
    this.#ticket = undefined
    const { key, guard } = this.#wanted
    this.#command({ type: 'leave', key, guard, ticket }, (answer) => {
      if ('failure' in answer) {
        this.#fail(answer.failure)
        return
      }
      const { result } = answer
      if (result.type === 'granted') {
        sometimes('client: a lock is granted as its wait ends')
        this.#granted(result.token, this.#since)
      } else this.#fail(this.#locked(result.type === 'left' ? result.holder : this.#holder))
    })
  }

  #granted(token: number, since: number): void {
    this.#stop()
    this.#ticket = undefined
    const { key, guard, ttlMs } = this.#wanted
    const grant = { key, guard, token, group: this.#group, ttlMs, since }
    const isFresh = this.#locks.shell.clock.monotonic() < since + ttlMs * FRESH_SHARE
    if (isFresh) this.#end(grant)
    else this.#confirm(grant)
  }

  #end(grant: Grant): void {
    const { shell } = this.#locks
    if (this.#isGivenUp) giveBack(shell, grant, this.#options)
    else if (shell.clock.monotonic() < endOf(grant)) this.#done({ ok: true, grant })
    else {
      giveBack(shell, grant, this.#options)
      this.#fail(NOT_RENEWED)
    }
  }

  /** It was granted long ago: whether it still is, a renewal tells. */
  #confirm(grant: Grant): void {
    sometimes('client: a grant is heard of late')
    const { key, guard, token } = grant
    const places = [{ key, guard, number: token }]
    this.#command({ type: 'renew', places }, (answer) => {
      if ('failure' in answer) this.#fail(answer.failure)
      else if (isHeld(answer.result)) this.#end({ ...grant, since: answer.since })
      else this.#askAgain()
    })
  }

  #command(
    operation: LockOperation,
    then: (answer: Answered | { readonly failure: Failure }) => void
  ): PatientCall {
    const { shell } = this.#locks
    const { timeoutMs } = this.#options
    const since = shell.clock.monotonic()
    const isNeeded = (): boolean => operation.type !== 'acquire' || !this.#isGivenUp
    const caller = {
      shell,
      // Who has a place already is not kept from giving it up by those who want one.
      options: { ...this.#options, admitted: operation.type !== 'acquire' },
      get leftMs(): number {
        return since + timeoutMs - shell.clock.monotonic()
      },
      get isOver(): boolean {
        return !isNeeded()
      }
    }
    const call = new PatientCall(caller, { kind: 'lock', operation }, (outcome) => {
      then(answerIn(outcome, since))
    })
    call.start()
    return call
  }

  #locked(holder: LockHolder | undefined): Failure {
    const { owner = '', heldMs = 0 } = holder ?? {}
    const who = owner === '' ? 'another' : JSON.stringify(owner)
    const message = `the lock is held by ${who}, for ${heldMs} ms by now. ${CODES.locked.advice}`
    const by = { owner, since: Math.round(this.#locks.shell.clock.wall() - heldMs) }
    return { ...failure('locked', message), holder: by }
  }

  /** Whoever gave up was told already. */
  #fail(failed: Failure): void {
    this.#stop()
    if (!this.#isGivenUp) this.#done({ ok: false, failure: failed })
  }

  #stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }
}

/** Whoever is next gets it now, and not when its ttl is over; which it is if this has no answer. */
export function giveBack(
  shell: Pick<Shell, 'call'>,
  { key, guard, token }: Grant,
  options: DriverCall
): void {
  const operation = { type: 'release', key, guard, token } as const
  shell.call({ kind: 'lock', operation }, { ...options, admitted: true }, () => {})
}

function answerIn(outcome: CallOutcome, since: number): Answered | { readonly failure: Failure } {
  if (!outcome.ok) return { failure: outcome.failure }
  if (outcome.kind === 'lock') return { result: outcome.result, group: outcome.group, since }
  return { failure: failure('internal', `a lock answered as ${outcome.kind}`) }
}

function isHeld(result: LockResult): boolean {
  return result.type === 'renewed' && result.verdicts[0]?.type === 'held'
}
