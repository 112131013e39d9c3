import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type HttpDoor, openHttp } from '../../../src/gateway/http.ts'
import { CODES, failure } from '../../../src/wire/failure.ts'
import { silent } from '../../../src/world/log.ts'
import type { TableCalls } from './table-calls.ts'
import { openTableDoor } from './table-door.ts'

// The door on a real socket, with a table in place of the node behind it.

const PLACE = { host: '127.0.0.1', port: 0 }
const MIB = 1024 * 1024

let door: HttpDoor
let calls: TableCalls

beforeEach(async () => {
  ;({ door, calls } = await openTableDoor())
})
afterEach(() => door.stop(0))

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(new URL(path, door.url), init)
  return { status: response.status, text: await response.text(), headers: response.headers }
}

const put = (path: string, body: string | Uint8Array, headers = {}): Promise<Answer> =>
  ask(path, { method: 'PUT', body, headers })

function code({ text }: Answer): string {
  return (JSON.parse(text) as { readonly error: { readonly code: string } }).error.code
}

test('a value comes back byte for byte with its revision', async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
  const written = await put('/v1/kv/a/b%20c', bytes)
  expect(written).toMatchObject({ status: 200, text: '{"revision":1}' })
  expect(calls.table.get('a/b c')?.revision).toBe(1)
  const response = await fetch(new URL('/v1/kv/a%2Fb%20c', door.url))
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    etag: '"1"',
    'keymesh-revision': '1',
    'content-type': 'application/octet-stream',
    'content-length': '256'
  })
})

test('HEAD answers as GET does, without the value', async () => {
  await put('/v1/kv/a', 'value')
  const head = await ask('/v1/kv/a', { method: 'HEAD' })
  expect(head).toMatchObject({ status: 200, text: '' })
  expect(head.headers.get('etag')).toBe('"1"')
  expect(head.headers.get('content-length')).toBe('5')
  expect(await ask('/v1/kv/b', { method: 'HEAD' })).toMatchObject({ status: 404, text: '' })
})

test('an absent key is a 404 that carries no revision', async () => {
  const answer = await ask('/v1/kv/a')
  expect(answer.status).toBe(404)
  expect(JSON.parse(answer.text)).toEqual({
    error: {
      code: 'not_found',
      message: 'there is no such key',
      outcome: 'not_applied',
      retryable: false
    }
  })
  expect(answer.headers.has('etag')).toBe(false)
  expect(answer.headers.has('keymesh-revision')).toBe(false)
})

test('conditions hold or answer 412 with the revision the key has', async () => {
  expect((await put('/v1/kv/a', '1', { 'if-none-match': '*' })).status).toBe(200)
  const again = await put('/v1/kv/a', '2', { 'if-none-match': '*' })
  expect([again.status, code(again), again.headers.get('etag')]).toEqual([412, 'conflict', '"1"'])
  expect((await put('/v1/kv/a', '2', { 'if-match': '"1"' })).status).toBe(200)
  const gone = await ask('/v1/kv/a', { method: 'DELETE', headers: { 'if-match': '"1"' } })
  expect(gone.status).toBe(412)
  const none = await put('/v1/kv/b', '1', { 'if-match': '"7"' })
  expect([none.status, none.headers.has('etag')]).toEqual([412, false])
  expect(await ask('/v1/kv/a', { method: 'DELETE' })).toMatchObject({
    text: '{"existed":true,"revision":3}'
  })
  expect(await ask('/v1/kv/a', { method: 'DELETE' })).toMatchObject({ text: '{"existed":false}' })
})

test('a read that knows the revision is a 304', async () => {
  await put('/v1/kv/a', 'value')
  const fresh = await ask('/v1/kv/a', { headers: { 'if-none-match': '"1"' } })
  expect([fresh.status, fresh.text, fresh.headers.get('etag')]).toEqual([304, '', '"1"'])
  const stale = await ask('/v1/kv/a', { headers: { 'if-none-match': '"2"' } })
  expect([stale.status, stale.text]).toEqual([200, 'value'])
})

