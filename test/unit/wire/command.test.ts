import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter, Malformed } from '../../../src/wire/bytes.ts'
import {
  type Command,
  decodeCommand,
  encodeCommand,
  type Operation,
  operationTypeOf
} from '../../../src/wire/command.ts'
import { type KeyResult, type Result, readResult, writeResult } from '../../../src/wire/result.ts'
import { lockOperations, lockResults } from './lock-arbitraries.ts'
import {
  type Ingredients,
  transactionOperations,
  transactionResults
} from './transaction-arbitraries.ts'

// Goal: every command and result comes back as it was written, and bytes that are none are refused.

const count = fc.maxSafeNat()
const key = fc.uint8Array({ minLength: 1, maxLength: 40 })
const condition = { ifRevision: count }
const ttl = { ttlMs: count }

function shape<T extends Operation['type']>(type: T, required: object, optional: object = {}) {
  const fields = { type: fc.constant(type), ...required, ...optional }
  return fc.record(fields, { requiredKeys: ['type', ...Object.keys(required)] as never })
}

const data = fc.oneof(
  shape('put', { key, value: fc.uint8Array({ maxLength: 60 }) }, { ...condition, ...ttl }),
  shape('delete', { key }, condition),
  shape('increment', { key, by: fc.maxSafeInteger() }, condition),
  shape('touch', { key }, { ...condition, ...ttl })
)

const once = fc.record({
  key: fc.uint8Array({ minLength: 1, maxLength: 128 }),
  digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  notAfter: count
})

const keyResult: fc.Arbitrary<KeyResult> = fc.oneof(
  fc.record({ type: fc.constantFrom('written', 'deleted', 'conflict'), revision: count }),
  fc.record(
    {
      type: fc.constant('counted' as const),
      value: fc.maxSafeInteger(),
      revision: count,
      expiresInMs: count
    },
    { requiredKeys: ['type', 'value', 'revision'] }
  ),
  fc.record({ type: fc.constantFrom('absent', 'not-a-number', 'done') }),
  fc.record({
    type: fc.constant('not-run' as const),
    why: fc.constantFrom('reused', 'full', 'late', 'early')
  }),
  fc.record({ type: fc.constant('refused' as const), reason: fc.string({ unit: 'binary' }) })
)

const session = fc.stringMatching(/^[0-9a-f]{32}$/)
const ingredients: Ingredients = {
  key,
  data: data as Ingredients['data'],
  count,
  group: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  session,
  result: keyResult
}
const result: fc.Arbitrary<Result> = fc.oneof(
  keyResult,
  transactionResults(ingredients),
  lockResults(ingredients)
)

const operation = fc.oneof(
  data,
  shape('claim', { once }),
  shape('once', { once, operation: data }),
  shape('tick', {}),
  shape('register-node', { node: fc.uint8Array({ maxLength: 60 }) }),
  transactionOperations(ingredients),
  lockOperations(ingredients)
) as fc.Arbitrary<Operation>

const command: fc.Arbitrary<Command> = fc.record({
  session,
  seq: count,
  ackedUpTo: count,
  basis: count,
  operation
})

function bytesOf(given: Result): Uint8Array {
  const writer = new ByteWriter()
  writeResult(writer, given)
  return writer.finish()
}

test('a command comes back', () => {
  fc.assert(
    fc.property(command, (given) => {
      expect(decodeCommand(encodeCommand(given))).toEqual(given)
    }),
    { numRuns: 1_000 }
  )
})

test('a result comes back', () => {
  fc.assert(
    fc.property(result, (given) => {
      const reader = new ByteReader(bytesOf(given))
      expect(readResult(reader)).toEqual(given)
      expect(reader.remaining).toBe(0)
    }),
    { numRuns: 1_000 }
  )
})

test('a command that was cut or changed is another one, or Malformed', () => {
  const edit = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
  const edits = fc.array(edit, { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(command, edits, fc.nat(60), (given, changes, cut) => {
      const whole = encodeCommand(given)
      const bytes = whole.slice(0, whole.length - (cut < 40 ? 0 : cut % whole.length))
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      try {
        const read = decodeCommand(bytes)
        expect(decodeCommand(encodeCommand(read))).toEqual(read)
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
      }
    }),
    { numRuns: 3_000 }
  )
})

test('any bytes are a result or Malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 30 }), (bytes) => {
      bytes[0] = (bytes[0] as number) % 26
      try {
        const read = readResult(new ByteReader(bytes))
        expect(readResult(new ByteReader(bytesOf(read)))).toEqual(read)
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
      }
    }),
    { numRuns: 3_000 }
  )
})

test('what a command asks for is read without the rest of it', () => {
  fc.assert(
    fc.property(command, (one) => {
      expect(operationTypeOf(encodeCommand(one))).toBe(one.operation.type)
    })
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void operationTypeOf(bytes)))
  expect(operationTypeOf(new Uint8Array(0))).toBeUndefined()
  expect(operationTypeOf(new Uint8Array(40).fill(0xff))).toBeUndefined()
})
