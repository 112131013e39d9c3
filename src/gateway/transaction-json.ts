import type {
  Got,
  Step,
  StepResult,
  TransactionOutcome,
  TransactionRequest
} from '../client/transactor-types.ts'
import { utf8 } from '../wire/bytes.ts'
import { TRANSACTION_BYTES_MAX } from '../wire/limits.ts'
import type { Result } from '../wire/result.ts'
import type { Check } from '../wire/transaction.ts'
import { transactionText } from '../wire/transaction-text.ts'
import { TRANSACTION_BODY } from './api-transactions.ts'
import { BadRequest } from './bad-request.ts'
import { jsonReader } from './json-body.ts'
import { bytesOf, type JsonBytes, jsonBytes, sized } from './json-bytes.ts'
import { base64urlDecoded } from './url-key.ts'

// Transactions in JSON: of the HTTP API and of the command line.

/**
 * The largest transaction in JSON: base64 takes four bytes for three, and text whose every letter
 * is escaped up to three for one.
 */
export const TRANSACTION_BODY_BYTES_MAX = 3 * TRANSACTION_BYTES_MAX + 1024 * 1024

type Encoding = 'base64url' | undefined

export type TransactionState = 'pending' | 'committed' | 'aborted' | 'unknown'

type JsonCondition = NonNullable<JsonTransaction['if']>[number]
type JsonStep = NonNullable<JsonTransaction['ops']>[number]
type JsonTransaction = ReturnType<typeof readJson>

const readJson = jsonReader(TRANSACTION_BODY.schema)

/**
 * Reads a transaction; with `encoding` every key that is text is base64url. Throws BadRequest,
 * which tells the place.
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

/** Throws BadRequest if it does nothing at all. How large it may be whoever runs it knows. */
export function checkTransaction({ if: checks, steps }: TransactionRequest): void {
  if (checks.length > 0 || steps.length > 0) return
  throw new BadRequest('a transaction has at least one operation, or one condition')
}

function checkOf(json: JsonCondition, where: string, encoding: Encoding): Check {
  if (json.token !== undefined) {
    const key = asKey(json.lock, `${where}.lock`, encoding)
    return { type: 'lock', key, guard: false, token: json.token }
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

function base64urlOf(text: string, where: string): Uint8Array {
  try {
    return base64urlDecoded(utf8(text))
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error
    throw new BadRequest(`${where}: ${error.message}`)
  }
}

/** The answer to a transaction. Undefined: a partition answered what no step gives. */
export function jsonOutcome(outcome: TransactionOutcome & { ok: true }): object | undefined {
  const { id, committed, failed } = outcome
  const results = outcome.results.map(jsonResult)
  if (results.includes(undefined)) return undefined
  const told = id === undefined ? null : transactionText(id)
  return { id: told, committed, ...(committed ? {} : { failed }), results }
}

/** What became of a transaction, as JSON has it. Undefined: that is nothing of a transaction. */
export function stateOf(result: Result): TransactionState | undefined {
  switch (result.type) {
    case 'pending':
      return 'pending'
    case 'ended':
      return result.committed ? 'committed' : 'aborted'
    case 'gone':
      return 'unknown'
    default:
      return undefined
  }
}

function jsonResult(result: StepResult): object | null | undefined {
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
