import { afterEach, beforeEach, expect, test } from 'vitest'
import { type HttpDoor, openHttp } from '../../../src/gateway/http.ts'
import { silent } from '../../../src/world/log.ts'
import { LAST, lines, RawHttp } from './raw-http.ts'
import { TableCalls } from './table-calls.ts'

// What the heads of requests may say, on a real socket.

let door: HttpDoor
let calls: TableCalls

async function open(host = '127.0.0.1', token?: string): Promise<HttpDoor> {
  const opened = await openHttp({ place: { host, port: 0 }, token, logger: silent })
  opened.serve(calls)
  return opened
}

beforeEach(async () => {
  calls = new TableCalls()
  door = await open()
})
afterEach(() => door.stop(0))

async function ask(text: string, at = door): Promise<{ status: number; text: string }> {
  const connection = new RawHttp(at.url)
  connection.write(text)
  const answer = await connection.end()
  return { status: connection.statuses[0] ?? 0, text: answer }
}

const read = (head: string): string => `GET /v1/kv/a HTTP/1.1\r\n${head}${LAST}\r\n`

test.each([
  ['host: evil.example\r\n'],
  ['host: evil.example:8101\r\nsec-fetch-site: same-origin\r\n'],
  ['host: 192.168.0.7:8101\r\n'],
  ['host: localhost.evil.example\r\n'],
  ['host: 127.0.0.1.evil.example\r\n'],
  ['host: a b\r\n'],
  ['host:\r\n'],
  ['host: localhost:8101\r\norigin: https://evil.example\r\n'],
  ['host: localhost:8101\r\norigin: http://localhost:3000\r\n'],
  ['host: localhost:8101\r\norigin: null\r\n'],
  ['host: evil.example\r\norigin: http://evil.example\r\n'],
  ['host: localhost\r\nsec-fetch-site: cross-site\r\n']
])('goal: on loopback no web page gets in, whatever its name points to: %j', async (head) => {
  const answer = await ask(read(head))
  expect(answer.status).toBe(403)
  expect(answer.text).toContain('"code":"forbidden"')
  expect(calls.timeouts).toEqual([])
})

test.each([
  ['host: localhost\r\n'],
  ['host: LOCALHOST:9000\r\n'],
  ['host: 127.0.0.1:8101\r\n'],
  ['host: 127.1.2.3\r\n'],
  ['host: [::1]:8101\r\n'],
  ['host: localhost:8101\r\norigin: http://localhost:8101\r\n']
])('goal: loopback names, and the origin of that name, are served: %j', async (head) => {
  expect((await ask(read(head))).status).toBe(404)
})

test('goal: a host that was let in opens the door to no other', async () => {
  const connection = new RawHttp(door.url)
  const at = (host: string): string => `GET /v1/kv/a HTTP/1.1\r\nhost: ${host}\r\n\r\n`
  connection.write(at('127.0.0.1:1').repeat(2) + at('evil.example') + at('127.0.0.1:1'))
  connection.write(read('host: evil.example\r\n'))
  await connection.end()
  expect(connection.statuses).toEqual([404, 404, 403, 404, 403])
})

test('goal: with a token, or open to all by order, names and origins do not matter', async () => {
  const guarded = await open('127.0.0.1', 'secret')
  const head = 'host: kv.example\r\norigin: https://app.example\r\n'
  expect((await ask(read(`${head}authorization: Bearer secret\r\n`), guarded)).status).toBe(404)
  const everywhere = await open('0.0.0.0')
  expect((await ask(read('host: kv-1\r\n'), everywhere)).status).toBe(404)
  await Promise.all([guarded.stop(0), everywhere.stop(0)])
})

test('goal: a whole URL in the request line is served, and its host judged', async () => {
  const at = (url: string): string => `GET ${url} HTTP/1.1\r\nhost: x\r\n${LAST}\r\n`
  expect((await ask(at('http://127.0.0.1:8101/livez'))).status).toBe(200)
  expect((await ask(at('http://127.0.0.1:8101/v1/kv/a?timeout=5'))).status).toBe(404)
  expect((await ask(at('http://evil.example/v1/kv/a'))).status).toBe(403)
})

test('goal: a missing Host and a strange Expect are answered in our form', async () => {
  for (const text of [read(''), lines('PUT /v1/kv/a', `expect: foo\r\n${LAST}`, 'v')]) {
    const answer = await ask(text)
    expect(answer.status).toBe(400)
    expect(answer.text).toContain('"code":"invalid_argument"')
  }
  expect((await ask(`GET /livez HTTP/1.0\r\n\r\n`)).status).toBe(200)
  const going = await ask(lines('PUT /v1/kv/a', `expect: 100-continue\r\n${LAST}`, 'v'))
  expect(going.text).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /)
})

test.each([
  ['GET /livez HTTP/1.1\r\nhost: localhost\r\nHost: evil.example\r\n'],
  ['GET /livez HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n'],
  ['GET /livez HTTP/1.0\r\nhost: a\r\nhost: b\r\n'],
  ['PUT /v1/kv/a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip, chunked\r\n'],
  ['PUT /v1/kv/a HTTP/1.0\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n'],
  ['GET /livez HTTP/2.0\r\nhost: localhost\r\n']
])('goal: what another reader may understand otherwise is refused: %j', async (head) => {
  const answer = await ask(`${head}${LAST}\r\n1\r\nv\r\n0\r\n\r\n`)
  expect(answer.status).toBe(400)
  expect(answer.text).toContain('"code":"invalid_argument"')
  expect(calls.timeouts).toEqual([])
})

test('goal: a coding is the same in capitals', async () => {
  const head = lines('PUT /v1/kv/a', `transfer-encoding: CHUNKED\r\n${LAST}`)
  expect((await ask(`${head}1\r\nv\r\n0\r\n\r\n`)).status).toBe(200)
})

test('goal: the timeout of a call is also that of its body, and what is left of it', async () => {
  const slow = new RawHttp(door.url)
  const head = 'host: localhost\r\ncontent-length: 9\r\n\r\n'
  slow.write(`PUT /v1/kv/a?timeout=200 HTTP/1.1\r\n${head}abc`)
  await expect.poll(() => slow.statuses).toEqual([503])
  expect(slow.text).toContain('"code":"unavailable"')
  expect(slow.text).toContain('"outcome":"not_applied"')
  // The late rest is dropped, and the connection goes on.
  slow.write('defghi')
  slow.write(`PUT /v1/kv/b?timeout=60000 HTTP/1.1\r\n${head}abc`)
  // It is inside, beside the one that asks: what it takes counts from there.
  const figures = async (): Promise<string> => (await fetch(new URL('/metrics', door.url))).text()
  await expect.poll(figures).toContain('keymesh_http_requests_inside 2\n')
  await new Promise((resolve) => setTimeout(resolve, 50))
  slow.write(`defghi${lines('GET /livez', LAST)}`)
  await slow.end()
  expect(slow.statuses).toEqual([503, 200, 200])
  expect([...calls.table.keys()]).toEqual(['b'])
  expect(calls.timeouts[0]).toBeLessThanOrEqual(59_960)
})
