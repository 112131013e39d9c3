import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TransactionRequest } from '../../../src/client/transactor-types.ts'
import { BadRequest } from '../../../src/gateway/bad-request.ts'
import { jsonBytes } from '../../../src/gateway/json-bytes.ts'
import { readTransaction } from '../../../src/gateway/transaction-json.ts'
import { utf8 } from '../../../src/wire/bytes.ts'

// Transactions in JSON, as HTTP and the command line read them.

const read = (json: unknown, encoding?: 'base64url'): TransactionRequest =>
  readTransaction(utf8(typeof json === 'string' ? json : JSON.stringify(json)), encoding)

function refusalOf(json: unknown, encoding?: 'base64url'): string {
  try {
    read(json, encoding)
  } catch (error) {
    if (error instanceof BadRequest) return `${error.code}: ${error.message}`
    throw error
  }
  return 'taken'
}

describe('goal: every form of a condition and of an operation is read for what it says', () => {
  test('conditions, operations in their order, and the other branch', () => {
    const json = {
      if: [
        { key: 'a', revision: 5 },
        { key: 'b', exists: false },
        { key: 'c', value: { base64: '/wA=' } },
        { revision: 0, key: 'a' }
      ],
      ops: [
        { put: 'a', value: '', ttl: 1500 },
        { put: 'ü', value: 'grün' },
        { delete: 'b' },
        { get: { base64: '/w==' } },
        { increment: 'n' },
        { increment: 'n', by: -3 }
      ],
      else: [{ get: 'a' }]
    }
    expect(read(json)).toEqual({
      if: [
        { type: 'revision', key: utf8('a'), revision: 5 },
        { type: 'exists', key: utf8('b'), exists: false },
        { type: 'value', key: utf8('c'), value: Buffer.from([0xff, 0]) },
        { type: 'revision', key: utf8('a'), revision: 0 }
      ],
      steps: [
        { type: 'put', key: utf8('a'), value: utf8(''), ttlMs: 1500 },
        { type: 'put', key: utf8('ü'), value: utf8('grün') },
        { type: 'delete', key: utf8('b') },
        { type: 'get', key: Buffer.from([0xff]) },
        { type: 'increment', key: utf8('n'), by: 1 },
        { type: 'increment', key: utf8('n'), by: -3 }
      ],
      otherwise: [{ type: 'get', key: utf8('a') }]
    })
  })

  test('an if alone is a check, ops alone are a write of all; neither is nothing', () => {
    expect(read({ if: [{ key: 'a', exists: true }] })).toMatchObject({ steps: [], otherwise: [] })
    expect(read({ ops: [{ delete: 'a' }], if: [], else: [{ get: 'a' }] }).if).toEqual([])
    for (const json of ['', {}, { if: [], ops: [] }, { else: [{ get: 'a' }] }]) {
      expect(refusalOf(json)).toBe(
        'invalid_argument: a transaction has at least one operation, or one condition'
      )
    }
  })

  test('with base64url every key that is text is that, and values are what they were', () => {
    const json = {
      if: [{ key: '_w', value: '_w' }],
      ops: [{ put: '_w', value: '_w' }, { get: { base64: '/w==' } }]
    }
    const key = Uint8Array.of(0xff)
    expect(read(json, 'base64url')).toEqual({
      if: [{ type: 'value', key, value: utf8('_w') }],
      steps: [
        { type: 'put', key, value: utf8('_w') },
        { type: 'get', key: Buffer.from(key) }
      ],
      otherwise: []
    })
    expect(refusalOf({ ops: [{ get: 'ü' }] }, 'base64url')).toBe(
      'invalid_argument: ops.0.get: the key is not base64url (no padding)'
    )
  })

  test('any bytes come back as they went in', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
        const json = jsonBytes(bytes)
        const { steps } = read({ ops: [{ put: json, value: json }] })
        expect(steps).toEqual([{ type: 'put', key: expect.anything(), value: expect.anything() }])
        const [step] = steps
        expect(step?.type === 'put' && Buffer.from(step.value).equals(bytes)).toBe(true)
        expect(Buffer.from(step?.key ?? []).equals(bytes)).toBe(true)
      })
    )
  })
})

const CONDITION =
  'must be one condition: key with revision, exists or value; or lock with token. ' +
  'Several conditions are several items'
const OPERATION = 'must be one operation: put, delete, get or increment'
const KEY = 'must be a key: text, or {"base64":"…"}'
const VALUE = 'must be a value: text, or {"base64":"…"}'

