import { afterEach, beforeEach, expect, test } from 'vitest'
import { NOBODY } from '../../../src/gateway/calls.ts'
import { type HttpDoor, openHttp } from '../../../src/gateway/http.ts'
import { failure } from '../../../src/wire/failure.ts'
import { silent } from '../../../src/world/log.ts'
import { type Answer, ask, codeOf, messageOf, type Question } from './ask.ts'
import { LAST, lines, RawHttp } from './raw-http.ts'
import { TableCalls } from './table-calls.ts'

// Each call on a single key as a caller sees it: headers, conditions, keys, bounds. Every answer is
// held against /openapi.json by `ask`.

let door: HttpDoor
let calls: TableCalls

async function open(token?: string): Promise<HttpDoor> {
  const opened = await openHttp({ place: { host: '127.0.0.1', port: 0 }, token, logger: silent })
  opened.serve(calls)
  return opened
}

beforeEach(async () => {
  calls = new TableCalls()
  door = await open()
})
afterEach(() => door.stop(0))

const say = (line: string, question?: Question): Promise<Answer> => ask(door.url, line, question)
const about = ({ status, headers }: Answer): unknown[] => [
  status,
  headers.etag,
  headers['keymesh-revision'],
  headers['keymesh-expires-in']
]

test('goal: every answer about a key that exists tells its revision and its rest', async () => {
  const told: unknown[][] = []
  for (const [line, question] of [
    ['PUT /v1/kv/n', { body: '1' }],
    ['PUT /v1/kv/n?ttl=1500', { body: '2' }],
    ['GET /v1/kv/n'],
    ['HEAD /v1/kv/n'],
    ['GET /v1/kv/n', { headers: { 'if-none-match': '"2"' } }],
    ['HEAD /v1/kv/n', { headers: { 'if-none-match': '*' } }],
    ['POST /v1/kv/n/touch', { body: '{"ttl":99}' }],
    ['POST /v1/kv/n/increment', { body: '{"by":3}' }],
    ['POST /v1/kv/n/touch', { body: '{"ttl":null}' }],
    ['PUT /v1/kv/n', { body: 'x', headers: { 'if-match': '"9"' } }]
  ] as [string, Question?][]) {
    told.push(about(await say(line, question)))
  }
  expect(told).toEqual([
    [200, '"1"', '1', undefined],
    [200, '"2"', '2', '1500'],
    [200, '"2"', '2', '1500'],
    [200, '"2"', '2', '1500'],
    [304, '"2"', '2', '1500'],
    [304, '"2"', '2', '1500'],
    [200, '"3"', '3', '99'],
    [200, '"4"', '4', '99'],
    [200, '"5"', '5', undefined],
    [412, '"5"', '5', undefined]
  ])
})

test('goal: an answer about a key that does not exist has none of that', async () => {
  for (const line of [
    'GET /v1/kv/a',
    'HEAD /v1/kv/a',
    'POST /v1/kv/a/touch',
    'DELETE /v1/kv/a',
    'PUT /v1/kv/a'
  ]) {
    const headers = line.startsWith('PUT') ? { 'if-match': '"3"' } : {}
    const body = line.startsWith('POST') ? { body: '{"ttl":1}' } : {}
    const answer = await say(line, { headers, ...body })
    expect(about(answer)).toEqual([answer.status, undefined, undefined, undefined])
  }
})

test('goal: HEAD is GET without the body, its length included', async () => {
  await say('PUT /v1/kv/a', { body: 'value' })
  const [get, head] = [await say('GET /v1/kv/a'), await say('HEAD /v1/kv/a')]
  const { date: _, ...told } = get.headers
  expect(head.headers).toMatchObject(told)
  expect([head.headers['content-length'], head.bytes.length]).toEqual(['5', 0])
  for (const path of ['/v1/cluster', '/openapi.json', '/livez', '/readyz']) {
    const other = await say(`HEAD ${path}`)
    expect([path, other.text, other.status]).toEqual([path, '', (await say(`GET ${path}`)).status])
  }
})

