import { type Failure, failure } from '../wire/failure.ts'
import type { LockVerdict } from '../wire/lock-result.ts'
import type { Cancel } from '../world/clock.ts'
import type { Shell } from './course.ts'
import type { DriverCall } from './driver.ts'
import { errorOf } from './errors.ts'
import { LOST, NOT_RENEWED } from './lock-lease.ts'
import { type Keeping, type PlaceKeeper, Renewals } from './lock-renewals.ts'
import { giveBack, LockRequest, type LockShell } from './lock-request.ts'
import type { Grant, LockOutcome, WantedLock } from './lock-types.ts'
import { GrantWatch } from './lock-watch.ts'

/** Hears that a lock is free of its holder, or why nobody can tell. */
export type OnReleased = (failed: Failure | undefined) => void

const GIVEN_UP = failure('unavailable', 'its caller stopped waiting')

/** All locks of one carrier: those that are waited for and those that are held. */
export class LockKeeper {
  readonly #locks: LockShell
  readonly #held = new Set<Holding>()
  readonly #requests = new Set<LockRequest>()
  /** Why there are no more of them, if so. */
  #over: Failure | undefined

  constructor(shell: Shell) {
    this.#locks = { shell, renewals: new Renewals(shell), watch: new GrantWatch(shell) }
  }

  /**
   * Gets a lock, in line with those who want it. `done` is called once, possibly before this
   * returns; the result gives it up, and `done` hears of that at once. What is granted is not kept
   * alive unless it is held.
   */
  request(wanted: WantedLock, options: DriverCall, done: (outcome: LockOutcome) => void): Cancel {
    if (this.#over !== undefined) {
      done({ ok: false, failure: this.#over })
      return () => {}
    }
    const request: LockRequest = new LockRequest(this.#locks, wanted, options, (outcome) => {
      this.#requests.delete(request)
      done(outcome)
    })
    this.#requests.add(request)
    request.start()
    return () => {
      if (this.#requests.has(request)) request.cancel(GIVEN_UP)
    }
  }

  /** From now on the lock is kept alive until it is released or lost. */
  hold(grant: Grant, options: DriverCall): Holding {
    const { shell, renewals } = this.#locks
    const holding = new Holding(shell, grant, {
      options,
      keep: (keeper) => {
        return renewals.keep({ ...grant, number: grant.token, isHeld: true }, keeper)
      },
      over: () => this.#held.delete(holding)
    })
    this.#held.add(holding)
    return holding
  }

  /** Gives back all that is held or waited for, of which nobody hears but `why`; then `done`. */
  end(why: Failure, done: () => void): void {
    this.#over = why
    for (const request of [...this.#requests]) request.cancel(why)
    let left = 1
    const released = (): void => {
      if (--left === 0) done()
    }
    for (const holding of [...this.#held]) {
      left++
      holding.end(why, released)
    }
    released()
  }
}

/** `left`: a release had no answer; it is not renewed, and may be released again. */
type State = 'held' | 'releasing' | 'left' | 'released' | 'lost'

interface Care {
  readonly options: DriverCall
  readonly keep: (keeper: PlaceKeeper) => Keeping
  /** It is held no more. */
  readonly over: () => void
}

/** A lock that is held, by one handle or several. */
export class Holding implements PlaceKeeper {
  readonly grant: Grant
  readonly #shell: Shell
  readonly #care: Care
  readonly #keeping: Keeping
  #controller: AbortController | undefined
  #handles = 0
  #state: State = 'held'
  /** Why nobody may go by the lock any more; undefined: nothing keeps them from it. */
  #why: Failure | undefined
  /** Who waits for the answer to a release. */
  #onReleased: OnReleased[] = []

  constructor(shell: Shell, grant: Grant, care: Care) {
    this.grant = grant
    this.#shell = shell
    this.#care = care
    this.#keeping = care.keep(this)
  }

  /** One more has to release it. */
  enter(): void {
    this.#handles++
  }

  get isHeld(): boolean {
    this.#look()
    return this.#state === 'held'
  }

  /**
   * Aborted with `lock_lost` before the lease can have run out, or with `closed` before its client
   * gives the lock back; not by a release.
   */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    this.#look()
    if (this.#why !== undefined) this.#controller.abort(errorOf(this.#why))
    return this.#controller.signal
  }

  /** Its client closes: who works under the lock hears of that, and then it is released. */
  end(why: Failure, done: OnReleased): void {
    this.#look()
    if (this.#state === 'held') this.#abort(why)
    this.release(done)
  }

  /** A handle is done with it. With the last one it is released. */
  leave(done: OnReleased): void {
    if (--this.#handles > 0) done(this.isHeld ? undefined : LOST)
    else this.release(done)
  }

  release(done: OnReleased): void {
    this.#look()
    if (this.#state === 'released') done(undefined)
    else if (this.#state === 'lost') done(LOST)
    else {
      this.#onReleased.push(done)
      if (this.#state !== 'releasing') this.#send()
    }
  }

  told(verdict: LockVerdict): void {
    if (verdict.type === 'lost' && this.#state === 'held') this.#lose(LOST)
  }

  ranOut(): void {
    if (this.#state !== 'held') return
    this.#lose(NOT_RENEWED)
    giveBack(this.#shell, this.grant, this.#care.options)
  }

  /** After a pause of the process nobody may see a lock as held before its alarm has gone off. */
  #look(): void {
    if (this.#state !== 'held' || this.#shell.clock.monotonic() < this.#keeping.endsAt) return
    this.#keeping.stop()
    this.ranOut()
  }

  #lose(why: Failure): void {
    this.#end('lost')
    this.#abort(why)
  }

  #abort(why: Failure): void {
    this.#why = why
    this.#controller?.abort(errorOf(why))
  }

  #send(): void {
    this.#state = 'releasing'
    this.#keeping.stop()
    const { key, guard, token } = this.grant
    const operation = { type: 'release', key, guard, token } as const
    const options = { ...this.#care.options, admitted: true }
    this.#shell.call({ kind: 'lock', operation }, options, (outcome) => {
      if (!outcome.ok) this.#tell('left', outcome.failure)
      else if (outcome.kind === 'lock' && outcome.result.type === 'released') {
        this.#tell('released', undefined)
      } else this.#tell('lost', LOST)
    })
  }

  #tell(state: State, failed: Failure | undefined): void {
    this.#end(state)
    for (const done of this.#onReleased.splice(0)) done(failed)
  }

  #end(state: State): void {
    this.#state = state
    this.#care.over()
  }
}
