import { CODES, type Failure, failure } from '../wire/failure.ts'
import type { Once } from '../wire/once.ts'
import type { AbortReason, KeyResult } from '../wire/result.ts'
import type { Check, LockCheck, TransactionRef, Work } from '../wire/transaction.ts'
import type { Cancel } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import { Course, type OnTurn, type Shell } from './course.ts'
import type { DriverCall } from './driver.ts'
import type { Uses } from './gates.ts'
import type { CallOutcome, SeenGroup } from './inputs.ts'
import {
  excessKeyed,
  keyedBy,
  type RefusedCode,
  refusal,
  type Shown,
  toldOutcome
} from './keyed.ts'
import { notRun } from './not-run.ts'
import { readAll } from './read-all.ts'
import { agree, foundBy, groupsOf } from './snapshot.ts'
import {
  distinct,
  excessOf,
  excessShown,
  type Found,
  holds,
  nameOfKey,
  readsOf,
  resultsOfSteps,
  shared,
  unmoved,
  usesOf,
  writesOf
} from './steps.ts'
import type { Step, TransactionOutcome, TransactionRequest } from './transactor-types.ts'

type Done = (outcome: TransactionOutcome) => void

interface Committed {
  readonly results: readonly KeyResult[]
  readonly groups: readonly SeenGroup[]
  readonly id: TransactionRef
}

const NOTHING: Found = new Map()
/** Conditions on locks that hold. */
type Held = ReadonlySet<Check>
const NONE_HELD: Held = new Set()

/**
 * Runs a transaction to its end: attempts until one is committed, the conditions are seen not to
 * hold, or no time is left. `done` is called once, possibly before this returns; the result gives
 * it up, and `done` then hears what is certain about it.
 */
export function runTransaction(
  shell: Shell,
  request: TransactionRequest,
  options: DriverCall,
  done: Done
): Cancel {
  const excess = excessOf(request)
  if (excess !== undefined) {
    done({ ok: false, failure: excess, id: undefined })
    return () => {}
  }
  const course = new Course(shell, options)
  const end: Done = (outcome) => {
    course.end()
    done(outcome)
  }
  new Transactor(course, request, end).start()
  return () => course.cancel()
}

/**
 * An attempt that was aborted changed nothing and never will, so that another may follow. One whose
 * outcome is unknown is the last.
 */
class Transactor {
  readonly #course: Course
  readonly #request: TransactionRequest
  readonly #done: Done
  /** What it may have to know before it writes. */
  readonly #keys: readonly Uint8Array[]
  /** Its idempotency key was seen to have no answer yet. */
  #isClaimed = false

  constructor(course: Course, request: TransactionRequest, done: Done) {
    this.#course = course
    this.#request = request
    this.#done = done
    const { if: conditions, steps, otherwise } = request
    this.#keys = distinct([...keysOf(conditions), ...readsOf(steps), ...readsOf(otherwise)])
  }

