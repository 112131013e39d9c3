import { expect, test } from 'vitest'
import { EXIT, failedBy } from '../../../src/cli/answer.ts'
import { became, done } from '../../../src/cli/transaction-report.ts'
import { UnknownTransaction } from '../../../src/cli/txn.ts'
import { KeyMeshError } from '../../../src/client/errors.ts'
import type {
  TransactionOutcome,
  TransactionRequest
} from '../../../src/client/transactor-types.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { failure } from '../../../src/wire/failure.ts'

// Goal: what `keymesh txn` says of ends, without a cluster.

const REF = { session: '000102030405060708090a0b0c0d0e0f', seq: 7, anchor: 3 }
const ID = '000102030405060708090a0b0c0d0e0f-7-3'

const REQUEST: TransactionRequest = {
  if: [
    { type: 'revision', key: utf8('a b'), revision: 5 },
    { type: 'exists', key: utf8('c'), exists: false },
    { type: 'value', key: utf8('d'), value: Uint8Array.of(0xff, 0) }
  ],
  steps: [
    { type: 'put', key: utf8('a b'), value: utf8('x') },
    { type: 'get', key: utf8('c') },
    { type: 'get', key: utf8('d') },
    { type: 'delete', key: utf8('e') },
    { type: 'increment', key: utf8('n'), by: 2 }
  ],
  otherwise: [{ type: 'get', key: utf8('c') }]
}

const ended = (
  of: Partial<TransactionOutcome & { ok: true }>
): TransactionOutcome & { ok: true } => ({
  ok: true,
  id: REF,
  committed: true,
  failed: [],
  results: [],
  groups: [],
  ...of
})

test('committed is 0, with a line for each operation', () => {
  const { exitCode, plain, json } = done(
    REQUEST,
    ended({
      results: [
        { type: 'written', revision: 12 },
        { type: 'got', record: { value: utf8('grün\u001b[2J'), revision: 3 } },
        { type: 'got', record: undefined },
        { type: 'absent' },
        { type: 'counted', value: 42, revision: 7 }
      ]
    })
  )
  expect(exitCode).toBe(EXIT.done)
  expect(plain()).toBe(`committed as ${ID}
OPERATION  KEY    REVISION  RESULT
put        "a b"  12        written
get        c      3         "grün\\u001b[2J"
get        d      -         is not there
delete     e      -         was not there
increment  n      7         42`)
  expect(json()).toEqual({
    id: ID,
    committed: true,
    results: [
      { revision: 12 },
      { value: 'grün\u001b[2J', revision: 3 },
      null,
      { existed: false },
      { value: 42, revision: 7 }
    ]
  })
})

test('conditions that do not hold are 1, and told', () => {
  const results = [{ type: 'got', record: undefined }] as const
  const { exitCode, plain, json } = done(
    REQUEST,
    ended({ id: undefined, committed: false, failed: [0, 1, 2], results })
  )
  expect(exitCode).toBe(EXIT.no)
  expect(plain()).toBe(`not done: 3 conditions do not hold
  if "a b" revision 5
  if c absent
  if d = (2 bytes)
OPERATION  KEY  REVISION  RESULT
get        c    -         is not there`)
  expect(json()).toEqual({ id: null, committed: false, failed: [0, 1, 2], results: [null] })
  const alone = done(REQUEST, ended({ committed: false, failed: [1] }))
  expect(alone.plain()).toBe('not done: a condition does not hold\n  if c absent')
})

test('what only read says so; a long value is cut for people', () => {
  const request = { if: [], steps: [{ type: 'get', key: utf8('k') }], otherwise: [] } as const
  const record = { value: utf8('x'.repeat(100)), revision: 1 }
  const answer = done(request, ended({ id: undefined, results: [{ type: 'got', record }] }))
  expect(answer.plain()).toMatch(/^done\n.*\nget +k +1 +x{60}…$/)
  expect(JSON.stringify(answer.json())).toContain('x'.repeat(100))
})

test('a result that no operation gives is a failure', () => {
  expect(() => done(REQUEST, ended({ results: [{ type: 'done' }] }))).toThrow(KeyMeshError)
})

test('what became of one: 0, 1, and 4 while or because nobody can tell', () => {
  const codes = (['committed', 'aborted', 'pending', 'unknown'] as const).map((state) => {
    const answer = became(ID, state)
    expect(answer.json()).toEqual({ id: ID, state })
    expect(answer.plain()).toMatch(new RegExp(`^${state}: `))
    return answer.exitCode
  })
  expect(codes).toEqual([EXIT.done, EXIT.no, EXIT.unknown, EXIT.unknown])
})

test('an unknown outcome is 4, and says how to ask', () => {
  const error = new UnknownTransaction(failure('unknown_outcome', 'no answer.', 'unknown'), REF)
  expect(failedBy(error)).toEqual({
    exitCode: EXIT.unknown,
    message: `no answer; ask for it by: keymesh txn --id ${ID} (unknown_outcome)`,
    json: {
      error: {
        code: 'unknown_outcome',
        message: `no answer; ask for it by: keymesh txn --id ${ID}`,
        outcome: 'unknown',
        retryable: false,
        id: ID
      }
    }
  })
})
