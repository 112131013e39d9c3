import { Buffer } from 'node:buffer'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { HttpDoor } from '../../../src/gateway/http.ts'
import { failure } from '../../../src/wire/failure.ts'
import type { Once } from '../../../src/wire/once.ts'
import { type Answer, ask, codeOf, messageOf } from './ask.ts'
import { type TableCalls, TRANSACTION } from './table-calls.ts'
import { openTableDoor } from './table-door.ts'

// Goal: a transaction with an Idempotency-Key bears what makes it one with its repeats, and nothing
// that does not. Method: the door on a real socket, and what it hands on.

let door: HttpDoor
let calls: TableCalls

beforeEach(async () => {
  ;({ door, calls } = await openTableDoor())
})
afterEach(() => door.stop(0))

const KEY = { 'idempotency-key': 'order 7' }
const say = (body: string, query = '', headers: Record<string, string> = KEY): Promise<Answer> =>
  ask(door.url, `POST /v1/txn${query}`, { body, headers })

async function onceOf(body: string, query = ''): Promise<Once | undefined> {
  expect((await say(body, query)).status).toBe(200)
  return calls.transactions.at(-1)?.once
}
const digestOf = async (body: string, query = ''): Promise<string> =>
  Buffer.from((await onceOf(body, query))?.digest ?? []).toString('hex')

test('the key, and a minute to run from when it came; without the header neither', async () => {
  calls.now = 5_000
  const once = await onceOf('{"ops":[{"put":"a","value":"1"}]}')
  expect([Buffer.from(once?.key ?? []).toString(), once?.notAfter]).toEqual(['order 7', 65_000])
  await say('{"ops":[{"get":"a"}]}', '', {})
  expect(calls.transactions.at(-1)?.once).toBeUndefined()
})

test('one request however its JSON is spelled', async () => {
  const plain = await digestOf('{"if":[{"key":"a","revision":0}],"ops":[{"put":"a","value":"1"}]}')
  for (const same of [
    '{ "ops": [{ "value": "1", "put": "a" }], "if": [{ "revision": 0, "key": "a" }] }',
    '{"if":[{"key":{"base64":"YQ=="},"revision":0}],"ops":[{"put":"a","value":{"base64":"MQ=="}}]}',
    '{"if":[{"key":"a","revision":0}],"ops":[{"put":"a","value":"1"}],"else":[]}'
  ]) {
    expect(await digestOf(same)).toBe(plain)
  }
  const encoded = '{"if":[{"key":"YQ","revision":0}],"ops":[{"put":"YQ","value":"1"}]}'
  expect(await digestOf(encoded, '?encoding=base64url')).toBe(plain)
})

test('another request if anything of it differs, or stands elsewhere', async () => {
  const bodies = [
    '{"ops":[{"put":"a","value":"1"}]}',
    '{"ops":[{"put":"a","value":"2"}]}',
    '{"ops":[{"put":"a","value":"1","ttl":5}]}',
    '{"ops":[{"put":"a","value":"1"},{"get":"b"}]}',
    '{"ops":[{"get":"b"},{"put":"a","value":"1"}]}',
    '{"ops":[{"put":"a","value":"1"}],"else":[{"get":"b"}]}',
    '{"if":[{"key":"a","exists":true}],"ops":[{"put":"a","value":"1"}]}',
    '{"if":[{"key":"a","exists":false}],"ops":[{"put":"a","value":"1"}]}',
    '{"if":[{"key":"a","value":"1"}],"ops":[{"put":"a","value":"1"}]}',
    '{"if":[{"key":"a","revision":1}],"ops":[{"put":"a","value":"1"}]}',
    '{"ops":[{"increment":"a"}]}',
    '{"ops":[{"delete":"a"}]}',
    '{"ops":[{"get":"a"}]}'
  ]
  const digests = new Set<string>()
  for (const body of bodies) {
    calls.table.clear()
    digests.add(await digestOf(body))
  }
  expect(digests.size).toBe(bodies.length)
})

test('it is not waited for longer than it may run', async () => {
  await say('{"ops":[{"get":"a"}]}', '?timeout=600000')
  expect(calls.timeouts.at(-1)).toBe(60_000)
})

test('an unknown outcome says how to find out, and that it is safe', async () => {
  const failed = failure('unknown_outcome', 'so it is', 'unknown')
  calls.transacting = { ok: false, failure: failed, id: TRANSACTION }
  const answer = await say('{"ops":[{"get":"a"}]}')
  expect([answer.status, codeOf(answer)]).toEqual([504, 'unknown_outcome'])
  expect(messageOf(answer)).toBe(
    'no answer came. Send it again with the same Idempotency-Key to find out.'
  )
  expect(answer.text).toContain('"retryable":true')
})

test('a reused key is 422', async () => {
  calls.transacting = { ok: false, failure: failure('idempotency_reused', 'no'), id: undefined }
  expect((await say('{"ops":[{"get":"a"}]}')).status).toBe(422)
})
