import { expect, test } from 'vitest'
import { errorOf, KeyMeshError, UnknownOutcomeError } from '../../../src/client/errors.ts'
import { failure } from '../../../src/wire/failure.ts'

test('goal: refusals, of which there are many, pay for no stack; all others tell theirs', () => {
  const before = Error.stackTraceLimit
  const refused = errorOf(failure('overloaded', 'full'))
  expect(refused).toBeInstanceOf(KeyMeshError)
  expect(refused).toMatchObject({ code: 'overloaded', retryable: true, message: 'full' })
  expect(refused.stack).toBe('KeyMeshError: full')
  expect(Error.stackTraceLimit).toBe(before)
  expect(errorOf(failure('unavailable', 'nobody')).stack).toContain('errors.test.ts')
  const unknown = errorOf(failure('unknown_outcome', 'no answer', 'unknown'))
  expect(unknown).toBeInstanceOf(UnknownOutcomeError)
  expect(unknown.stack).toContain('errors.test.ts')
})
