import { CODES, type Failure, failure } from '../wire/failure.ts'
import { ONCE_LIFE_MS } from '../wire/limits.ts'
import type { NotRun } from '../wire/result.ts'

/** The memory is kept for minutes: to come back at once is of no use. */
const FULL_RETRY_MS = 10_000

/** What a caller hears of a request with an idempotency key that surely did not run. */
export function notRun(why: NotRun): Failure {
  switch (why) {
    case 'reused':
      return failure('idempotency_reused', CODES.idempotency_reused.advice)
    case 'full':
      return {
        ...failure('overloaded', 'the memory for idempotency keys is full'),
        retryAfterMs: FULL_RETRY_MS
      }
    case 'late':
      return failure('unavailable', `it could not be run within ${ONCE_LIFE_MS / 1_000} s`)
    case 'early':
      return failure('unavailable', 'the clocks of the nodes differ by minutes; set them right')
  }
}