test.each([
  ['[]', 'the body is not a JSON object'],
  ['{"ops":{}}', 'ops must be a list of operations'],
  ['{"ops":[{"get":"a"}],"then":[]}', 'unknown field "then" in the body'],
  ['{"ops":["get"]}', `ops.0 ${OPERATION}`],
  ['{"ops":[{}]}', `ops.0 ${OPERATION}`],
  ['{"ops":[{"get":"a"},{"put":"a","value":"b","delete":"a"}]}', `ops.1 ${OPERATION}`],
  ['{"ops":[{"put":"a","get":"a"}]}', `ops.0 ${OPERATION}`],
  ['{"ops":[{"put":"a"}]}', 'ops.0 lacks the field "value" that goes with "put"'],
  ['{"ops":[{"get":"a","ttl":5}]}', 'ops.0 lacks the field "put" that goes with "ttl"'],
  ['{"ops":[{"get":"a","by":5}]}', 'ops.0 lacks the field "increment" that goes with "by"'],
  ['{"ops":[{"put":"a","value":"b","tll":5}]}', 'unknown field "tll" in ops.0'],
  ['{"ops":[{"put":"a","value":"b","ttl":0}]}', /^ops.0.ttl must be a whole number from 1 to/],
  ['{"ops":[{"increment":"a","by":0.5}]}', 'ops.0.by must be a safe integer'],
  ['{"ops":[{"put":"a","value":1}]}', `ops.0.value ${VALUE}`],
  ['{"ops":[{"put":"a","value":null}]}', `ops.0.value ${VALUE}`],
  ['{"ops":[{"put":"a","value":{"base65":""}}]}', `ops.0.value ${VALUE}`],
  ['{"ops":[{"put":["a"],"value":""}]}', `ops.0.put ${KEY}`],
  ['{"ops":[{"get":""}]}', 'ops.0.get: a key has at least 1 byte'],
  ['{"ops":[{"get":{"base64":""}}]}', 'ops.0.get: a key has at least 1 byte'],
  ['{"ops":[{"get":{"base64":"_w=="}}]}', /^ops.0.get.base64 must be base64 with padding/],
  ['{"ops":[{"get":{"base64":"/w"}}]}', /^ops.0.get.base64 must be base64 with padding/],
  ['{"ops":[{"get":{"base64":"/x=="}}]}', /^ops.0.get.base64 must be base64 with padding/],
  ['{"ops":[{"get":{"base64":" /w=="}}]}', /^ops.0.get.base64 must be base64 with padding/],
  ['{"ops":[{"get":"\\ud800"}]}', /^ops.0.get has half a surrogate pair/],
  ['{"ops":[{"put":"a","value":"\\udfff"}]}', /^ops.0.value has half a surrogate pair/],
  ['{"if":[{"key":"a"}]}', `if.0 ${CONDITION}`],
  ['{"if":[{"key":"a","revision":1,"exists":true}]}', `if.0 ${CONDITION}`],
  ['{"if":[{"key":"a","token":1}]}', `if.0 ${CONDITION}`],
  ['{"if":[{"key":"a","revision":-1}]}', 'if.0.revision must be a revision'],
  ['{"if":[{"key":"a","revision":"1"}]}', 'if.0.revision must be a revision'],
  ['{"if":[{"key":"a","revision":9007199254740992}]}', 'if.0.revision must be a revision'],
  ['{"if":[{"key":"a","exists":1}]}', 'if.0.exists must be true or false'],
  ['{"if":[{"lock":"a"}]}', `if.0 ${CONDITION}`],
  ['{"if":[{"lock":"a","token":0}]}', 'if.0.token must be the token of a lock'],
  ['{"if":[{"lock":"","token":3}]}', 'if.0.lock: a key has at least 1 byte'],
  ['{"ops":[{"get":"a"}],"ops":[]}', 'an object in the body has a field twice'],
  ['{"ops":[{"get":"a","g\\u0065t":"b"}]}', 'an object in the body has a field twice'],
  ['{"ops":[{"__proto__":{"put":"a"},"get":"b"}]}', 'unknown field "__proto__" in ops.0'],
  ['{"__proto__":{"ops":[]}}', 'unknown field "__proto__" in the body'],
  ['{"ops":[{"put":"a","value":{"__proto__":{"base64":""}}}]}', `ops.0.value ${VALUE}`],
  ['{"constructor":1}', 'unknown field "constructor" in the body'],
  ['{"ops":[{"get":"a"}]', 'the body is not JSON']
])('goal: what makes no sense is told where it stands: %s', (json, line) => {
  const [code, ...message] = refusalOf(json).split(': ')
  expect(code).toBe('invalid_argument')
  expect(message.join(': ')).toEqual(typeof line === 'string' ? line : expect.stringMatching(line))
})

describe('goal: what is larger than a transaction is too_large, and what fits is taken', () => {
  const MIB = 1024 * 1024
  const gets = (count: number) => Array.from({ length: count }, (_, i) => ({ get: `k${i}` }))
  const puts = (sizes: readonly number[]) =>
    sizes.map((size) => ({ put: 'k', value: 'x'.repeat(size) }))

  test('operations and conditions, each list by itself', () => {
    const conditions = gets(1_024).map(({ get: key }) => ({ key, exists: true }))
    const most = { if: conditions, ops: gets(1_024), else: gets(1_024) }
    expect(refusalOf(most)).toBe('taken')
    const over = /^too_large: (if|ops|else) has more than 1024 items$/
    expect(refusalOf({ ops: gets(1_025) })).toMatch(over)
    expect(refusalOf({ ...most, else: gets(1_025) })).toMatch(over)
    expect(refusalOf({ ...most, if: [...conditions, { key: 'k', exists: true }] })).toMatch(over)
  })

  test('keys and values', () => {
    expect(refusalOf({ ops: [{ get: 'k'.repeat(4_096) }] })).toBe('taken')
    expect(refusalOf({ ops: [{ get: 'k'.repeat(4_097) }] })).toMatch(/^too_large: ops.0.get: a key/)
    expect(refusalOf({ ops: puts([MIB]) })).toBe('taken')
    expect(refusalOf({ ops: puts([MIB + 1]) })).toMatch(/^too_large: ops.0.value: a value has at/)
  })

  test('a body of nothing but brackets ends before it takes memory', () => {
    for (const text of ['['.repeat(MIB), '{"a":'.repeat(MIB), `[${'{},'.repeat(MIB)}0]`]) {
      expect(refusalOf(text)).toMatch(/^too_large: the body has more fields and items/)
    }
    expect(refusalOf('['.repeat(60_000))).toBe('invalid_argument: the body is not JSON')
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`
    expect(refusalOf(`{"ops":${deep}}`)).toMatch(/^invalid_argument: ops.0/)
  })
})
