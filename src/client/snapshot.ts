import { type Failure, failure } from '../wire/failure.ts'
import { TRANSACTION_OPERATIONS_MAX } from '../wire/limits.ts'
import type { ReadRecord } from '../wire/read-body.ts'
import type { TransactionRef } from '../wire/transaction.ts'
import type { Cancel } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import { Course, type OnTurn, type Shell } from './course.ts'
import type { DriverCall } from './driver.ts'
import type { Uses } from './gates.ts'
import type { CallOutcome, SeenGroup } from './inputs.ts'
import { readAll, type Seen } from './read-all.ts'
import { distinct, type Found, nameOfKey, shared, unmoved } from './steps.ts'

/** What stood at all keys at one moment, in their order. */
export type SnapshotOutcome =
  | {
      readonly ok: true
      readonly records: readonly (ReadRecord | undefined)[]
      readonly groups: readonly SeenGroup[]
    }
  | { readonly ok: false; readonly failure: Failure }

/** What was found at one moment. */
export type Agreed =
  | {
      readonly ok: true
      readonly found: Found
      readonly groups: readonly SeenGroup[]
      /** Of the transaction that made sure, if one was needed. */
      readonly id: TransactionRef | undefined
    }
  | { readonly ok: false; readonly failure: Failure }

/** How often everything is read once more before a transaction makes it stand still. */
const COLLECTS_MAX = 5

/** Reads keys as they were at one moment. `done` is called once; the result gives it up. */
export function readSnapshot(
  shell: Shell,
  keys: readonly Uint8Array[],
  options: DriverCall,
  done: (outcome: SnapshotOutcome) => void
): Cancel {
  const wanted = distinct(keys)
  if (wanted.length > TRANSACTION_OPERATIONS_MAX) {
    const message = `${wanted.length} keys; ${TRANSACTION_OPERATIONS_MAX} may be read at once`
    done({ ok: false, failure: failure('too_large', message) })
    return () => {}
  }
  const course = new Course(shell, options)
  const end = (agreed: Agreed): void => {
    course.end()
    if (!agreed.ok) done(agreed)
    else {
      const records = keys.map((key) => agreed.found.get(nameOfKey(key))?.record)
      done({ ok: true, records, groups: agreed.groups })
    }
  }
  readAll(course, { keys: wanted, consistency: 'strong' }, (first) => {
    if (first.ok) agree(course, foundBy(first.seen), end)
    else end(first)
  })
  return () => course.cancel()
}

/**
 * Goes on from what strong reads found to what stood there at one moment: if everything is read
 * once more and nothing moved, all of it stood between the last answer of the one round and the
 * first question of the next.
 */
export function agree(course: Course, found: Found, done: (agreed: Agreed) => void): void {
  // One key alone was read at one moment.
  if (found.size <= 1) done({ ok: true, found, groups: groupsOf(found), id: undefined })
  else new Agreement(course, done).collect(found)
}

class Agreement {
  readonly #course: Course
  readonly #done: (agreed: Agreed) => void
  #collects = 0

  constructor(course: Course, done: (agreed: Agreed) => void) {
    this.#course = course
    this.#done = done
  }

  collect(first: Found): void {
    this.#readAll(first, (second) => {
      if (isSame(first, second)) this.#agreed(second, [], undefined)
      // A wait in between would only give them more time to move.
      else if (++this.#collects < COLLECTS_MAX) this.collect(second)
      else this.#holdInTurn(second, (then) => this.#course.enter(usesOf(second), then))
    })
  }

  /** While those of this client who would move it wait. */
  #holdInTurn(found: Found, enter: (then: OnTurn) => void): void {
    enter((late) => {
      if (late !== undefined) this.#done({ ok: false, failure: late })
      else this.#readAll(found, (next) => this.#holdUnlessStill(next))
    })
  }

  /** Where other clients always write, the keys are rarely free, but stand still now and then. */
  #holdUnlessStill(first: Found): void {
    this.#readAll(first, (second) => {
      if (isSame(first, second)) this.#agreed(second, [], undefined)
      else this.#hold(second)
    })
  }

  /** The groups themselves say whether all of it stands at one moment. */
  #hold(found: Found): void {
    sometimes('client: a snapshot is read by a transaction')
    const keys = [...found.values()].map(({ key }) => key)
    const work = { checks: unmoved(keys, found), writes: [] }
    this.#course.transact(work, (outcome) => this.#held(found, outcome))
  }

  #held(found: Found, outcome: CallOutcome): void {
    if (!outcome.ok) {
      this.#done({ ok: false, failure: harmless(outcome.failure) })
      return
    }
    if (outcome.kind !== 'transact') {
      this.#done({ ok: false, failure: failure('internal', `answered as ${outcome.kind}`) })
      return
    }
    const { decision, groups, id } = outcome
    if (decision.type === 'committed') {
      this.#agreed(found, groups, id)
      return
    }
    const { why } = decision
    this.#holdInTurn(found, (then) => this.#course.again(why, usesOf(found), then))
  }

  #agreed(found: Found, more: readonly SeenGroup[], id: TransactionRef | undefined): void {
    this.#done({ ok: true, found, groups: groupsOf(found, more), id })
  }

  #readAll(found: Found, then: (found: Found) => void): void {
    const keys = [...found.values()].map(({ key }) => key)
    readAll(this.#course, { keys, consistency: 'strong' }, (all) => {
      if (all.ok) then(foundBy(all.seen))
      else this.#done(all)
    })
  }
}

function usesOf(found: Found): Uses {
  return shared([...found.values()].map(({ key }) => key))
}

export function foundBy(seen: readonly Seen[]): Found {
  return new Map(seen.map((one) => [nameOfKey(one.key), one]))
}

/** The highest index of each group, groups ascending. */
export function groupsOf(found: Found, more: readonly SeenGroup[] = []): readonly SeenGroup[] {
  const highest = new Map<number, number>()
  for (const { group, applied } of [...found.values(), ...more]) {
    highest.set(group, Math.max(applied, highest.get(group) ?? 0))
  }
  return [...highest].sort(([a], [b]) => a - b).map(([group, applied]) => ({ group, applied }))
}

/**
 * Whether every key stood still from the one round of reads to the other. A revision never comes
 * back, but a key can be made and deleted in between.
 */
export function isSame(first: Found, second: Found): boolean {
  for (const [name, { record, applied }] of first) {
    const { quietSince = Number.POSITIVE_INFINITY } = second.get(name) ?? {}
    if (record === undefined && quietSince > applied) return false
  }
  return hasSameRevisions(first, second)
}

/** The same but for what happened in between to keys that are absent both times. */
export function hasSameRevisions(first: Found, second: Found): boolean {
  return [...first].every(([name, { record }]) => {
    const now = second.get(name)
    return now !== undefined && now.record?.revision === record?.revision
  })
}

/** What wrote nothing changed nothing, whatever became of it. */
export function harmless(failed: Failure): Failure {
  return failed.outcome === 'unknown' ? failure('timeout', failed.message) : failed
}
