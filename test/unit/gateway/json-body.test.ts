import fc from 'fast-check'
import { expect, test } from 'vitest'
import { API } from '../../../src/gateway/api.ts'
import { BadRequest } from '../../../src/gateway/bad-request.ts'
import { jsonReader } from '../../../src/gateway/json-body.ts'
import { utf8 } from '../../../src/wire/bytes.ts'

const increment = jsonReader(API.increment.body.schema)

test.each([
  ['', {}],
  ['{}', {}],
  ['{"by":-5}', { by: -5 }],
  ['{"by":9007199254740991}', { by: 9_007_199_254_740_991 }]
])('%j is an increment', (text, body) => {
  expect(increment(utf8(text))).toEqual(body)
})

test.each([
  ['{"by":1.5}', 'by must be a safe integer'],
  ['{"by":"1"}', 'by must be a safe integer'],
  ['{"by":null}', 'by must be a safe integer'],
  ['{"by":9007199254740992}', 'by must be a safe integer'],
  ['{"by":1e999}', 'by must be a safe integer'],
  ['{"to":1}', 'unknown field "to" in the body'],
  ['{"__proto__":1}', 'unknown field "__proto__" in the body'],
  ['[]', 'the body is not a JSON object'],
  ['null', 'the body is not a JSON object'],
  ['{', 'the body is not JSON']
])('%s is none: %s', (text, line) => {
  expect(() => increment(utf8(text))).toThrow(new BadRequest(line))
})

test('a field that is needed is named, and so is the place inside', () => {
  const entry = {
    type: 'object',
    required: ['key'],
    additionalProperties: false,
    properties: { key: { type: 'string', title: 'text' } }
  } as const
  const read = jsonReader({
    type: 'object',
    required: ['all'],
    properties: { all: { type: 'array', items: entry } }
  } as const)
  expect(() => read(utf8(''))).toThrow('the body lacks the field "all"')
  expect(() => read(utf8('{"all":[{}]}'))).toThrow('all.0 lacks the field "key"')
  expect(() => read(utf8('{"all":[{"key":"a"},{"key":1}]}'))).toThrow('all.1.key must be text')
  expect(() => read(utf8('{"all":[{"key":"a","b":1}]}'))).toThrow('unknown field "b" in all.0')
})

test('whatever stands in a body, it is read or a BadRequest', () => {
  const bytes = fc.oneof(fc.uint8Array(), fc.json().map(utf8))
  fc.assert(
    fc.property(bytes, (body) => {
      try {
        increment(body)
      } catch (error) {
        expect(error).toBeInstanceOf(BadRequest)
      }
    })
  )
})