// The key is at revision 1.
const CONDITIONS: [line: string, headers: Record<string, string>, status: number][] = [
  ['PUT /v1/kv/a', { 'if-match': '"1"' }, 200],
  ['PUT /v1/kv/a', { 'if-match': '"2"' }, 412],
  ['PUT /v1/kv/a', { 'if-match': '"0"' }, 412],
  ['PUT /v1/kv/a', { 'if-match': '*' }, 400],
  ['PUT /v1/kv/a', { 'if-match': 'W/"1"' }, 400],
  ['PUT /v1/kv/a', { 'if-match': '"1", "2"' }, 400],
  ['PUT /v1/kv/a', { 'if-none-match': '*' }, 412],
  ['PUT /v1/kv/a', { 'if-none-match': '"1"' }, 400],
  ['PUT /v1/kv/b', { 'if-none-match': '*' }, 200],
  ['PUT /v1/kv/b', { 'if-match': '"0"' }, 200],
  ['PUT /v1/kv/b', { 'if-match': '"1"' }, 412],
  ['DELETE /v1/kv/a', { 'if-match': '"1"' }, 200],
  ['DELETE /v1/kv/a', { 'if-match': '"2"' }, 412],
  ['DELETE /v1/kv/b', { 'if-match': '"2"' }, 412],
  ['DELETE /v1/kv/a', { 'if-none-match': '*' }, 400],
  ['POST /v1/kv/a/increment', { 'if-match': '"1"' }, 200],
  ['POST /v1/kv/a/increment', { 'if-match': '"2"' }, 412],
  ['POST /v1/kv/a/increment', { 'if-none-match': '*' }, 412],
  ['POST /v1/kv/b/increment', { 'if-none-match': '*' }, 200],
  ['POST /v1/kv/a/touch', { 'if-match': '"1"' }, 200],
  ['POST /v1/kv/a/touch', { 'if-match': '"2"' }, 412],
  ['POST /v1/kv/a/touch', { 'if-none-match': '*' }, 400],
  ['GET /v1/kv/a', { 'if-none-match': '"1"' }, 304],
  ['GET /v1/kv/a', { 'if-none-match': 'W/"7", W/"1"' }, 304],
  ['GET /v1/kv/a', { 'if-none-match': '"2"' }, 200],
  ['GET /v1/kv/a', { 'if-match': '"1"' }, 400],
  ['GET /v1/kv/b', { 'if-none-match': '*' }, 404]
]

test.each(CONDITIONS)('%s with %j is %d', async (line, headers, status) => {
  await say('PUT /v1/kv/a', { body: '7' })
  const body = line.endsWith('touch') ? { body: '{"ttl":5}' } : {}
  const answer = await say(line, { headers, ...body })
  expect(answer.status).toBe(status)
  if (status === 412) expect(codeOf(answer)).toBe('conflict')
  if (status > 399) expect(calls.table.get('a')?.revision).toBe(1)
  const revision = line.includes('/kv/a') ? '1' : undefined
  if (status === 412) expect(answer.headers['keymesh-revision']).toBe(revision)
})

test('goal: a condition that came twice is one too many, wherever it stands', async () => {
  const url = new URL('/v1/kv/a', door.url)
  const headers = new Headers([
    ['if-match', '"0"'],
    ['if-match', '"1"']
  ])
  const twice = await fetch(url, { method: 'PUT', headers })
  expect(twice.status).toBe(400)
  // Some versions of Node.js drop what comes behind 2,000 headers.
  const connection = new RawHttp(door.url)
  connection.write(lines('PUT /v1/kv/a', `${'x:y\r\n'.repeat(2_100)}if-match: "9"\r\n${LAST}`, 'v'))
  await connection.end()
  expect(connection.statuses).toEqual([412])
})