  /** Its first attempt is in nobody's way before it is known to be. */
  start(): void {
    const { steps } = this.#request
    const isPushed = writesOf(steps).length > 0 && readsOf(steps).length === 0
    const run = (): void => (isPushed ? this.#push() : this.#look())
    const usesOfFirst = (): Uses => shared([...this.#keys, ...this.#written])
    if (this.#course.isBehind(usesOfFirst)) this.#course.enter(usesOfFirst(), this.#orFail(run))
    else run()
  }

  get #written(): readonly Uint8Array[] {
    const { steps, otherwise } = this.#request
    return [...writesOf(steps), ...writesOf(otherwise)].map(({ key }) => key)
  }

  #orFail(run: () => void): OnTurn {
    return (late) => {
      if (late === undefined) run()
      else this.#fail(late)
    }
  }

  /** Nothing needs to be read first: the groups check the conditions themselves. */
  #push(): void {
    const { if: checks, steps } = this.#request
    if (this.#isTooMuch(steps, NOTHING)) return
    const shown = { failed: [], found: NOTHING }
    this.#transact({ checks, writes: writesOf(steps) }, shown, (outcome) => {
      const aborted = this.#judge(outcome, (committed) =>
        this.#committed(steps, NOTHING, committed)
      )
      if (aborted === undefined) return
      // The groups are asked side by side: an increment may have been refused where another group
      // would have told that a condition does not hold.
      const isMoved = aborted === 'moved' || aborted === 'fenced' || aborted === 'not_a_number'
      if (isMoved && checks.length > 0) {
        // Most likely one does not hold: then nothing is written, and nobody has to wait for it.
        this.#course.leave()
        this.#look()
      } else this.#again(aborted, () => this.#push())
    })
  }

  /** One attempt. `shown`: what repeats of it are to see beside the results of its writes. */
  #transact(work: Work, shown: Shown, done: (outcome: CallOutcome) => void): void {
    const { once } = this.#request
    if (once === undefined) {
      this.#course.transact(work, done)
      return
    }
    const keyed = keyedBy(once, this.#stepsOf(shown.failed), shown)
    const excess = excessKeyed(work, keyed)
    if (excess === undefined) this.#course.transact({ ...work, keyed }, done)
    else this.#fail(excess)
  }

  /**
   * It ends without a write. Under an idempotency key that is kept before it is told: repeats may
   * be on their way, and all must hear the same.
   */
  #endWithout(shown: Shown, end: () => void): void {
    if (this.#request.once === undefined) {
      end()
      return
    }
    this.#transact({ checks: [], writes: [] }, shown, (outcome) => {
      const isOpen = !outcome.ok && outcome.failure.outcome === 'unknown'
      const told = isOpen ? { ...outcome, failure: unheard() } : outcome
      const aborted = this.#judge(told, end)
      if (aborted !== undefined) this.#again(aborted, () => this.#look())
    })
  }

  /** A repeat is answered before anything is read, which may not even be possible any more. */
  #claim(once: Once): void {
    this.#course.call({ kind: 'mutate', operation: { type: 'claim', once } }, (outcome) => {
      if (outcome.ok && outcome.kind === 'told') this.#done(toldOutcome(this.#request, outcome))
      else if (!outcome.ok) {
        this.#fail(outcome.failure.outcome === 'unknown' ? unheard() : outcome.failure)
      } else if (outcome.kind === 'mutate' && outcome.result.type === 'not-run') {
        this.#fail(notRun(outcome.result.why))
      } else {
        this.#isClaimed = true
        this.#look()
      }
    })
  }

  /** Reads everything it depends on. */
  #look(): void {
    const { once } = this.#request
    if (once !== undefined && !this.#isClaimed) {
      this.#claim(once)
      return
    }
    readAll(this.#course, { keys: this.#keys, consistency: 'strong' }, (all) => {
      if (!all.ok) this.#fail(all.failure)
      else
        this.#probe(locksOf(this.#request.if), new Set(), (held) => {
          this.#decide(foundBy(all.seen), held)
        })
    })
  }

  /**
   * Only its group knows whether a lock is held with a token. One that is not never will be: so it
   * need not stand still for what follows.
   */
  #probe(
    [lock, ...others]: readonly LockCheck[],
    held: Set<Check>,
    then: (held: Held) => void
  ): void {
    if (lock === undefined) {
      then(held)
      return
    }
    this.#course.transact({ checks: [lock], writes: [] }, (outcome) => {
      const aborted = this.#judge(outcome, () => this.#probe(others, held.add(lock), then))
      if (aborted === 'fenced') this.#probe(others, held, then)
      else if (aborted !== undefined) this.#again(aborted, () => this.#look())
    })
  }

  /** By reads of different moments; what they lead to holds only if nothing moved. */
  #decide(found: Found, held: Held): void {
    const { failed, steps } = this.#choose(found, held)
    if (this.#isTooMuch(steps, found)) return
    const writes = writesOf(steps)
    if (writes.length === 0 && held.size === 0) {
      this.#settle(found)
      return
    }
    const keys = [...keysOf(this.#request.if), ...readsOf(steps)]
    const checks = [...held, ...unmoved(keys, found)]
    this.#transact({ checks, writes }, { failed, found }, (outcome) => {
      const aborted = this.#judge(outcome, (committed) => {
        if (failed.length > 0) sometimes('client: a transaction writes what is otherwise')
        this.#committed(steps, found, committed, failed)
      })
      if (aborted !== undefined) this.#again(aborted, () => this.#look())
    })
  }

  /** Nothing is to be written if `found` stood at one moment. */
  #settle(found: Found): void {
    agree(this.#course, found, (agreed) => {
      if (!agreed.ok) {
        this.#fail(agreed.failure)
        return
      }
      const { failed, steps } = this.#choose(agreed.found, NONE_HELD)
      if (writesOf(steps).length > 0) {
        this.#decide(agreed.found, NONE_HELD)
        return
      }
      if (this.#isTooMuch(steps, agreed.found)) return
      const results = resultsOfSteps(steps, [], agreed.found)
      const { groups } = agreed
      // What is kept for repeats has no name of its own.
      const id = this.#request.once === undefined ? agreed.id : undefined
      this.#endWithout({ failed, found: agreed.found }, () => {
        this.#done({ ok: true, id, committed: failed.length === 0, failed, results, groups })
      })
    })
  }

  /** Fails if `steps` would show too much: before anything is written. */
  #isTooMuch(steps: readonly Step[], found: Found): boolean {
    const excess = excessShown(steps, found)
    if (excess !== undefined) this.#fail(excess)
    return excess !== undefined
  }

  /** Which conditions do not hold, and what is to be done then. */
  #choose(found: Found, held: Held): { failed: readonly number[]; steps: readonly Step[] } {
    const failed = this.#request.if.flatMap((check, index) => {
      const isGood =
        check.type === 'lock'
          ? held.has(check)
          : holds(check, found.get(nameOfKey(check.key))?.record)
      return isGood ? [] : [index]
    })
    return { failed, steps: this.#stepsOf(failed) }
  }

  /** What is to be done if these conditions do not hold. */
  #stepsOf(failed: readonly number[]): readonly Step[] {
    return failed.length === 0 ? this.#request.steps : this.#request.otherwise
  }

  /** Tells why the attempt was aborted, if it was; every other end is the end of all. */
  #judge(outcome: CallOutcome, committed: (committed: Committed) => void): AbortReason | undefined {
    if (!outcome.ok) {
      this.#fail(outcome.failure, outcome.id)
      return undefined
    }
    if (outcome.kind === 'told') {
      this.#done(toldOutcome(this.#request, outcome))
      return undefined
    }
    if (outcome.kind !== 'transact') {
      this.#fail(failure('internal', `a transaction answered as ${outcome.kind}`, 'unknown'))
      return undefined
    }
    const { decision, groups, id } = outcome
    if (decision.type === 'aborted') return decision.why
    committed({ results: decision.results, groups, id })
    return undefined
  }

  #committed(
    steps: readonly Step[],
    found: Found,
    { results: ofWrites, groups: more, id }: Committed,
    failed: readonly number[] = []
  ): void {
    const results = resultsOfSteps(steps, ofWrites, found)
    const groups = groupsOf(found, more)
    this.#done({ ok: true, id, committed: failed.length === 0, failed, results, groups })
  }

  #again(why: AbortReason, run: () => void): void {
    const refused = refusedBy(why)
    if (refused !== undefined) {
      const shown = { refused, failed: [], found: NOTHING }
      this.#endWithout(shown, () => this.#fail(refusal(refused)))
      // Of a condition on a lock, the next attempt is told.
    } else this.#course.again(why, usesOf(this.#keys, this.#written), this.#orFail(run))
  }

  #fail(failed: Failure, id?: TransactionRef): void {
    const { steps, otherwise } = this.#request
    const reads = writesOf(steps).length + writesOf(otherwise).length === 0
    // `timeout` is for reads: of a write it would leave open what happened.
    const isLate = failed.code === 'timeout' && !reads
    const told = isLate ? failure('unavailable', failed.message) : failed
    this.#done({ ok: false, failure: told, id })
  }
}

/** How a transaction ends that was aborted for what no repetition helps. */
export function hopelessBy(why: AbortReason): Failure | undefined {
  const code = why === 'fenced' ? why : refusedBy(why)
  return code === undefined ? undefined : failure(code, CODES[code].advice)
}

function refusedBy(why: AbortReason): RefusedCode | undefined {
  if (why !== 'not_a_number' && why !== 'absent') return undefined
  return why === 'absent' ? 'not_found' : why
}

/** Of an idempotency key: nothing that anybody can see was tried. */
function unheard(): Failure {
  const message = 'no sure answer came from the partition of the Idempotency-Key'
  return failure('unavailable', `${message}, so nothing was written`)
}

/** Of those that are about keys. */
function keysOf(checks: readonly Check[]): readonly Uint8Array[] {
  return checks.flatMap(({ type, key }) => (type === 'lock' ? [] : [key]))
}

function locksOf(checks: readonly Check[]): readonly LockCheck[] {
  return checks.filter((check) => check.type === 'lock')
}