test('an increment counts, and refuses what is no number', async () => {
  const counted = await ask('/v1/kv/n/increment', { method: 'POST', body: '{"by":41}' })
  expect(counted.text).toBe('{"value":41,"revision":1}')
  expect((await ask('/v1/kv/n/increment', { method: 'POST' })).text).toContain('"value":42')
  await put('/v1/kv/t', 'text')
  const refused = await ask('/v1/kv/t/increment', { method: 'POST' })
  expect([refused.status, code(refused)]).toEqual([409, 'not_a_number'])
})

test('a ttl goes in as milliseconds and comes out as those left', async () => {
  await put('/v1/kv/a?ttl=1500', 'value')
  expect((await ask('/v1/kv/a')).headers.get('keymesh-expires-in')).toBe('1500')
})

test('a timeout of the caller is the timeout of the call', async () => {
  await ask('/v1/kv/a?timeout=77')
  await ask('/v1/kv/a')
  expect(calls.timeouts).toEqual([77, 5_000])
})

test.each([
  ['GET', '/v1/kv/a?timeout=0', {}],
  ['GET', '/v1/kv/a?unknown=1', {}],
  ['GET', '/v1/kv/%FF', {}],
  ['GET', '/v1/kv/', {}],
  ['GET', '/v1/kv/a', { 'if-match': '"1"' }],
  ['PUT', '/v1/kv/a', { 'if-match': '*' }],
  ['PUT', '/v1/kv/a', { 'if-match': '"1"', 'if-none-match': '*' }],
  ['PUT', '/v1/kv/a', { 'if-none-match': '"1"' }],
  ['PUT', '/v1/kv/a', { 'idempotency-key': '' }],
  ['PUT', '/v1/kv/a', { 'idempotency-key': 'x'.repeat(129) }],
  ['DELETE', '/v1/kv/a', { 'keymesh-fence-key': 'lock' }],
  ['DELETE', '/v1/kv/a', { 'if-none-match': '*' }],
  ['PUT', '/v1/kv/a?ttl=-1', {}]
])('%s %s with %o is an invalid argument and reaches nobody', async (method, path, headers) => {
  const answer = await ask(path, { method, headers })
  expect([answer.status, code(answer)]).toEqual([400, 'invalid_argument'])
  expect(calls.timeouts).toEqual([])
})

test.each([
  ['GET', '/'],
  ['GET', '/v1'],
  ['PATCH', '/v1/kv/a'],
  ['POST', '/v1/kv/a'],
  ['PUT', '/v1/kv'],
  ['DELETE', '/v1/cluster'],
  ['GET', '/%FF%00/..'],
  ['GET', '/value']
])('%s %s is no route', async (method, path) => {
  const answer = await ask(path, { method })
  expect([answer.status, code(answer)]).toEqual([404, 'unknown_route'])
})

test('a body is raw whatever type it claims, and may be empty', async () => {
  for (const type of ['nonsense', 'application/json', 'multipart/form-data']) {
    expect((await put('/v1/kv/a', '{', { 'content-type': type })).status).toBe(200)
  }
  expect((await put('/v1/kv/a', '')).status).toBe(200)
  expect(calls.table.get('a')?.value).toHaveLength(0)
})

test('1 MiB is a value, a byte more is too large, announced or not', async () => {
  expect((await put('/v1/kv/a', new Uint8Array(MIB))).status).toBe(200)
  const over = await put('/v1/kv/b', new Uint8Array(MIB + 1))
  expect([over.status, code(over)]).toEqual([413, 'too_large'])
  const chunk = new Uint8Array(MIB)
  const body = ReadableStream.from([chunk, chunk, chunk])
  const init = { method: 'PUT', body, duplex: 'half' } as RequestInit
  const chunked = await ask('/v1/kv/c', init)
  expect([chunked.status, code(chunked)]).toEqual([413, 'too_large'])
  expect([...calls.table.keys()]).toEqual(['a'])
})

