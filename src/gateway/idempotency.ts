import type { NotRun } from '../wire/command.ts'
import { CODES, type Failure, failure } from '../wire/failure.ts'

/** What a caller hears of a request with an idempotency key that surely did not run. */
export function notRun(why: NotRun): Failure {
  switch (why) {
    case 'reused':
      return failure('idempotency_reused', CODES.idempotency_reused.advice)
    case 'full':
      return failure('overloaded', 'the memory for idempotency keys is full')
    case 'late':
      return failure('unavailable', 'the request could not be run in its time')
    case 'early':
      return failure('unavailable', 'the clocks of the nodes differ too much')
  }
}
