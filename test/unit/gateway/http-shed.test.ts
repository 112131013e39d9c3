import { afterEach, beforeEach, expect, test } from 'vitest'
import { type HttpDoor, openHttp } from '../../../src/gateway/http.ts'
import { failure } from '../../../src/wire/failure.ts'
import { silent } from '../../../src/world/log.ts'
import { parseMetrics, total } from './metrics-parser.ts'
import { LAST, lines, RawHttp } from './raw-http.ts'
import { TableCalls } from './table-calls.ts'

// What the door refuses while nodes have too much to do, before anything else looks at it.

let door: HttpDoor
let calls: TableCalls

async function open(token?: string): Promise<HttpDoor> {
  const place = { host: '127.0.0.1', port: 0 }
  const opened = await openHttp({ place, token, logger: silent })
  opened.serve(calls)
  return opened
}

beforeEach(async () => {
  calls = new TableCalls()
  door = await open()
})
afterEach(() => door.stop(0))

async function ask(path: string, init: RequestInit = {}) {
  const response = await fetch(new URL(path, door.url), init)
  const headers = Object.fromEntries(response.headers)
  return { status: response.status, text: await response.text(), headers }
}

function shed(): void {
  calls.shedding.add('get').add('mutate')
}

test.each([
  ['GET', '/v1/kv/a', null],
  ['PUT', '/v1/kv/a%20b?ttl=5&timeout=100', 'x'],
  ['DELETE', '/v1/kv/a', null],
  ['POST', '/v1/kv/a/increment', '{"by":2}'],
  ['POST', '/v1/kv/a/touch', '{"ttl":1}']
])('goal: %s %s is refused as any other part would refuse it', async (method, path, body) => {
  const init = { method, body }
  calls.failing = failure('overloaded', 'elsewhere')
  const other = await ask(path, init)
  calls.failing = undefined
  shed()
  const { length } = calls.timeouts
  const answer = await ask(path, init)
  expect(answer.status).toBe(429)
  expect(JSON.parse(answer.text)).toMatchObject({
    error: { code: 'overloaded', outcome: 'not_applied', retryable: true }
  })
  expect(Object.keys(answer.headers).sort()).toEqual(Object.keys(other.headers).sort())
  expect(answer.headers).toMatchObject({ 'retry-after': '1' })
  expect(calls.timeouts).toHaveLength(length)
  expect(calls.table.size).toBe(0)
})

test('goal: only what is refused is refused, and what may pass says so', async () => {
  calls.shedding.add('mutate')
  expect((await ask('/v1/kv/a')).status).toBe(404)
  expect((await ask('/v1/kv/free', { method: 'PUT', body: 'x' })).status).toBe(200)
  expect((await ask('/v1/kv/a', { method: 'PUT', body: 'x' })).status).toBe(429)
  calls.shedding.clear()
  expect((await ask('/v1/kv/a', { method: 'PUT', body: 'x' })).status).toBe(200)
  expect(calls.admitted).toEqual([true, true, false])
})

test('goal: what another answer may be due to goes on to those who know', async () => {
  shed()
  const once = { 'idempotency-key': 'one' }
  expect((await ask('/v1/kv/a', { method: 'PUT', body: 'x', headers: once })).status).toBe(200)
  expect((await ask('/v1/kv/a?consistency=eventual')).status).toBe(200)
  expect((await ask('/v1/kv/YQ?encoding=base64url')).status).toBe(200)
  const seen = { 'keymesh-session': '1.0123456789abcdef.1-1' }
  expect(await ask('/v1/kv/a', { headers: seen })).toMatchObject({ status: 200 })
  expect((await ask('/v1/kv/%FF')).status).toBe(400)
  expect((await ask('/v1/nothing')).status).toBe(404)
  expect((await ask('/livez')).status).toBe(200)
  expect(calls.admitted).not.toContain(true)
})

test('goal: who may not call hears that first', async () => {
  shed()
  const foreign = new RawHttp(door.url)
  foreign.write(`GET /v1/kv/a HTTP/1.1\r\nhost: evil.example\r\n${LAST}\r\n`)
  expect(await foreign.end()).toContain('"code":"forbidden"')
  await door.stop(0)
  door = await open('secret')
  expect((await ask('/v1/kv/a')).status).toBe(401)
  const headers = { authorization: 'Bearer secret' }
  expect((await ask('/v1/kv/a', { headers })).status).toBe(429)
})

test('goal: the body is passed over, and the connection goes on', async () => {
  shed()
  const connection = new RawHttp(door.url)
  connection.write(lines('PUT /v1/kv/a', '', 'x'.repeat(1024 * 1024)))
  connection.write(lines('HEAD /v1/kv/a'))
  connection.write(lines('GET /livez', LAST))
  const text = await connection.end()
  expect(connection.statuses).toEqual([429, 429, 200])
  expect(text.match(/"code":"overloaded"/g)).toHaveLength(1)
})

test('goal: answers keep the order of their requests', async () => {
  calls.holding = true
  const connection = new RawHttp(door.url)
  connection.write(lines('PUT /v1/kv/a', '', 'x'))
  await expect.poll(() => calls.held.length).toBe(1)
  shed()
  connection.write(lines('GET /v1/kv/a'))
  connection.write(lines('GET /livez', LAST))
  await ask('/v1/kv/b')
  calls.answer(0)
  await connection.end()
  expect(connection.statuses).toEqual([200, 429, 200])
})

test('goal: a refusal repeats the name its caller follows it by, and counts once', async () => {
  shed()
  const headers = { 'x-request-id': 'mine' }
  expect((await ask('/v1/kv/a', { headers })).headers).toMatchObject({ 'keymesh-trace': 'mine' })
  await ask('/v1/kv/a', { method: 'PUT', body: 'x' })
  const seen = parseMetrics((await ask('/metrics')).text)
  const refused = { status: '429', code: 'overloaded' }
  const requests = 'keymesh_http_requests_total'
  expect(total(seen, requests, { call: 'get', ...refused })).toBe(1)
  expect(total(seen, requests, { call: 'put', ...refused })).toBe(1)
  expect(total(seen, requests)).toBe(2)
  expect(total(seen, 'keymesh_http_requests_inside')).toBe(1)
})
