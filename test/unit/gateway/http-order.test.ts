import { afterEach, beforeEach, expect, test } from 'vitest'
import type { HttpDoor } from '../../../src/gateway/http.ts'
import { LAST, lines, RawHttp } from './raw-http.ts'
import type { TableCalls } from './table-calls.ts'
import { openTableDoor } from './table-door.ts'

// Pipelined requests, written as one, on a real socket.

let door: HttpDoor
let calls: TableCalls

beforeEach(async () => {
  ;({ door, calls } = await openTableDoor())
})
afterEach(() => door.stop(0))

test('goal: a change is not overtaken by what follows it on its connection', async () => {
  const connection = new RawHttp(door.url)
  connection.write(
    lines('PUT /v1/kv/k', '', 'value') +
      lines('GET /v1/kv/k') +
      lines('DELETE /v1/kv/k') +
      lines('GET /v1/kv/k') +
      lines('POST /v1/kv/k/increment', '', '{"by":2}') +
      lines('DELETE /v1/kv/k', LAST)
  )
  await connection.end()
  expect(connection.statuses).toEqual([200, 200, 200, 404, 200, 200])
  expect(calls.table.size).toBe(0)
})

test('goal: a change waits for all before it, reads do not for each other', async () => {
  const connection = new RawHttp(door.url)
  calls.holding = true
  connection.write(lines('GET /v1/kv/a').repeat(3) + lines('DELETE /v1/kv/a', LAST))
  await expect.poll(() => calls.held).toHaveLength(3)
  calls.answer(2)
  calls.answer(1)
  expect(calls.held).toHaveLength(1)
  expect(connection.statuses).toEqual([])
  calls.answer(0)
  await expect.poll(() => calls.held).toHaveLength(1)
  expect(connection.statuses).toEqual([404, 404, 404])
  calls.answer(0)
  expect(await connection.end()).toMatch(/\{"existed":false\}$/)
})

test('goal: who hangs up has done nothing by the requests that still waited', async () => {
  const connection = new RawHttp(door.url)
  calls.holding = true
  connection.write(lines('GET /v1/kv/a') + lines('PUT /v1/kv/a', '', 'value'))
  await expect.poll(() => calls.held).toHaveLength(1)
  calls.holding = false
  connection.hangUp()
  await expect.poll(() => calls.givenUp).toBe(1)
  const other = new RawHttp(door.url)
  other.write(lines('GET /v1/kv/a', LAST))
  await other.end()
  expect(other.statuses).toEqual([404])
  expect(calls.timeouts).toHaveLength(2)
})

test('goal: garbage is answered after the requests before it, never in their place', async () => {
  const connection = new RawHttp(door.url)
  calls.holding = true
  const cut = `${lines('PUT /v1/kv/c', 'transfer-encoding: chunked\r\n')}zz\r\n`
  connection.write(lines('DELETE /v1/kv/a') + lines('DELETE /v1/kv/b') + cut)
  await expect.poll(() => calls.held).toHaveLength(1)
  calls.holding = false
  const probe = new RawHttp(door.url)
  probe.write(lines('GET /livez', LAST))
  await probe.end()
  expect(connection.statuses).toEqual([])
  calls.answer(0)
  await connection.end()
  expect(connection.statuses).toEqual([200, 200, 400])
  expect(calls.timeouts).toHaveLength(2)
})

test('goal: what follows the last request of a connection is not done', async () => {
  const connection = new RawHttp(door.url)
  connection.write(lines('DELETE /v1/kv/a', LAST) + lines('PUT /v1/kv/a', '', 'value'))
  await connection.end()
  expect(connection.statuses).toEqual([200])
  expect(calls.table.size).toBe(0)
})

test('goal: what waits on one connection is bounded, and refused in its place', async () => {
  const connection = new RawHttp(door.url)
  calls.holding = true
  connection.write(lines('DELETE /v1/kv/a').repeat(1_025))
  await expect.poll(() => calls.held).toHaveLength(1)
  connection.write(lines('DELETE /v1/kv/b', LAST))
  calls.holding = false
  // The one too many is refused while the first is still held.
  const probe = new RawHttp(door.url)
  probe.write(lines('GET /livez', LAST))
  await probe.end()
  calls.answer(0)
  await connection.end()
  expect(connection.statuses).toHaveLength(1_026)
  expect(connection.statuses.slice(0, 1_025)).toEqual(Array(1_025).fill(200))
  expect(connection.statuses[1_025]).toBe(429)
})
