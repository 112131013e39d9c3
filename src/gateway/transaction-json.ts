import { Buffer } from 'node:buffer'
import type { Got, Step, StepResult, TransactionRequest } from '../client/transactor-types.ts'
import { utf8, utf8Text } from '../wire/bytes.ts'
import {
  KEY_BYTES_MAX,
  TRANSACTION_BYTES_MAX,
  TRANSACTION_OPERATIONS_MAX,
  VALUE_BYTES_MAX
} from '../wire/limits.ts'
import type { Check } from '../wire/transaction.ts'
import { assert } from '../world/assert.ts'
import { TRANSACTION_BODY } from './api-transactions.ts'
import { BadRequest } from './bad-request.ts'
import { jsonReader } from './json-body.ts'
import { base64urlDecoded } from './url-key.ts'

// Transactions in JSON: of the HTTP API and of the command line.

type Encoding = 'base64url' | undefined

/** Bytes in JSON: a text stands for its UTF-8. */
export type JsonBytes = string | { readonly base64: string }

type JsonCondition = NonNullable<JsonTransaction['if']>[number]
type JsonStep = NonNullable<JsonTransaction['ops']>[number]
type JsonTransaction = ReturnType<typeof readJson>

const readJson = jsonReader(TRANSACTION_BODY.schema)

/**
 * Reads a transaction; with `encoding` every key that is text is base64url. Throws BadRequest, which
 * tells the place.
 */
export function readTransaction(body: Uint8Array, encoding: Encoding): TransactionRequest {
  const json = readJson(body)
  const stepsOf = (list: 'ops' | 'else'): Step[] =>
    (json[list] ?? []).map((step, i) => stepOf(step, `${list}.${i}`, encoding))
  const request = {
    if: (json.if ?? []).map((condition, i) => checkOf(condition, `if.${i}`, encoding)),
    steps: stepsOf('ops'),
    otherwise: stepsOf('else')
  }
  checkTransaction(request)
  return request
}

/** Throws BadRequest if it is larger than a transaction may be, or does nothing at all. */
export function checkTransaction({ if: checks, steps, otherwise }: TransactionRequest): void {
  if (checks.length === 0 && steps.length === 0) {
    throw new BadRequest('a transaction has at least one operation, or one condition')
  }
  for (const { length } of [checks, steps, otherwise]) {
    if (length <= TRANSACTION_OPERATIONS_MAX) continue
    const most = `at most ${TRANSACTION_OPERATIONS_MAX} operations, and as many conditions`
    throw new BadRequest(`a transaction has ${most}`, 'too_large')
  }
  let bytes = 0
  for (const part of [...checks, ...steps, ...otherwise]) {
    bytes += part.key.length + ('value' in part ? part.value.length : 0)
  }
  if (bytes <= TRANSACTION_BYTES_MAX) return
  throw new BadRequest(
    `the keys and values of a transaction have at most ${TRANSACTION_BYTES_MAX} bytes, not ${bytes}`,
    'too_large'
  )
}

function checkOf(json: JsonCondition, where: string, encoding: Encoding): Check {
  if (json.key === undefined) {
    throw new BadRequest(`${where}: this version has no locks, so no condition on one`)
  }
  const key = asKey(json.key, `${where}.key`, encoding)
  if (json.revision !== undefined) return { type: 'revision', key, revision: json.revision }
  if (json.exists !== undefined) return { type: 'exists', key, exists: json.exists }
  return { type: 'value', key, value: asValue(json.value, `${where}.value`) }
}

function stepOf(json: JsonStep, where: string, encoding: Encoding): Step {
  const { put, delete: gone, get, increment, ttl, by = 1 } = json
  if (put !== undefined) {
    const key = asKey(put, `${where}.put`, encoding)
    const value = asValue(json.value, `${where}.value`)
    return { type: 'put', key, value, ...(ttl === undefined ? {} : { ttlMs: ttl }) }
  }
  if (gone !== undefined) return { type: 'delete', key: asKey(gone, `${where}.delete`, encoding) }
  if (get !== undefined) return { type: 'get', key: asKey(get, `${where}.get`, encoding) }
  const key = asKey(increment, `${where}.increment`, encoding)
  return { type: 'increment', key, by }
}

function asKey(json: JsonBytes | undefined, where: string, encoding: Encoding): Uint8Array {
  const isBase64url = encoding !== undefined && typeof json === 'string'
  const key = isBase64url ? base64urlOf(json, where) : bytesOf(json, where)
  return sized(key, 'key', where)
}

function asValue(json: JsonBytes | undefined, where: string): Uint8Array {
  return sized(bytesOf(json, where), 'value', where)
}

/** Throws BadRequest unless `bytes` can be a key or a value. */
export function sized(bytes: Uint8Array, what: 'key' | 'value', where: string): Uint8Array {
  const { length } = bytes
  const most = what === 'key' ? KEY_BYTES_MAX : VALUE_BYTES_MAX
  if (length > most) {
    throw new BadRequest(
      `${where}: a ${what} has at most ${most} bytes, not ${length}`,
      'too_large'
    )
  }
  if (what === 'key' && length === 0) throw new BadRequest(`${where}: a key has at least 1 byte`)
  return bytes
}

function base64urlOf(text: string, where: string): Uint8Array {
  try {
    return base64urlDecoded(utf8(text))
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error
    throw new BadRequest(`${where}: ${error.message}`)
  }
}

function bytesOf(json: JsonBytes | undefined, where: string): Uint8Array {
  assert(json !== undefined, `${where} passed the schema without its bytes`)
  if (typeof json === 'string') {
    if (json.isWellFormed()) return utf8(json)
    throw new BadRequest(`${where} has half a surrogate pair, which is not UTF-8: use base64`)
  }
  const bytes = Buffer.from(json.base64, 'base64')
  // Node.js passes over what is none.
  if (bytes.toString('base64') === json.base64) return bytes
  throw new BadRequest(`${where}.base64 must be base64 with padding, in canonical form`)
}

/** Bytes in JSON: text if they are UTF-8. */
export function jsonBytes(bytes: Uint8Array): JsonBytes {
  return utf8Text(bytes) ?? { base64: Buffer.from(bytes).toString('base64') }
}

/** What a step gave, as JSON has it. Undefined: no step gives that. */
export function jsonResult(result: StepResult): object | null | undefined {
  switch (result.type) {
    case 'written':
      return { revision: result.revision }
    case 'deleted':
      return { existed: true, revision: result.revision }
    case 'absent':
      return { existed: false }
    case 'counted':
      return { value: result.value, revision: result.revision, ...expiry(result.expiresInMs) }
    case 'got':
      return jsonRecord(result)
    default:
      return undefined
  }
}

function jsonRecord({ record }: Got): object | null {
  if (record === undefined) return null
  const { value, revision, expiresInMs } = record
  return { value: jsonBytes(value), revision, ...expiry(expiresInMs) }
}

function expiry(expiresInMs: number | undefined): { readonly expiresIn?: number } {
  return expiresInMs === undefined ? {} : { expiresIn: expiresInMs }
}
