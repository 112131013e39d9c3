import { expect, test } from 'vitest'
import { EXIT, failedBy } from '../../../src/cli/answer.ts'
import { deleted } from '../../../src/cli/delete.ts'
import { found } from '../../../src/cli/get.ts'
import { argumentBytes, keyOf } from '../../../src/cli/keys.ts'
import { plainBytes } from '../../../src/cli/output.ts'
import { ConflictError, errorOf, KeyMeshError } from '../../../src/client/errors.ts'
import { jsonBytes } from '../../../src/gateway/json-bytes.ts'
import { InvalidOptions } from '../../../src/node/options.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { CODES, type Code, failure } from '../../../src/wire/failure.ts'

// Goal: what a command says of answers and failures, without a cluster.

test('each code has its exit code; what is unknown is 4 whatever the code', () => {
  const exits = (outcome: 'not_applied' | 'unknown') =>
    Object.fromEntries(
      (Object.keys(CODES) as Code[]).map((code) => {
        return [code, failedBy(errorOf(failure(code, '', outcome)))?.exitCode]
      })
    )
  expect(exits('not_applied')).toEqual({
    invalid_argument: EXIT.usage,
    unauthenticated: EXIT.usage,
    forbidden: EXIT.usage,
    not_found: EXIT.no,
    unknown_route: EXIT.unavailable,
    not_a_number: EXIT.no,
    conflict: EXIT.no,
    locked: EXIT.no,
    lock_lost: EXIT.no,
    fenced: EXIT.no,
    compacted: EXIT.no,
    too_large: EXIT.usage,
    idempotency_reused: EXIT.usage,
    overloaded: EXIT.unavailable,
    internal: EXIT.unavailable,
    unavailable: EXIT.unavailable,
    timeout: EXIT.unavailable,
    unknown_outcome: EXIT.unavailable,
    contention: EXIT.unavailable,
    closed: EXIT.unavailable,
    undecodable: EXIT.unavailable
  })
  expect(new Set(Object.values(exits('unknown')))).toEqual(new Set([EXIT.unknown]))
})

test('a failure in JSON is the one of HTTP; what nobody expected is none', () => {
  expect(failedBy(new ConflictError(7, 3))?.json.error).toMatchObject({
    code: 'conflict',
    revision: 7
  })
  expect(failedBy(new InvalidOptions('so it is'))).toEqual({
    exitCode: EXIT.usage,
    message: 'so it is',
    json: {
      error: {
        code: 'invalid_argument',
        message: 'so it is',
        outcome: 'not_applied',
        retryable: false
      }
    }
  })
  expect(failedBy(new TypeError('a fault'))).toBeUndefined()
})

test('a value is told as it is; a terminal gets the line end it lacks', () => {
  const told = (value: string, isTerminal: boolean) =>
    new TextDecoder().decode(plainBytes(utf8(value), isTerminal))
  expect(told('a', false)).toBe('a')
  expect(told('a', true)).toBe('a\n')
  expect(told('a\n', true)).toBe('a\n')
  expect(told('', true)).toBe('')
})

test('bytes in JSON are text if they are UTF-8', () => {
  expect(jsonBytes(utf8('grün\u0000'))).toBe('grün\u0000')
  expect(jsonBytes(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa')
  expect(jsonBytes(Uint8Array.of(0xff))).toEqual({ base64: '/w==' })
  const entry = { key: 'k', keyBytes: utf8('k'), value: utf8('v'), revision: 3, expiresIn: 5 }
  expect(JSON.stringify(found('k', entry).json())).toBe(
    '{"key":"k","value":"v","revision":3,"expiresIn":5}'
  )
})

test('a delete of what is not there is a no', () => {
  expect(deleted('k', { existed: false })).toMatchObject({ exitCode: EXIT.no })
  expect(deleted('k', { existed: true, revision: 4 })).toMatchObject({ exitCode: EXIT.done })
})

test('a key is the UTF-8 of its word, or what its base64url says', () => {
  expect(keyOf('ü', false)).toEqual(utf8('ü'))
  expect(keyOf('_wA', true)).toEqual(Uint8Array.of(0xff, 0))
  for (const text of ['_wB', '_wA=', '/wA', 'a', '_w A']) {
    expect(() => keyOf(text, true)).toThrow(/is not base64url/)
  }
  expect(() => keyOf('', true)).toThrow(KeyMeshError)
})

test('what Node.js could not read of a command line is not taken for something else', () => {
  expect(() => argumentBytes('VALUE', 'a\ufffd', 'do that')).toThrow(/not UTF-8.*do that$/)
  expect(() => keyOf('\ud800', false)).toThrow(InvalidOptions)
})
