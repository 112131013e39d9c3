import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { CallOperation, CallOutcome } from '../../../src/client/inputs.ts'
import type { HttpDoor } from '../../../src/gateway/http.ts'
import { digestOf, repeatableOf } from '../../../src/gateway/http-idempotency.ts'
import { runOnce } from '../../../src/gateway/idempotency.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import type { DataOperation } from '../../../src/wire/data-operation.ts'
import { CODES, failure } from '../../../src/wire/failure.ts'
import { ONCE_LIFE_MS } from '../../../src/wire/limits.ts'
import type { KeyResult } from '../../../src/wire/result.ts'
import { hex } from '../../../src/wire/session-id.ts'
import type { TableCalls } from './table-calls.ts'
import { openTableDoor } from './table-door.ts'

// Goal: a change with an Idempotency-Key is claimed, then made, and answered as the first time;
// each end of either step is told for what it is. Method: the steps alone on calls that are
// answered by hand; then the door on a real socket, with the memory of a partition behind it.

const COUNT: DataOperation = { type: 'increment', key: utf8('n'), by: 1 }
const COUNTED: KeyResult = { type: 'counted', value: 1, revision: 7 }

/** Two steps, answered by hand. */
class Steps {
  readonly calls: { operation: CallOperation; timeoutMs: number; cancelled: boolean }[] = []
  readonly outcomes: CallOutcome[] = []
  now = 50
  readonly cancel: () => void
  readonly #ends: ((outcome: CallOutcome) => void)[] = []

  constructor() {
    const request = {
      repeatable: repeatableOf('\u00e9\u00ff', 1_000),
      digest: digestOf(COUNT),
      operation: COUNT,
      timeoutMs: 300
    }
    const clock = { monotonic: () => this.now, wall: () => 0 }
    this.cancel = runOnce(this, clock, request, (outcome) => this.outcomes.push(outcome))
  }

  call(
    operation: CallOperation,
    { timeoutMs }: { timeoutMs: number },
    done: (outcome: CallOutcome) => void
  ): () => void {
    const call = { operation, timeoutMs, cancelled: false }
    this.calls.push(call)
    this.#ends.push(done)
    return () => {
      call.cancelled = true
    }
  }

  end(outcome: CallOutcome): void {
    this.#ends.at(-1)?.(outcome)
  }

  answer(result: KeyResult): void {
    this.end({ ok: true, kind: 'mutate', result, group: 1, applied: 1 })
  }
}

test('it claims the key, then asks for the change in what is left of the time', () => {
  const on = new Steps()
  const mark = {
    key: Uint8Array.of(0xe9, 0xff),
    digest: digestOf(COUNT),
    notAfter: 1_000 + ONCE_LIFE_MS
  }
  expect(on.calls).toMatchObject([
    { operation: { kind: 'mutate', operation: { type: 'claim' } }, timeoutMs: 300 }
  ])
  on.now += 100.5
  on.answer({ type: 'done' })
  expect(on.calls[1]).toMatchObject({ timeoutMs: 200 })
  const [claim, change] = on.calls.map(({ operation }) => {
    return operation.kind === 'mutate' ? operation.operation : undefined
  })
  for (const sent of [claim, change]) {
    const carried = sent?.type === 'claim' || sent?.type === 'once' ? sent.once : undefined
    expect(carried?.notAfter).toBe(mark.notAfter)
    expect(hex(carried?.key ?? utf8(''))).toBe(hex(mark.key))
    expect(hex(carried?.digest ?? utf8(''))).toBe(hex(mark.digest))
  }
  expect(change).toMatchObject({ type: 'once', operation: COUNT })
  on.answer(COUNTED)
  expect(on.outcomes).toMatchObject([{ ok: true, result: COUNTED }])
})

test('a claim that is refused ends it', () => {
  const on = new Steps()
  on.answer({ type: 'not-run', why: 'reused' })
  expect(on.calls.length).toBe(1)
  expect(on.outcomes).toMatchObject([{ ok: true, result: { type: 'not-run', why: 'reused' } }])
})

test('a claim nobody knows the fate of changed nothing for sure', () => {
  const on = new Steps()
  const said = `no answer came. ${CODES.unknown_outcome.advice}`
  on.end({ ok: false, failure: failure('unknown_outcome', said, 'unknown') })
  expect(on.calls.length).toBe(1)
  expect(on.outcomes).toMatchObject([
    {
      ok: false,
      failure: {
        code: 'unavailable',
        outcome: 'not_applied',
        message: expect.stringContaining('the change was not tried')
      }
    }
  ])
  expect(JSON.stringify(on.outcomes)).not.toContain(CODES.unknown_outcome.advice)
})

test('a change nobody knows the fate of may be sent again', () => {
  const on = new Steps()
  on.answer({ type: 'done' })
  on.end({ ok: false, failure: failure('unknown_outcome', 'no answer', 'unknown') })
  expect(on.outcomes).toMatchObject([
    { ok: false, failure: { code: 'unknown_outcome', outcome: 'unknown', repeatable: true } }
  ])
})

test('a failure that is sure is told as it is', () => {
  for (const claimed of [false, true]) {
    const on = new Steps()
    if (claimed) on.answer({ type: 'done' })
    const failed = failure('overloaded', 'too much')
    on.end({ ok: false, failure: failed })
    expect(on.outcomes).toEqual([{ ok: false, failure: failed }])
  }
})

test('who gives up gives up the step under way', () => {
  const first = new Steps()
  first.cancel()
  expect(first.calls.map((call) => call.cancelled)).toEqual([true])
  const second = new Steps()
  second.answer({ type: 'done' })
  second.cancel()
  expect(second.calls.map((call) => call.cancelled)).toEqual([false, true])
})

