import { type Failure, failure } from '../wire/failure.ts'
import type { GroupId } from '../wire/ids.ts'
import { TRANSACTION_BYTES_MAX } from '../wire/limits.ts'
import type { ReadRecord } from '../wire/read-body.ts'
import type { Consistency } from '../wire/request.ts'
import type { Cancel } from '../world/clock.ts'
import type { Course } from './course.ts'
import type { CallOutcome } from './inputs.ts'

/** What a read showed of a key. */
export interface Seen {
  readonly key: Uint8Array
  readonly record: ReadRecord | undefined
  readonly group: GroupId
  readonly applied: number
  readonly quietSince?: number
}

/** One for each key, in their order. */
export type AllRead =
  | { readonly ok: true; readonly seen: readonly Seen[] }
  | { readonly ok: false; readonly failure: Failure }

export interface Wanted {
  readonly keys: readonly Uint8Array[]
  readonly consistency: Consistency
}

/** Reads of one call that are without an answer. */
const READS_AT_ONCE_MAX = 64

/** Reads each key once, many at a time, in no order. The first failure ends all of it. */
export function readAll(course: Course, wanted: Wanted, done: (all: AllRead) => void): void {
  new Reading(course, wanted, done).pump()
}

class Reading {
  readonly #course: Course
  readonly #wanted: Wanted
  readonly #done: (all: AllRead) => void
  readonly #seen: Seen[] = []
  readonly #open = new Map<number, Cancel>()
  #next = 0
  #answered = 0
  #bytes = 0
  #isOver = false
  #isPumping = false

  constructor(course: Course, wanted: Wanted, done: (all: AllRead) => void) {
    this.#course = course
    this.#wanted = wanted
    this.#done = done
  }

  pump(): void {
    // An answer may come before the call returns: no recursion for each.
    if (this.#isPumping) return
    this.#isPumping = true
    const { keys } = this.#wanted
    while (!this.#isOver && this.#next < keys.length && this.#inFlight < READS_AT_ONCE_MAX) {
      this.#read(this.#next++)
    }
    this.#isPumping = false
    if (this.#isOver || this.#answered < keys.length) return
    this.#isOver = true
    this.#done({ ok: true, seen: this.#seen })
  }

  get #inFlight(): number {
    return this.#next - this.#answered
  }

  #read(index: number): void {
    const key = this.#wanted.keys[index] as Uint8Array
    const { consistency } = this.#wanted
    let isOver = false
    const cancel = this.#course.call({ kind: 'get', key, consistency }, (outcome) => {
      isOver = true
      this.#open.delete(index)
      this.#answered++
      if (!this.#isOver) this.#answer(index, outcome)
    })
    if (!isOver) this.#open.set(index, cancel)
  }

  #answer(index: number, outcome: CallOutcome): void {
    if (!outcome.ok) {
      this.#fail(outcome.failure)
      return
    }
    if (outcome.kind !== 'get') {
      this.#fail(failure('internal', `a read answered as ${outcome.kind}`))
      return
    }
    const { record, group, applied, quietSince } = outcome
    this.#bytes += record?.value.length ?? 0
    if (this.#bytes > TRANSACTION_BYTES_MAX) {
      const message = `more than ${TRANSACTION_BYTES_MAX} bytes of values are asked for at once`
      this.#fail(failure('too_large', message))
      return
    }
    const key = this.#wanted.keys[index] as Uint8Array
    const quiet = quietSince === undefined ? {} : { quietSince }
    this.#seen[index] = { key, record, group, applied, ...quiet }
    this.pump()
  }

  #fail(failed: Failure): void {
    this.#isOver = true
    for (const cancel of [...this.#open.values()]) cancel()
    this.#done({ ok: false, failure: failed })
  }
}
