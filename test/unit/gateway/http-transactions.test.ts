import { Buffer } from 'node:buffer'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NOBODY } from '../../../src/gateway/calls.ts'
import type { HttpDoor } from '../../../src/gateway/http.ts'
import { type Code, failure } from '../../../src/wire/failure.ts'
import type { Result } from '../../../src/wire/result.ts'
import { transactionText } from '../../../src/wire/transaction-text.ts'
import { type Answer, ask, codeOf, type Question } from './ask.ts'
import { type TableCalls, TRANSACTION } from './table-calls.ts'
import { openTableDoor } from './table-door.ts'

// Transactions as a caller sees them: the door on a real socket, a table behind it. Every answer is
// held against /openapi.json by `ask`.

const ID = transactionText(TRANSACTION)
const CLUSTER = '0123456789abcdef'

let door: HttpDoor
let calls: TableCalls

beforeEach(async () => {
  ;({ door, calls } = await openTableDoor())
})
afterEach(() => door.stop(0))

const say = (line: string, question?: Question): Promise<Answer> => ask(door.url, line, question)
const run = (json: unknown, query = '', headers = {}): Promise<Answer> =>
  say(`POST /v1/txn${query}`, { body: JSON.stringify(json), headers })
const jsonOf = ({ text }: Answer): unknown => JSON.parse(text)

describe('goal: a transaction answers what each of its operations gave', () => {
  test('committed: the results of ops, in their order', async () => {
    await say('PUT /v1/kv/old', { body: 'x' })
    await say('PUT /v1/kv/n?ttl=900', { body: '4' })
    const answer = await run({
      ops: [
        { put: 'a', value: 'grün' },
        { get: 'a' },
        { put: 'b', value: { base64: '/w==' }, ttl: 700 },
        { get: 'b' },
        { delete: 'old' },
        { delete: 'old' },
        { get: 'old' },
        { increment: 'n', by: 3 },
        { increment: 'fresh' }
      ]
    })
    expect([answer.status, jsonOf(answer)]).toEqual([
      200,
      {
        id: ID,
        committed: true,
        results: [
          { revision: 3 },
          { value: 'grün', revision: 3 },
          { revision: 4 },
          { value: { base64: '/w==' }, revision: 4, expiresIn: 700 },
          { existed: true, revision: 5 },
          { existed: false },
          null,
          { value: 7, revision: 6, expiresIn: 900 },
          { value: 1, revision: 7 }
        ]
      }
    ])
  })

  test('a condition does not hold: which, and the results of else', async () => {
    await say('PUT /v1/kv/a', { body: 'x' })
    const json = {
      if: [
        { key: 'a', revision: 9 },
        { key: 'a', exists: true },
        { key: 'a', value: 'y' }
      ],
      ops: [{ put: 'a', value: 'z' }],
      else: [{ get: 'a' }, { get: 'b' }]
    }
    const results = [{ value: 'x', revision: 1 }, null]
    expect(jsonOf(await run(json))).toEqual({ id: null, committed: false, failed: [0, 2], results })
    const { else: _, ...without } = json
    expect(jsonOf(await run(without))).toEqual({
      id: null,
      committed: false,
      failed: [0, 2],
      results: []
    })
    expect((await say('GET /v1/kv/a')).text).toBe('x')
  })

  test('conditions alone are a check; what wrote nothing has no id', async () => {
    expect(jsonOf(await run({ if: [{ key: 'a', revision: 0 }] }))).toEqual({
      id: null,
      committed: true,
      results: []
    })
  })

  test('keys in base64url, and only they', async () => {
    const ops = [{ put: '_w', value: '_w' }, { get: '_w' }]
    const answer = await run({ ops }, '?encoding=base64url')
    expect(jsonOf(answer)).toMatchObject({ results: [{}, { value: '_w' }] })
    expect([...calls.table.keys()]).toEqual(['\xff'])
  })
})