test('two changes that differ in anything have two digests', () => {
  const key = utf8('a')
  const value = utf8('1')
  const changes: readonly DataOperation[] = [
    { type: 'put', key, value },
    { type: 'put', key, value: utf8('2') },
    { type: 'put', key: utf8('b'), value },
    { type: 'put', key: utf8('a1'), value: utf8('') },
    { type: 'put', key, value, ttlMs: 1 },
    { type: 'put', key, value, ifRevision: 1 },
    { type: 'put', key, value, ifRevision: 0 },
    { type: 'delete', key },
    { type: 'delete', key, ifRevision: 1 },
    { type: 'increment', key, by: 1 },
    { type: 'increment', key, by: -1 },
    { type: 'touch', key },
    { type: 'touch', key, ttlMs: 1 }
  ]
  const digests = changes.map((change) => hex(digestOf(change)))
  expect(new Set(digests).size).toBe(changes.length)
  expect(digests).toEqual(changes.map((change) => hex(digestOf({ ...change }))))
})

let door: HttpDoor
let calls: TableCalls

beforeEach(async () => {
  ;({ door, calls } = await openTableDoor())
})
afterEach(() => door.stop(0))

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly etag: string | null
}

async function ask(method: string, path: string, key: string, more = {}): Promise<Answer> {
  const init = { method, ...more, headers: { 'idempotency-key': key, ...headersOf(more) } }
  const response = await fetch(new URL(path, door.url), init)
  const body: unknown = JSON.parse(await response.text())
  return { status: response.status, body, etag: response.headers.get('etag') }
}

const headersOf = (more: { headers?: object }): object => more.headers ?? {}

test('a repeat has the answer of the first, status and revision included', async () => {
  const create = { body: 'x', headers: { 'if-none-match': '*' } }
  const asked: readonly Parameters<typeof ask>[] = [
    ['POST', '/v1/kv/n/increment', 'a', {}],
    ['PUT', '/v1/kv/m', 'b', create],
    ['PUT', '/v1/kv/m', 'c', create],
    ['POST', '/v1/kv/m/increment', 'd', {}],
    ['POST', '/v1/kv/m/touch', 'g', { body: '{"ttl":9}' }],
    ['DELETE', '/v1/kv/m', 'e', {}],
    ['POST', '/v1/kv/m/touch', 'h', { body: '{"ttl":9}' }],
    ['DELETE', '/v1/kv/m', 'f', {}]
  ]
  const first: Answer[] = []
  for (const one of asked) first.push(await ask(...one))
  expect(first.map(({ status }) => status)).toEqual([200, 200, 412, 409, 200, 200, 404, 200])
  calls.now += 9 * 60_000
  for (const [i, one] of asked.entries()) expect(await ask(...one)).toEqual(first[i])
  expect(calls.table.size).toBe(1)
})

test('another request under the key is a 422', async () => {
  await ask('PUT', '/v1/kv/a', 'k', { body: '1' })
  for (const [path, body] of [
    ['/v1/kv/a', '2'],
    ['/v1/kv/b', '1'],
    ['/v1/kv/a?ttl=5', '1']
  ] as const) {
    expect(await ask('PUT', path, 'k', { body })).toMatchObject({
      status: 422,
      body: { error: { code: 'idempotency_reused', outcome: 'not_applied', retryable: false } }
    })
  }
  expect(await ask('PUT', '/v1/kv/a?timeout=77', 'k', { body: '1' })).toMatchObject({ status: 200 })
})

test('what the memory cannot hold is a 429; what could not run in time a 503', async () => {
  calls.answering = { type: 'not-run', why: 'full' }
  const full = await fetch(new URL('/v1/kv/a', door.url), {
    method: 'PUT',
    headers: { 'idempotency-key': 'k' }
  })
  expect([full.status, full.headers.get('retry-after')]).toEqual([429, '10'])
  for (const why of ['late', 'early'] as const) {
    calls.answering = { type: 'not-run', why }
    expect(await ask('DELETE', '/v1/kv/a', 'k')).toMatchObject({
      status: 503,
      body: { error: { code: 'unavailable', outcome: 'not_applied', retryable: true } }
    })
  }
})

test('an unknown outcome is retryable with a key, and not without', async () => {
  calls.holding = true
  const asked = ask('DELETE', '/v1/kv/a', 'k')
  await expect.poll(() => calls.held.length).toBe(1)
  calls.failing = failure('unknown_outcome', 'no answer', 'unknown')
  calls.answer(0)
  const error = { code: 'unknown_outcome', outcome: 'unknown', retryable: true }
  expect(await asked).toMatchObject({ status: 504, body: { error } })
  const without = await fetch(new URL('/v1/kv/a', door.url), { method: 'DELETE' })
  expect(await without.json()).toMatchObject({ error: { ...error, retryable: false } })
})

test('a read takes the header and passes it over', async () => {
  await ask('PUT', '/v1/kv/a', 'k', { body: '1' })
  expect(await ask('GET', '/v1/kv/a', 'k')).toMatchObject({ status: 200, body: 1 })
})

test('a header that is given twice is no key', async () => {
  const { port } = door.url
  const headers = ['Host', `127.0.0.1:${port}`, 'Idempotency-Key', 'a', 'Idempotency-Key', 'b']
  const request = httpRequest({ port, method: 'DELETE', path: '/v1/kv/a', headers })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  expect(response.statusCode).toBe(400)
  expect(calls.timeouts).toEqual([])
})
