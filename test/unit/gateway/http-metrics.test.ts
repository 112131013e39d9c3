import { request as httpRequest } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { API } from '../../../src/gateway/api.ts'
import type { ApiCall } from '../../../src/gateway/api-shape.ts'
import { type HttpDoor, openHttp } from '../../../src/gateway/http.ts'
import { failure } from '../../../src/wire/failure.ts'
import { silent } from '../../../src/world/log.ts'
import { parseMetrics, type Scrape, total } from './metrics-parser.ts'
import type { TableCalls } from './table-calls.ts'
import { openTableDoor } from './table-door.ts'

// Goal: what callers asked for and got is what the metrics say, to the last one.

const PLACE = { host: '127.0.0.1', port: 0 }

let door: HttpDoor
let calls: TableCalls

beforeEach(async () => {
  ;({ door, calls } = await openTableDoor())
})
afterEach(() => door.stop(0))

async function ask(path: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(new URL(path, door.url), init)
  await response.arrayBuffer()
  return response.status
}

async function scrape(): Promise<Scrape> {
  const response = await fetch(new URL('/metrics', door.url))
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return parseMetrics(await response.text())
}

const requests = 'keymesh_http_requests_total'

test('each request counts once, by what it was and how it ended', async () => {
  for (let i = 0; i < 5; i++) await ask('/v1/kv/a', { method: 'PUT', body: 'x' })
  for (let i = 0; i < 3; i++) await ask('/v1/kv/a')
  expect(await ask('/v1/kv/b')).toBe(404)
  expect(await ask('/v1/kv/a', { method: 'PUT', headers: { 'if-match': '"9"' } })).toBe(412)
  expect(await ask('/v1/nothing')).toBe(404)
  calls.failing = failure('unavailable', 'no')
  expect(await ask('/v1/kv/a')).toBe(503)
  const seen = await scrape()
  const of = (labels: Record<string, string>): number => total(seen, requests, labels)
  expect(of({ call: 'put', status: '200', code: '' })).toBe(5)
  expect(of({ call: 'put', status: '412', code: 'conflict' })).toBe(1)
  expect(of({ call: 'get', status: '200' })).toBe(3)
  expect(of({ status: '404', code: 'not_found' })).toBe(1)
  expect(of({ status: '404', code: 'unknown_route', call: 'unknown' })).toBe(1)
  expect(of({ status: '503', code: 'unavailable' })).toBe(1)
  expect(total(seen, requests)).toBe(12)
  expect(total(seen, 'keymesh_http_request_duration_seconds_count')).toBe(12)
  expect(total(seen, 'keymesh_http_requests_inside')).toBe(1)
  expect(total(await scrape(), requests, { call: 'metrics' })).toBe(1)
})

test('goal: HEAD goes wherever GET does, and who probes may add any query', async () => {
  for (const { path, method } of Object.values<ApiCall>(API)) {
    if (method !== 'GET') continue
    const at = path.replace('{key}', 'a')
    expect([at, await ask(at, { method: 'HEAD' })]).toEqual([at, await ask(at)])
  }
  for (const path of ['/livez', '/healthz', '/readyz', '/metrics']) {
    expect([path, await ask(`${path}?a=1&a=2`)]).toEqual([path, await ask(path)])
  }
})

test('a caller who hangs up counts as that', async () => {
  calls.holding = true
  const request = httpRequest(new URL('/v1/kv/a', door.url))
  const closed = new Promise((resolve) => request.on('error', resolve))
  request.end()
  await expect.poll(() => calls.held.length).toBe(1)
  request.destroy(new Error('hung up'))
  await closed
  await expect.poll(() => calls.givenUp).toBe(1)
  const seen = await scrape()
  expect(total(seen, requests, { call: 'get', status: '499' })).toBe(1)
  expect(total(seen, 'keymesh_http_requests_inside')).toBe(1)
})

test('the process is told of, and the node where there is one', async () => {
  Object.assign(calls, { metrics: () => '# HELP a A.\n# TYPE a gauge\na 1\n' })
  const seen = await scrape()
  expect(total(seen, 'a')).toBe(1)
  expect(total(seen, 'process_resident_memory_bytes')).toBeGreaterThan(1e6)
  expect(seen.has('nodejs_eventloop_lag_seconds')).toBe(true)
})

test('a node with a token tells only who has it', async () => {
  const guarded = await openHttp({ place: PLACE, token: 'secret', logger: silent })
  const url = new URL('/metrics', guarded.url)
  expect((await fetch(url)).status).toBe(401)
  const headers = { authorization: 'Bearer secret' }
  expect((await fetch(url, { headers })).status).toBe(200)
  await guarded.stop(0)
})
