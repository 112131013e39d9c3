import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { HttpDoor } from '../../../src/gateway/http.ts'
import { failure } from '../../../src/wire/failure.ts'
import { type Answer, ask, codeOf, messageOf } from './ask.ts'
import type { TableCalls } from './table-calls.ts'
import { openTableDoor } from './table-door.ts'

let door: HttpDoor
let calls: TableCalls

beforeEach(async () => {
  ;({ door, calls } = await openTableDoor())
})

afterEach(() => door.stop(0))

function send(line: string, json?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const body = json === undefined ? {} : { body: JSON.stringify(json) }
  return ask(door.url, line, { headers, ...body })
}

function jsonOf({ text }: Answer): unknown {
  return JSON.parse(text)
}

async function locked(key: string, json?: unknown): Promise<number> {
  const answer = await send(`POST /v1/locks/${key}`, json)
  expect(answer.status).toBe(200)
  return (jsonOf(answer) as { token: number }).token
}

test('goal: a lock is granted with its token, kept, shown and given back', async () => {
  const free = await send('GET /v1/locks/job')
  expect([free.status, jsonOf(free)]).toEqual([200, { held: false, token: 0 }])
  const answer = await send('POST /v1/locks/job', { ttl: 20_000, wait: 0, owner: 'Ada' })
  const { token } = jsonOf(answer) as { token: number }
  expect(jsonOf(answer)).toEqual({ token, ttl: 20_000 })
  expect(jsonOf(await send('GET /v1/locks/job'))).toEqual({
    held: true,
    token,
    owner: 'Ada',
    expiresIn: 20_000,
    waiters: 0,
    shared: false,
    holders: 1
  })
  const kept = await send('PUT /v1/locks/job', { token, ttl: 30_000 })
  expect([kept.status, jsonOf(kept)]).toEqual([200, { token, ttl: 30_000 }])
  expect(jsonOf(await send('GET /v1/locks/job'))).toMatchObject({ expiresIn: 30_000 })
  expect(jsonOf(await send('PUT /v1/locks/job', { token }))).toEqual({ token })
  const released = await send(`DELETE /v1/locks/job?token=${token}`)
  expect([released.status, jsonOf(released)]).toEqual([200, { released: true }])
  expect(jsonOf(await send('GET /v1/locks/job'))).toEqual({ held: false, token })
  expect((await send('HEAD /v1/locks/job')).status).toBe(200)
})

test('goal: without a body it is exclusive, for ten seconds, after a wait of five', async () => {
  const answer = await send('POST /v1/locks/job?timeout=700')
  expect(jsonOf(answer)).toMatchObject({ ttl: 10_000 })
  expect([calls.waits.at(-1), calls.timeouts.at(-1)]).toEqual([5_000, 700])
  expect(codeOf(await send('POST /v1/locks/job', { shared: true }))).toBe('locked')
})

test('goal: who does not get it is told who has it, and since when', async () => {
  await locked('job', { owner: 'Ada' })
  calls.now += 3_000
  const answer = await send('POST /v1/locks/job', { wait: 0 })
  expect(answer.status).toBe(409)
  expect(jsonOf(answer)).toMatchObject({
    error: {
      code: 'locked',
      outcome: 'not_applied',
      retryable: true,
      owner: 'Ada',
      since: calls.now - 3_000
    }
  })
})

test('goal: a token that is not held keeps nothing and releases nothing', async () => {
  const token = await locked('job')
  await send(`DELETE /v1/locks/job?token=${token}`)
  for (const answer of [
    await send('PUT /v1/locks/job', { token }),
    await send(`DELETE /v1/locks/job?token=${token}`),
    await send('PUT /v1/locks/other', { token: 1 })
  ]) {
    expect([answer.status, codeOf(answer)]).toEqual([409, 'lock_lost'])
  }
})

test('goal: a caller who hangs up gives up its wait', async () => {
  calls.holding = true
  const socket = connect({ port: Number(door.url.port), host: door.url.hostname })
  socket.write(`POST /v1/locks/job HTTP/1.1\r\nhost: ${door.url.host}\r\n\r\n`)
  while (calls.held.length === 0) await new Promise((resolve) => setImmediate(resolve))
  socket.destroy()
  await once(socket, 'close')
  while (calls.givenUp === 0) await new Promise((resolve) => setImmediate(resolve))
  expect(calls.givenUp).toBe(1)
})