test.each([
  ['/v1/kv/a/b', 'a/b'],
  ['/v1/kv/a%2Fb', 'a/b'],
  ['/v1/kv/%00', '\0'],
  ['/v1/kv/a%25%2e', 'a%.'],
  ['/v1/kv/...', '...'],
  ['/v1/kv/a/../b/./', 'a/../b/./'],
  ['/v1/kv//', '/'],
  ['/v1/kv/%C3%A4', 'ä'],
  ['/v1/kv/a;b=c&d+e~f', 'a;b=c&d+e~f'],
  ['/v1/kv/increment', 'increment'],
  ['/v1/kv/a/increment', 'a/increment'],
  ['/v1/kv/Lg?encoding=base64url', '.'],
  ['/v1/kv/Li4?encoding=base64url', '..'],
  ['/v1/kv/w6Q?encoding=base64url', 'ä']
])('%s is the key %j', async (path, key) => {
  expect((await say(`PUT ${path}`, { body: 'v' })).status).toBe(200)
  expect([...calls.table.keys()]).toEqual([Buffer.from(key).toString('latin1')])
  const encoded = Buffer.from(key).toString('base64url')
  const other = `/v1/kv/${encoded}?encoding=base64url`
  expect(await say(`GET ${other}`)).toMatchObject({ status: 200, text: 'v' })
  expect(
    (await say(`POST ${path.replace(/\?|$/, '/touch$&')}`, { body: '{"ttl":5}' })).status
  ).toBe(200)
  expect((await say(`DELETE ${other}`)).text).toContain('"existed":true')
})

test('goal: a key has up to 4,096 bytes, in the longest of forms', async () => {
  const path = `/v1/kv/${'%6B'.repeat(4_096)}`
  expect((await say(`PUT ${path}`, { body: 'v' })).status).toBe(200)
  expect((await say(`GET ${path}`)).text).toBe('v')
  for (const line of [`PUT ${path}k`, `GET /v1/kv/${'k'.repeat(4_097)}`, `DELETE ${path}%6B`]) {
    const answer = await say(line)
    expect([answer.status, codeOf(answer)]).toEqual([413, 'too_large'])
  }
})

test.each([
  ['GET /v1/kv/%', /two hex digits/],
  ['GET /v1/kv/..', /encoding=base64url/],
  ['GET /v1/kv/%ff', /not UTF-8/],
  ['GET /v1/kv/?timeout=5', /at least 1 byte/],
  ['POST /v1/kv//increment', /at least 1 byte/],
  ['GET /v1/kv/a?timeout=0', /timeout must be a whole number from 1 to 600000/],
  ['GET /v1/kv/a?timeout=600001', /timeout must be/],
  ['GET /v1/kv/a?timeout=', /timeout must be/],
  ['GET /v1/kv/a?timeout=5&timeout=5', /timeout is given twice/],
  ['GET /v1/kv/a?ttl=5', /unknown query parameter "ttl"; this call takes: timeout, encoding/],
  ['GET /v1/kv/a?Timeout=5', /unknown query parameter "Timeout"/],
  ['GET /v1/kv/a?encoding=hex', /encoding must be base64url/],
  ['PUT /v1/kv/a?ttl=0', /ttl must be/],
  ['PUT /v1/kv/a?tll=5', /unknown query parameter "tll"/],
  ['DELETE /v1/kv/a?ttl=5', /unknown query parameter "ttl"/],
  ['GET /v1/cluster?x=1', /unknown query parameter "x"; this call takes: timeout/],
  ['GET /openapi.json?timeout=x', /timeout must be/],
  ['POST /v1/kv/a/touch', /the body lacks the field "ttl"/]
])('%s is an invalid argument: %s', async (line, sentence) => {
  const answer = await say(line)
  expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_argument'])
  expect(messageOf(answer)).toMatch(sentence)
  expect(calls.timeouts).toEqual([])
})

test.each([
  ['{"ttl":0}', /ttl must be a whole number from 1 to 31622400000000, or null/],
  ['{"ttl":"5"}', /ttl must be/],
  ['{"ttl":5,"value":1}', /unknown field "value"/],
  ['5', /not a JSON object/],
  ['{"ttl":', /not JSON/]
])('the touch %s is refused', async (body, sentence) => {
  const answer = await say('POST /v1/kv/a/touch', { body })
  expect(answer.status).toBe(400)
  expect(messageOf(answer)).toMatch(sentence)
})

test('goal: the bounds of a timeout are within them', async () => {
  await say('GET /v1/kv/a?timeout=1')
  await say('GET /v1/kv/a?timeout=600000')
  expect(calls.timeouts).toEqual([1, 600_000])
})