test.each(Object.keys(CODES) as (keyof typeof CODES)[])('%s has its status', async (name) => {
  calls.failing = failure(name, 'because', name === 'unknown_outcome' ? 'unknown' : 'not_applied')
  const answer = await ask('/v1/kv/a')
  expect([answer.status, code(answer)]).toEqual([CODES[name].status, name])
  expect(answer.headers.get('retry-after')).toBe(name === 'overloaded' ? '1' : null)
})

test('a caller who hangs up gives the call up', async () => {
  calls.holding = true
  const request = httpRequest(new URL('/v1/kv/a', door.url)).on('error', () => {})
  request.end()
  await expect.poll(() => calls.timeouts).toHaveLength(1)
  request.destroy()
  await expect.poll(() => calls.givenUp).toBe(1)
})

test('stopping finishes what is inside, for as long as it may', async () => {
  calls.holding = true
  const answer = ask('/v1/kv/a')
  await expect.poll(() => calls.timeouts).toHaveLength(1)
  const began = performance.now()
  await Promise.all([door.stop(200), expect(answer).rejects.toThrow()])
  expect(performance.now() - began).toBeGreaterThan(150)
  await expect.poll(() => calls.givenUp).toBe(1)
})

test('probes tell why a node is not ready', async () => {
  expect((await ask('/readyz')).status).toBe(200)
  calls.reasons = ['no cluster yet']
  expect(await ask('/readyz')).toMatchObject({
    status: 503,
    text: '{"ready":false,"reasons":["no cluster yet"]}'
  })
  expect((await ask('/livez')).status).toBe(200)
  expect((await ask('/healthz')).status).toBe(200)
})

test('with a token, only who sends it is served; probes are open', async () => {
  const guarded = await openHttp({ place: PLACE, token: 'secret', logger: silent })
  guarded.serve(calls)
  const status = async (path: string, authorization?: string): Promise<number> => {
    const headers = authorization === undefined ? {} : { authorization }
    return (await fetch(new URL(path, guarded.url), { headers })).status
  }
  expect(await status('/v1/kv/a')).toBe(401)
  expect(await status('/v1/kv/a', 'Bearer wrong')).toBe(401)
  expect(await status('/v1/kv/a', 'Basic secret')).toBe(401)
  expect(await status('/v1/kv/a', 'Bearer secret')).toBe(404)
  expect(await status('/nothing', 'Bearer wrong')).toBe(401)
  expect(await status('/livez')).toBe(200)
  expect(await status('/readyz')).toBe(200)
  await guarded.stop(0)
})

test('a web page of another site is turned away', async () => {
  const headers = { 'sec-fetch-site': 'cross-site' }
  const answer = await new Promise<number | undefined>((resolve) => {
    const url = new URL('/v1/kv/a/increment', door.url)
    const request = httpRequest(url, { method: 'POST', headers }, (r) => resolve(r.statusCode))
    request.end()
  })
  expect(answer).toBe(403)
})

async function raw(text: string | Uint8Array): Promise<string> {
  const socket = connect(Number(door.url.port), '127.0.0.1')
  socket.on('error', () => {})
  socket.write(text)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

test.each([
  ['no HTTP at all', 'GARBAGE\r\n\r\n', '400'],
  ['bytes of nothing', Uint8Array.from({ length: 100 }, (_, i) => 255 - i), '400'],
  ['a header without end', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(60_000)}`, '413'],
  ['a bad length', 'PUT /v1/kv/a HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n', '400'],
  [
    'two lengths',
    'PUT /v1/kv/a HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n',
    '400'
  ],
  [
    'bad chunks',
    'PUT /v1/kv/a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
    '400'
  ]
])('%s is answered in our form, and others are served on', async (_name, text, status) => {
  const answer = await raw(text)
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(answer).toContain('"outcome":"not_applied"')
  expect((await put('/v1/kv/b', 'fine')).status).toBe(200)
  expect([...calls.table.keys()]).toEqual(['b'])
})

test('a path that is not percent-encoded is named as such', async () => {
  expect(await raw('GET /v1/kv/ключ HTTP/1.1\r\nhost: a\r\n\r\n')).toContain('percent-encode')
})