describe('goal: what cannot be run is told so, and nothing is', () => {
  const cases: [json: unknown, query: string, headers: Record<string, string>, code: Code][] = [
    [{ ops: [{ get: 'a' }, { put: 'a' }] }, '', {}, 'invalid_argument'],
    [{}, '', {}, 'invalid_argument'],
    [{ if: [{ lock: 'l', token: 0 }] }, '', {}, 'invalid_argument'],
    [{ ops: [{ get: 'k'.repeat(4_097) }] }, '', {}, 'too_large'],
    [{ ops: Array.from({ length: 1_025 }, () => ({ get: 'a' })) }, '', {}, 'too_large'],
    [{ ops: [{ get: 'a' }] }, '?consistency=eventual', {}, 'invalid_argument'],
    [{ ops: [{ get: 'a' }] }, '?timeout=0', {}, 'invalid_argument'],
    [{ ops: [{ get: 'a' }] }, '', { 'if-match': '"1"' }, 'invalid_argument'],
    [{ ops: [{ get: 'a' }] }, '', { 'keymesh-fence-token': '1' }, 'invalid_argument'],
    [{ ops: [{ get: 'a' }] }, '', { 'keymesh-session': 'no' }, 'invalid_argument'],
    [{ ops: [{ get: 'a' }] }, '', { 'idempotency-key': '' }, 'invalid_argument'],
    [{ ops: [{ get: 'a' }] }, '', { 'idempotency-key': 'x'.repeat(129) }, 'invalid_argument']
  ]

  test.each(cases)('%j%s %j: %s', async (json, query, headers, code) => {
    const answer = await run(json, query, headers)
    expect(codeOf(answer)).toBe(code)
    expect(calls.transactions).toEqual([])
  })

  test('a body that is no JSON, and one that is too long', async () => {
    expect(codeOf(await say('POST /v1/txn', { body: '{"ops"' }))).toBe('invalid_argument')
    expect(codeOf(await say('POST /v1/txn'))).toBe('invalid_argument')
    const body = Buffer.alloc(25 * 1024 * 1024 + 1, ' ')
    expect(codeOf(await say('POST /v1/txn', { body }))).toBe('too_large')
    expect(calls.transactions).toEqual([])
  })

  test('the same path has no other method', async () => {
    for (const line of ['GET /v1/txn', 'PUT /v1/txn', `DELETE /v1/txn/${ID}`, 'POST /v1/txn/x']) {
      expect(codeOf(await say(line))).toBe('unknown_route')
    }
  })
})

test('goal: 8 MiB of bytes that are no text fit in one body', async () => {
  const value = { base64: Buffer.alloc(1024 * 1024 - 1, 0xff).toString('base64') }
  const ops = Array.from({ length: 8 }, (_, i) => ({ put: String(i), value }))
  const answer = await run({ ops })
  expect([answer.status, calls.table.get('7')?.value.length]).toEqual([200, 1024 * 1024 - 1])
})

describe('goal: a failure tells what is certain', () => {
  const ended = (code: Code, outcome: 'not_applied' | 'unknown' = 'not_applied') => {
    calls.transacting = { ok: false, failure: failure(code, 'so it is', outcome), id: TRANSACTION }
  }
  const errorOf = (answer: Answer) => [
    answer.status,
    (jsonOf(answer) as { readonly error: Record<string, unknown> }).error
  ]

  test.each([
    ['contention', 409, true],
    ['not_a_number', 409, false],
    ['too_large', 413, false],
    ['unavailable', 503, true],
    ['timeout', 504, true]
  ] as const)('%s is %i', async (code, status, retryable) => {
    ended(code)
    const error = { code, message: 'so it is', outcome: 'not_applied', retryable }
    expect(errorOf(await run({ ops: [{ get: 'a' }] }))).toEqual([status, error])
  })

  test('an unknown outcome has the id to ask for', async () => {
    ended('unknown_outcome', 'unknown')
    const answer = await run({ ops: [{ delete: 'a' }] })
    expect(errorOf(answer)).toEqual([
      504,
      {
        code: 'unknown_outcome',
        message: 'so it is',
        outcome: 'unknown',
        retryable: false,
        id: ID
      }
    ])
  })

  test('a result that no operation gives is a fault, not an end of the process', async () => {
    calls.transacting = {
      ok: true,
      id: TRANSACTION,
      committed: true,
      failed: [],
      results: [{ type: 'done' }],
      groups: []
    }
    expect(errorOf(await run({ ops: [{ get: 'a' }] }))).toMatchObject([
      500,
      { code: 'internal', outcome: 'unknown', id: ID }
    ])
  })

  test('a node that starts is unavailable', async () => {
    door.serve(NOBODY)
    expect(codeOf(await run({ ops: [{ get: 'a' }] }))).toBe('unavailable')
    expect(codeOf(await say(`GET /v1/txn/${ID}`))).toBe('unavailable')
  })
})

