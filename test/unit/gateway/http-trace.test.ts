import { afterEach, beforeEach, expect, test } from 'vitest'
import { type HttpDoor, openHttp } from '../../../src/gateway/http.ts'
import { HeardLog } from '../node/heard-log.ts'
import { TableCalls } from './table-calls.ts'

// Goal: a caller can follow a request by a name of its own, and pays nothing who does not.

const PLACE = { host: '127.0.0.1', port: 0 }
const ID = '4bf92f3577b34da6a3ce929d0e0e4736'

let door: HttpDoor
let calls: TableCalls
let log: HeardLog

async function open(debug: boolean): Promise<void> {
  log = new HeardLog(debug)
  calls = new TableCalls()
  door = await openHttp({ place: PLACE, token: undefined, logger: log })
  door.serve(calls)
}

beforeEach(() => open(false))
afterEach(() => door.stop(0))

async function traceOf(headers: Record<string, string>, path = '/v1/kv/a'): Promise<string | null> {
  const response = await fetch(new URL(path, door.url), { headers })
  await response.arrayBuffer()
  return response.headers.get('keymesh-trace')
}

test('the name goes along with the call, and comes back with the answer', async () => {
  expect(await traceOf({ traceparent: `00-${ID}-00f067aa0ba902b7-01` })).toBe(ID)
  expect(await traceOf({ 'x-request-id': 'mine' })).toBe('mine')
  expect(calls.traces).toEqual([ID, 'mine'])
})

test('refusals carry it, too', async () => {
  expect(await traceOf({ 'x-request-id': 'mine' }, '/v1/nothing')).toBe('mine')
  expect(await traceOf({ 'x-request-id': 'mine' }, '/v1/kv/a?x=1')).toBe('mine')
})

test('who gives none, or garbage, gets none', async () => {
  expect(await traceOf({})).toBeNull()
  expect(await traceOf({ 'x-request-id': 'a b' })).toBeNull()
  expect(calls.traces).toEqual(['', ''])
})

test('where every request is logged each has a name', async () => {
  await door.stop(0)
  await open(true)
  const trace = await traceOf({})
  expect(trace).toMatch(/^[0-9a-f]{32}$/)
  expect(calls.traces).toEqual([trace])
})

test('a fault of ours has a name that is in the log', async () => {
  calls.fault = new Error('planted')
  const trace = await traceOf({})
  expect(trace).toMatch(/^[0-9a-f]{32}$/)
  expect(log.of('request failed')).toMatchObject([{ trace }])
})
