import type { DataOperation } from '../wire/data-operation.ts'
import { CODES, type Failure, failure } from '../wire/failure.ts'
import type { AbortReason, KeyResult } from '../wire/result.ts'
import type { Check, LockCheck } from '../wire/transaction.ts'
import type { Cancel } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import { Course, type Shell } from './course.ts'
import type { DriverCall } from './driver.ts'
import type { SeenGroup } from './inputs.ts'
import { usesOf } from './steps.ts'

/** A change of one key that happens only while a lock is held. */
export interface FencedChange {
  readonly fence: LockCheck
  readonly operation: DataOperation
}

export type FencedOutcome =
  | { readonly ok: true; readonly result: KeyResult; readonly groups: readonly SeenGroup[] }
  | { readonly ok: false; readonly failure: Failure }

export const FENCED = failure('fenced', CODES.fenced.advice)

/**
 * Makes the change at one moment with the check of its lock: in one entry if they share a
 * partition, else as a transaction over two. `done` is called once, possibly before this returns;
 * the result gives it up.
 */
export function writeFenced(
  shell: Shell,
  change: FencedChange,
  options: DriverCall,
  done: (outcome: FencedOutcome) => void
): Cancel {
  const course = new Course(shell, options)
  new FencedWrite(course, change, (outcome) => {
    course.end()
    done(outcome)
  }).start()
  return () => course.cancel()
}

class FencedWrite {
  readonly #course: Course
  readonly #change: FencedChange
  readonly #done: (outcome: FencedOutcome) => void

  constructor(course: Course, change: FencedChange, done: (outcome: FencedOutcome) => void) {
    this.#course = course
    this.#change = change
    this.#done = done
  }

  start(): void {
    const { fence, operation } = this.#change
    const { ifRevision, ...write } = operation
    const condition: Check[] =
      ifRevision === undefined ? [] : [{ type: 'revision', key: write.key, revision: ifRevision }]
    this.#course.transact({ checks: [fence, ...condition], writes: [write] }, (outcome) => {
      if (!outcome.ok) this.#fail(outcome.failure)
      else if (outcome.kind !== 'transact') this.#strange(outcome.kind)
      else if (outcome.decision.type === 'aborted') this.#aborted(outcome.decision.why)
      else {
        const [result] = outcome.decision.results
        if (result === undefined) this.#strange('nothing')
        else this.#done({ ok: true, result, groups: outcome.groups })
      }
    })
  }

  #aborted(why: AbortReason): void {
    switch (why) {
      case 'fenced':
        this.#fail(FENCED)
        return
      case 'absent':
        this.#done({ ok: true, result: { type: 'absent' }, groups: [] })
        return
      case 'not_a_number':
        this.#done({ ok: true, result: { type: 'not-a-number' }, groups: [] })
        return
      case 'moved':
        this.#moved()
        return
      default:
        this.#again(why)
    }
  }

  /** Most likely the key is at another revision: which, the caller is to be told. */
  #moved(): void {
    const { key, ifRevision } = this.#change.operation
    this.#course.call({ kind: 'get', key, consistency: 'strong' }, (outcome) => {
      if (!outcome.ok) this.#fail(outcome.failure)
      else if (outcome.kind !== 'get') this.#strange(outcome.kind)
      else {
        const { record, group, applied } = outcome
        const revision = record?.revision ?? 0
        const groups = [{ group, applied }]
        if (revision === ifRevision) this.#again('moved')
        else this.#done({ ok: true, result: { type: 'conflict', revision }, groups })
      }
    })
  }

  #again(why: AbortReason): void {
    sometimes('client: a fenced write is tried again')
    const { key } = this.#change.operation
    this.#course.again(why, usesOf([], [key]), (late) => {
      if (late === undefined) this.start()
      else this.#fail(late)
    })
  }

  #strange(kind: string): void {
    this.#fail(failure('internal', `a fenced write answered as ${kind}`, 'unknown'))
  }

  /** `timeout` is for reads: of a write it would leave open what happened. */
  #fail(failed: Failure): void {
    const isLate = failed.code === 'timeout'
    const told = isLate ? failure('unavailable', failed.message) : failed
    this.#done({ ok: false, failure: told })
  }
}