test('goal: who hangs up gives the transaction up', async () => {
  calls.holding = true
  const { hostname, port } = door.url
  const socket = connect(Number(port), hostname)
  const body = JSON.stringify({ ops: [{ get: 'a' }] })
  const head = `POST /v1/txn HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}`
  socket.write(`${head}\r\n\r\n${body}`)
  await expect.poll(() => calls.held.length).toBe(1)
  socket.destroy()
  await expect.poll(() => calls.givenUp).toBe(1)
})

test('goal: the timeout and the trace go along, 5,000 ms unless given', async () => {
  const ops = [{ get: 'a' }]
  await run({ ops })
  await run({ ops }, '?timeout=60', { 'x-request-id': 'mine' })
  expect(calls.timeouts[0]).toBeGreaterThan(4_000)
  expect(calls.timeouts[1]).toBeLessThanOrEqual(60)
  expect(calls.traces).toEqual(['', 'mine'])
})

test('goal: transactions are counted as other requests are', async () => {
  await run({ ops: [{ get: 'a' }] })
  await run({})
  await say(`GET /v1/txn/${ID}`)
  const { text } = await say('GET /metrics')
  for (const line of [
    'keymesh_http_requests_total{call="txn",status="200",code=""} 1',
    'keymesh_http_requests_total{call="txn",status="400",code="invalid_argument"} 1',
    'keymesh_http_requests_total{call="txnState",status="200",code=""} 1'
  ]) {
    expect(text).toContain(line)
  }
})

describe('goal: a session goes on from every group the transaction saw', () => {
  const ops = [{ get: 'a' }]
  const token = (parts: string): string => `1.${CLUSTER}.${parts}`

  test('the highest of each, and what was seen before', async () => {
    calls.groups = [
      { group: 5, applied: 20 },
      { group: 2, applied: 36 }
    ]
    const first = await run({ ops })
    expect(first.headers['keymesh-session']).toBe(token('2-10_5-k'))
    const session = { 'keymesh-session': token('2-z_3-1-2-3_5-l') }
    const second = await run({ ops }, '', session)
    expect(second.headers['keymesh-session']).toBe(token('2-10_3-1-2-3_5-l'))
  })

  test('a failure gives it back as it came', async () => {
    const session = { 'keymesh-session': token('2-z') }
    calls.transacting = { ok: false, failure: failure('contention', ''), id: undefined }
    expect((await run({ ops }, '', session)).headers['keymesh-session']).toBe(token('2-z'))
    expect((await run({ ops })).headers['keymesh-session']).toBeUndefined()
    expect((await run({}, '', session)).headers['keymesh-session']).toBe(token('2-z'))
  })
})

describe('goal: GET /v1/txn/{id} tells what became of a transaction', () => {
  test.each([
    [{ type: 'pending' }, 'pending'],
    [{ type: 'ended', committed: true }, 'committed'],
    [{ type: 'ended', committed: false }, 'aborted'],
    [{ type: 'gone' }, 'unknown']
  ] as [Result, string][])('%j: %s', async (result, state) => {
    calls.outcome = result
    const answer = await say(`GET /v1/txn/${ID}`)
    expect([answer.status, jsonOf(answer)]).toEqual([200, { id: ID, state }])
    expect(answer.headers['keymesh-session']).toBe(`1.${CLUSTER}.1-1`)
    expect(calls.operations).toEqual([{ kind: 'outcome', of: TRANSACTION }])
    expect((await say(`HEAD /v1/txn/${ID}`)).status).toBe(200)
  })

  test('what is no id is refused', async () => {
    for (const id of ['x', '', `${ID}/`, `${ID}0000000000`, ID.toUpperCase(), `${ID}%20`]) {
      expect(codeOf(await say(`GET /v1/txn/${id}`))).toBe('invalid_argument')
    }
    expect(codeOf(await say(`GET /v1/txn/${ID}?consistency=strong`))).toBe('invalid_argument')
    expect(calls.operations).toEqual([])
  })

  test('a failure is told, and so is an answer about nothing of the kind', async () => {
    calls.outcome = { type: 'done' }
    expect(codeOf(await say(`GET /v1/txn/${ID}`))).toBe('internal')
    calls.failing = failure('timeout', 'no answer came')
    expect(codeOf(await say(`GET /v1/txn/${ID}`))).toBe('timeout')
  })
})
