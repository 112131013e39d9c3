import { afterEach, beforeEach, expect, test } from 'vitest'
import type { HttpDoor } from '../../../src/gateway/http.ts'
import { VALUE_BYTES_MAX } from '../../../src/wire/limits.ts'
import { LAST, lines, RawHttp } from './raw-http.ts'
import type { TableCalls } from './table-calls.ts'
import { openTableDoor } from './table-door.ts'

// How bodies may come, on a real socket.

let door: HttpDoor
let calls: TableCalls

beforeEach(async () => {
  ;({ door, calls } = await openTableDoor())
})
afterEach(() => door.stop(0))

const PUT = 'PUT /v1/kv/a HTTP/1.1\r\nhost: localhost\r\n'
const CHUNKED = `${PUT}transfer-encoding: chunked\r\n\r\n`
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

async function statusesOf(...parts: string[]): Promise<number[]> {
  const connection = new RawHttp(door.url)
  for (const part of parts) connection.write(part)
  connection.write(lines('GET /livez', LAST))
  await connection.end()
  return connection.statuses
}

const stored = (): string => Buffer.from(calls.table.get('a')?.value ?? []).toString()

test('goal: a value may be empty, however that is said', async () => {
  for (const part of [
    `${PUT}\r\n`,
    `${PUT}content-length: 0\r\n\r\n`,
    `${CHUNKED}0\r\n\r\n`,
    `${CHUNKED}0\r\ntrailer: x\r\n\r\n`
  ]) {
    expect(await statusesOf(part)).toEqual([200, 200])
    expect(calls.table.get('a')?.value).toHaveLength(0)
    calls.table.clear()
  }
})

test('goal: chunks make one value, up to 1 MiB of it', async () => {
  expect(await statusesOf(CHUNKED, chunk('ab'), chunk('c'), '0\r\n\r\n')).toEqual([200, 200])
  expect(stored()).toBe('abc')
  const half = chunk('x'.repeat(VALUE_BYTES_MAX / 2))
  expect(await statusesOf(CHUNKED, half, half, '0\r\n\r\n')).toEqual([200, 200])
  expect(stored()).toHaveLength(VALUE_BYTES_MAX)
})

test('goal: a byte more is refused, and the connection goes on', async () => {
  const half = chunk('x'.repeat(VALUE_BYTES_MAX / 2))
  expect(await statusesOf(CHUNKED, half, half, chunk('y'), '0\r\n\r\n')).toEqual([413, 200])
  const length = VALUE_BYTES_MAX + 1
  const announced = `${PUT}content-length: ${length}\r\n\r\n`
  expect(await statusesOf(announced, 'x'.repeat(length))).toEqual([413, 200])
  expect(calls.table.size).toBe(0)
  const whole = `${PUT}content-length: ${VALUE_BYTES_MAX}\r\n\r\n`
  expect(await statusesOf(whole, 'x'.repeat(VALUE_BYTES_MAX))).toEqual([200, 200])
})

test('goal: what is too large is refused before it came', async () => {
  const connection = new RawHttp(door.url)
  connection.write(`${PUT}content-length: 99999999999\r\n\r\n`)
  await expect.poll(() => connection.statuses).toEqual([413])
  connection.hangUp()
  const long = new RawHttp(door.url)
  long.write(`POST /v1/kv/a/increment HTTP/1.1\r\nhost: localhost\r\ncontent-length: 65537\r\n\r\n`)
  await expect.poll(() => long.statuses).toEqual([413])
  expect(long.text).toContain('"code":"too_large"')
  long.hangUp()
})

test('goal: a body that comes byte by byte is the same body', async () => {
  const connection = new RawHttp(door.url)
  const text = `${PUT}content-length: 5\r\n\r\nvalue${lines('GET /v1/kv/a', LAST)}`
  for (const byte of text) {
    connection.write(byte)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await connection.end()).toMatch(/value$/)
  expect(connection.statuses).toEqual([200, 200])
})

test('goal: a body cut off does nothing', async () => {
  const connection = new RawHttp(door.url)
  connection.write(`${PUT}content-length: 5\r\n\r\nval`)
  connection.write('')
  const probe = new RawHttp(door.url)
  probe.write(lines('GET /livez', LAST))
  await probe.end()
  connection.hangUp()
  expect(await statusesOf()).toEqual([200])
  expect(calls.timeouts).toEqual([])
})

test('goal: who waits for a go-ahead gets one, or the refusal', async () => {
  const connection = new RawHttp(door.url)
  const expecting = 'expect: 100-continue\r\n'
  connection.write(`${PUT}${expecting}content-length: 5\r\n\r\n`)
  await expect.poll(() => connection.text).toBe('HTTP/1.1 100 Continue\r\n\r\n')
  connection.write(`value${lines('PUT /v1/kv/%', `${expecting}${LAST}`, 'v')}`)
  await connection.end()
  expect(connection.statuses).toEqual([100, 200, 100, 400])
  expect(stored()).toBe('value')
})

test('goal: HTTP/1.0 is served, and its connection ends with the answer', async () => {
  const connection = new RawHttp(door.url)
  connection.write('PUT /v1/kv/a HTTP/1.0\r\ncontent-length: 3\r\n\r\nold')
  expect(await connection.end()).toMatch(/connection: close/i)
  expect(stored()).toBe('old')
  const read = new RawHttp(door.url)
  read.write('GET /v1/kv/a HTTP/1.0\r\n\r\n')
  expect(await read.end()).toMatch(/\r\n\r\nold$/)
  const head = new RawHttp(door.url)
  head.write('HEAD /v1/kv/a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n')
  head.write('GET /v1/kv/%FF HTTP/1.0\r\n\r\n')
  await head.end()
  expect(head.statuses).toEqual([200, 400])
})

test('goal: a GET may carry a body, an upgrade is passed over', async () => {
  await statusesOf(lines('PUT /v1/kv/a', '', 'v'))
  expect(await statusesOf(lines('GET /v1/kv/a', '', 'ignored'))).toEqual([200, 200])
  const upgrade = 'connection: Upgrade\r\nupgrade: h2c\r\n'
  const connection = new RawHttp(door.url)
  connection.write(lines('PUT /v1/kv/a', upgrade, 'w'))
  await expect.poll(() => connection.statuses).toEqual([200])
  connection.write(lines('GET /v1/kv/a', LAST))
  expect(await connection.end()).toMatch(/w$/)
})