test.each([
  'OPTIONS /v1/kv/a',
  'OPTIONS /',
  'PATCH /v1/kv/a',
  'POST /v1/kv/a',
  'TRACE /v1/kv/a',
  'PROPFIND /v1/kv/a',
  'QUERY /v1/kv/a',
  'PURGE /v1/kv/a',
  'HEAD /v1/kvs',
  'DELETE /livez',
  'GET /v1/kvs/a',
  'GET /V1/kv/a',
  'GET //v1/kv/a',
  'GET /livez/',
  'GET /%6Civez'
])('%s is no route, in our form', async (line) => {
  const answer = await say(line)
  expect(answer.status).toBe(404)
  if (!line.startsWith('HEAD')) expect(codeOf(answer)).toBe('unknown_route')
  expect(answer.headers.allow).toBeUndefined()
})

function failing(): never {
  throw new Error('a fault of ours')
}

test('goal: each code that this version knows is met by a caller', async () => {
  const met = new Set<string>()
  const meet = async (line: string, question?: Question): Promise<void> => {
    met.add(codeOf(await say(line, question)))
  }
  await meet('GET /v1/kv/a?x')
  await meet('GET /v1/kv/a')
  await meet('GET /v1')
  await meet('GET /v1/kv/a', { headers: { 'sec-fetch-site': 'cross-site' } })
  await say('PUT /v1/kv/a', { body: 'text' })
  await meet('POST /v1/kv/a/increment')
  await meet('PUT /v1/kv/a', { headers: { 'if-none-match': '*' } })
  await meet('PUT /v1/kv/a', { body: new Uint8Array(1024 * 1024 + 1) })
  const guarded = await open('secret')
  met.add(codeOf(await ask(guarded.url, 'GET /v1/kv/a')))
  await guarded.stop(0)
  // What the node behind the door says of its own.
  for (const code of ['overloaded', 'unavailable', 'timeout', 'unknown_outcome'] as const) {
    calls.failing = failure(code, 'because', code === 'unknown_outcome' ? 'unknown' : 'not_applied')
    await meet(code === 'timeout' ? 'GET /v1/kv/a' : 'PUT /v1/kv/a')
  }
  door.serve({ ...NOBODY, call: failing })
  await meet('GET /v1/kv/a')
  expect([...met].sort()).toEqual([
    'conflict',
    'forbidden',
    'internal',
    'invalid_argument',
    'not_a_number',
    'not_found',
    'overloaded',
    'timeout',
    'too_large',
    'unauthenticated',
    'unavailable',
    'unknown_outcome',
    'unknown_route'
  ])
})

test('goal: 401 says what is asked for, whatever was sent; probes stay open', async () => {
  const guarded = await open('secret')
  for (const authorization of [
    '',
    'secret',
    'Bearer',
    'Bearer secret2',
    'Bearer secre',
    'Basic x'
  ]) {
    const answer = await ask(guarded.url, 'GET /v1/kv/a', { headers: { authorization } })
    expect([answer.status, codeOf(answer)]).toEqual([401, 'unauthenticated'])
    expect(answer.headers['www-authenticate']).toBe('Bearer')
  }
  const headers = { authorization: 'bearer secret' }
  expect((await ask(guarded.url, 'GET /v1/kv/a', { headers })).status).toBe(404)
  for (const path of ['/livez', '/healthz', '/readyz']) {
    expect((await ask(guarded.url, `GET ${path}`)).status).toBe(200)
  }
  expect((await ask(guarded.url, 'GET /openapi.json')).status).toBe(401)
  await guarded.stop(0)
})

test('goal: whatever /openapi.json names is there', async () => {
  const { paths } = JSON.parse((await say('GET /openapi.json')).text) as {
    readonly paths: Readonly<Record<string, object>>
  }
  const lines = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`)
  )
  expect(lines.length).toBeGreaterThan(10)
  for (const line of lines) {
    const answer = await say(line.replace(/\{[a-z]+\}/, 'some%20key'))
    expect(answer.text, line).not.toContain('unknown_route')
    if (line.startsWith('HEAD'))
      expect((await say(line.replace('HEAD', 'GET'))).status).toBe(answer.status)
  }
})