test('goal: every change takes a fence, and is refused when the lock moved on', async () => {
  const token = await locked('lock%20%2F1')
  const headers = { 'keymesh-fence-key': 'lock%20%2f1', 'keymesh-fence-token': String(token) }
  const changes: [line: string, body?: unknown][] = [
    ['PUT /v1/kv/a', 1],
    ['POST /v1/kv/a/increment', { by: 2 }],
    ['POST /v1/kv/a/touch', { ttl: 500 }],
    ['DELETE /v1/kv/a']
  ]
  for (const [line, body] of changes) {
    const answer = await send(line, body, headers)
    expect([line, answer.status]).toEqual([line, 200])
    expect(answer.headers['keymesh-session']).toBeDefined()
  }
  await send(`DELETE /v1/locks/lock%20%2F1?token=${token}`)
  for (const [line, body] of changes) {
    const answer = await send(line, body, headers)
    expect([line, answer.status, codeOf(answer)]).toEqual([line, 412, 'fenced'])
  }
  expect(calls.table.size).toBe(0)
})

test('goal: a transaction takes conditions on locks', async () => {
  const token = await locked('job')
  const ops = [{ put: 'a', value: '1' }]
  const done = await send('POST /v1/txn', { if: [{ lock: 'job', token }], ops })
  expect(jsonOf(done)).toMatchObject({ committed: true })
  const not = await send('POST /v1/txn', { if: [{ lock: 'job', token: token + 1 }], ops })
  expect(jsonOf(not)).toMatchObject({ committed: false, failed: [0] })
})

test('goal: keys in base64url name locks, too', async () => {
  await locked('_w?encoding=base64url')
  expect(calls.locks.view({ key: Uint8Array.of(0xff), guard: false }).holders).toBe(1)
})

test('goal: a failure is told as it is', async () => {
  calls.failing = failure('unavailable', 'no leader')
  for (const [line, body] of [
    ['POST /v1/locks/a', {}],
    ['PUT /v1/locks/a', { token: 1 }],
    ['DELETE /v1/locks/a?token=1', undefined],
    ['GET /v1/locks/a', undefined]
  ] as const) {
    expect(codeOf(await send(line, body))).toBe('unavailable')
  }
})

test.each([
  ['POST /v1/locks/a', { ttl: 99 }, {}, /ttl must be a whole number from 100/],
  ['POST /v1/locks/a', { wait: -1 }, {}, /wait must be a whole number from 0/],
  ['POST /v1/locks/a', { owner: 'ä'.repeat(65) }, {}, /owner must be text of at most 128 bytes/],
  ['POST /v1/locks/a', { shared: 1 }, {}, /shared must be true or false/],
  ['POST /v1/locks/a', { tll: 1 }, {}, /unknown field "tll"/],
  ['POST /v1/locks/a?token=1', {}, {}, /unknown query parameter "token"/],
  ['POST /v1/locks/a', {}, { 'idempotency-key': 'x' }, /does not take the header/],
  ['PUT /v1/locks/a', {}, {}, /lacks the field "token"/],
  ['PUT /v1/locks/a', { token: 0 }, {}, /token must be the token of a lock/],
  ['DELETE /v1/locks/a', undefined, {}, /token is missing/],
  ['DELETE /v1/locks/a?token=0', undefined, {}, /token must be the token of a lock/],
  ['PUT /v1/kv/a', 1, { 'keymesh-fence-key': 'a' }, /give both/],
  ['PUT /v1/kv/a', 1, { 'keymesh-fence-token': '1' }, /give both/],
  ['PUT /v1/kv/a', 1, { 'keymesh-fence-key': 'a%2', 'keymesh-fence-token': '1' }, /hex digits/],
  ['GET /v1/kv/a', undefined, { 'keymesh-fence-key': 'a' }, /does not take the header/],
  [
    'PUT /v1/kv/a',
    1,
    { 'keymesh-fence-key': 'a', 'keymesh-fence-token': '1', 'idempotency-key': 'x' },
    /not supported together/
  ]
] as const)(
  'goal: what makes no sense is refused: %s %j %j',
  async (line, json, headers, words) => {
    const answer = await send(line, json, headers)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_argument'])
    expect(messageOf(answer)).toMatch(words)
    expect(calls.operations).toEqual([])
  }
)
