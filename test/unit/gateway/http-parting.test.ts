import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { HttpDoor } from '../../../src/gateway/http.ts'
import { LAST, lines, RawHttp } from './raw-http.ts'
import type { TableCalls } from './table-calls.ts'
import { openTableDoor } from './table-door.ts'

// How connections end, on real sockets.

let door: HttpDoor
let calls: TableCalls

beforeEach(async () => {
  ;({ door, calls } = await openTableDoor())
})

afterEach(async () => {
  for (const { socket } of clingers.splice(0)) socket.destroy()
  await door.stop(0)
})

const clingers: Clinger[] = []

/** A caller who keeps its side of the connection open, whatever the door does. */
class Clinger {
  text = ''
  fault = ''
  readonly socket: Socket

  constructor() {
    this.socket = connect({
      port: Number(door.url.port),
      host: '127.0.0.1',
      allowHalfOpen: true
    })
    clingers.push(this)
    this.socket.on('error', (error: Error & { code?: string }) => {
      this.fault = error.code ?? error.message
    })
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString()
    })
  }

  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
  }

  /** After the door has closed its side. */
  async end(): Promise<string> {
    await once(this.socket, 'end')
    return this.text
  }
}

const serverSockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length

/** On either side. */
const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

test('goal: a door that stops serves once more whoever is connected', async () => {
  const working = new RawHttp(door.url)
  working.write(lines('GET /livez'))
  const late = new RawHttp(door.url)
  await expect.poll(() => working.statuses).toEqual([200])
  const stopped = door.stop(3_000)
  const crossing = new RawHttp(door.url)
  crossing.write(lines('PUT /v1/kv/a', '', 'v'))
  await expect.poll(serverSockets).toBe(0)
  late.write(lines('GET /livez'))
  working.write(lines('GET /livez'))
  expect(await working.end()).toMatch(/connection: close/i)
  expect(working.statuses).toEqual([200, 200])
  await Promise.all([late.end(), crossing.end()])
  expect([...late.statuses, ...crossing.statuses]).toEqual([200, 200])
  await stopped
})

test('goal: nobody who got a connection before a stop is reset', async () => {
  const clients = Array.from({ length: 100 }, () => new Clinger())
  for (const client of clients) client.socket.write(lines('GET /livez'))
  await once(clients[0]?.socket as Socket, 'connect')
  const stopped = door.stop(3_000)
  await Promise.all(clients.map((client) => client.end()))
  expect(new Set(clients.map(({ fault }) => fault))).toEqual(new Set(['']))
  expect(new Set(clients.flatMap(({ statuses }) => statuses))).toEqual(new Set([200]))
  await stopped
})

test('goal: who is answered late in a stop does not hold it up', async () => {
  const client = new Clinger()
  client.socket.write(lines('PUT /v1/kv/a', 'content-length: 2\r\n'))
  client.socket.write('v')
  const idle = new Clinger()
  idle.socket.write(lines('GET /livez'))
  await expect.poll(() => idle.statuses).toEqual([200])
  const began = performance.now()
  const stopped = door.stop(10_000)
  await idle.end()
  client.socket.write('w')
  await client.end()
  expect(client.statuses).toEqual([200])
  client.socket.end()
  await stopped
  expect(performance.now() - began).toBeLessThan(5_000)
})

test('goal: what comes after the last word is not done, and holds nothing up', async () => {
  const client = new Clinger()
  await once(client.socket, 'connect')
  const began = performance.now()
  const stopped = door.stop(3_000)
  await client.end()
  client.socket.write(lines('PUT /v1/kv/a', '', 'v'))
  await stopped
  expect(performance.now() - began).toBeLessThan(2_500)
  expect([client.text, calls.table.size, calls.timeouts]).toEqual(['', 0, []])
})

test('goal: who sends all of a refused body before he looks up hears why', async () => {
  const body = 'x'.repeat(24 * 1024 * 1024)
  for (const [head, status] of [
    ['', 413],
    ['if-match: x\r\n', 400]
  ] as const) {
    const client = new Clinger()
    client.socket.pause()
    const sent = new Promise((resolve) =>
      client.socket.write(lines('PUT /v1/kv/a', `${LAST}${head}`, body), resolve)
    )
    await sent
    client.socket.resume()
    expect(await client.end()).toMatch(/connection: close/i)
    expect([client.fault, client.statuses]).toEqual(['', [status]])
  }
})

test('goal: who is hung up on and stays is cut off', async () => {
  await expect.poll(openSockets).toBe(0)
  const garbage = [
    'nonsense\r\n\r\n',
    `CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n${'x'.repeat(9_000)}`
  ]
  const clients = garbage.map((text) => {
    const client = new Clinger()
    client.socket.write(text)
    return client
  })
  await Promise.all(clients.map((client) => client.end()))
  expect(clients.map(({ statuses }) => statuses)).toEqual([[400], [404]])
  await expect.poll(openSockets, { timeout: 5_000 }).toBe(clients.length)
})

test('goal: one request has one answer, wherever it breaks off', async () => {
  const broken = [
    `${lines('PUT /v1/kv/a?ttl=x', 'transfer-encoding: chunked\r\n')}1\r\na\r\nzz\r\n`,
    `${lines('GET /v1/kv/a', 'transfer-encoding: chunked\r\n')}zz\r\n`,
    `${lines('POST /nothing', 'transfer-encoding: chunked\r\n')}zz\r\n`
  ]
  const answers = [[400], [404], [404]]
  for (const [i, text] of broken.entries()) {
    const client = new RawHttp(door.url)
    const head = text.indexOf('\r\n\r\n') + 4
    client.write(text.slice(0, head))
    await expect.poll(() => client.statuses).toEqual(answers[i])
    client.write(text.slice(head))
    await client.end()
    expect(client.statuses, text).toEqual(answers[i])
  }
})

test('goal: a tunnel is refused in our form, after the answers before it', async () => {
  const client = new RawHttp(door.url)
  client.write(`${lines('PUT /v1/kv/a', '', 'v')}${lines('CONNECT localhost:80')}`)
  client.write(lines('GET /v1/kv/a', LAST))
  expect(await client.end()).toContain('"code":"unknown_route"')
  expect(client.statuses).toEqual([200, 404])
})
