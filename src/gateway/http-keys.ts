import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CallOperation, CallOutcome } from '../client/inputs.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import { failure } from '../wire/failure.ts'
import { VALUE_BYTES_MAX } from '../wire/limits.ts'
import type { ReadRecord } from '../wire/read-body.ts'
import type { KeyResult } from '../wire/result.ts'
import { unreachable } from '../world/assert.ts'
import type { Cancel } from '../world/clock.ts'
import { realClock } from '../world/real.ts'
import { API } from './api.ts'
import { BadRequest } from './bad-request.ts'
import type { Calls } from './calls.ts'
import { conditionOf, names } from './conditions.ts'
import { keyReader } from './http-asked.ts'
import type { Bodies } from './http-bodies.ts'
import { fail, keepSession, runFor } from './http-caller.ts'
import { digestOf, repeatableOf } from './http-idempotency.ts'
import { floorsOf, inSession, momentHeaders } from './http-session.ts'
import { isAdmitted } from './http-shed.ts'
import { traceOf } from './http-trace.ts'
import { notRun, type Repeatable, runOnce } from './idempotency.ts'
import { jsonReader } from './json-body.ts'
import { conflict, revisionHeaders } from './problem.ts'

const JSON_BYTES_MAX = 64 * 1024

const READ = {
  get: keyReader(API.get),
  put: keyReader(API.put),
  delete: keyReader(API.delete),
  increment: keyReader(API.increment),
  touch: keyReader(API.touch)
} as const

const readIncrement = jsonReader(API.increment.body.schema)
const readTouch = jsonReader(API.touch.body.schema)

const NO_SUCH_KEY = failure('not_found', 'there is no such key')

type Done = (outcome: CallOutcome) => void

interface Change {
  readonly operation: DataOperation
  readonly timeoutMs: number
  readonly repeatable: Repeatable | undefined
}

interface Wanted {
  readonly operation: CallOperation
  readonly timeoutMs: number
  /** Has it done in another way than by one call. */
  readonly start?: ((end: Done) => Cancel) | undefined
}

/** The calls on single keys: `/v1/kv/{key}` and its actions. */
export class KeyRoutes {
  readonly #calls: () => Calls
  readonly #bodies: Bodies

  constructor(calls: () => Calls, bodies: Bodies) {
    this.#calls = calls
    this.#bodies = bodies
  }

  get(request: FastifyRequest, reply: FastifyReply): void {
    const { key, query, headers, timeoutMs } = READ.get(request)
    const unless = headers['if-none-match']
    const { consistency = 'strong' } = query
    const operation = { kind: 'get', key, consistency } as const
    this.#run(reply, { operation, timeoutMs }, (outcome) => {
      if (!outcome.ok) fail(reply, outcome.failure)
      else if (outcome.kind === 'get') answerRead(reply, outcome.record, unless)
    })
  }

  put(request: FastifyRequest, reply: FastifyReply): void {
    const { key, query, headers, timeoutMs } = READ.put(request)
    const { ttl } = query
    const condition = { ...conditionOf(headers), ...(ttl === undefined ? {} : { ttlMs: ttl }) }
    const repeatable = this.#repeatable(request, headers)
    this.#bodies.read(request, reply, { bytesMax: VALUE_BYTES_MAX, timeoutMs }, (value, leftMs) => {
      const operation = { type: 'put', key, value, ...condition } as const
      this.#mutate(reply, { operation, timeoutMs: leftMs, repeatable })
    })
  }

  delete(request: FastifyRequest, reply: FastifyReply): void {
    const { key, headers, timeoutMs } = READ.delete(request)
    const operation = { type: 'delete', key, ...conditionOf(headers) } as const
    const repeatable = this.#repeatable(request, headers)
    this.#mutate(reply, { operation, timeoutMs, repeatable })
  }

  increment(request: FastifyRequest, reply: FastifyReply): void {
    const { key, headers, timeoutMs } = READ.increment(request)
    const condition = conditionOf(headers)
    const repeatable = this.#repeatable(request, headers)
    this.#bodies.read(request, reply, { bytesMax: JSON_BYTES_MAX, timeoutMs }, (body, leftMs) => {
      const { by = 1 } = readIncrement(body)
      const operation = { type: 'increment', key, by, ...condition } as const
      this.#mutate(reply, { operation, timeoutMs: leftMs, repeatable })
    })
  }

  touch(request: FastifyRequest, reply: FastifyReply): void {
    const { key, headers, timeoutMs } = READ.touch(request)
    const condition = conditionOf(headers)
    const repeatable = this.#repeatable(request, headers)
    this.#bodies.read(request, reply, { bytesMax: JSON_BYTES_MAX, timeoutMs }, (body, leftMs) => {
      const { ttl } = readTouch(body)
      const lasting = ttl === null ? {} : { ttlMs: ttl }
      const operation = { type: 'touch', key, ...condition, ...lasting } as const
      this.#mutate(reply, { operation, timeoutMs: leftMs, repeatable })
    })
  }

  /** Its time to run counts from the head of the request on. */
  #repeatable(
    { raw }: FastifyRequest,
    { 'idempotency-key': key }: { readonly 'idempotency-key'?: string }
  ): Repeatable | undefined {
    if (key === undefined) return undefined
    if (raw.headersDistinct['idempotency-key']?.length === 1) {
      return repeatableOf(key, this.#calls().time())
    }
    throw new BadRequest('Idempotency-Key is given twice')
  }

  #mutate(reply: FastifyReply, { operation, timeoutMs, repeatable }: Change): void {
    const mutation = { kind: 'mutate', operation } as const
    const start =
      repeatable === undefined
        ? undefined
        : (end: Done): Cancel => {
            const digest = digestOf(operation)
            const trace = traceOf(reply.request)
            const request = { repeatable, digest, operation, timeoutMs, trace }
            return runOnce(this.#calls(), realClock, request, end)
          }
    this.#run(reply, { operation: mutation, timeoutMs, start }, (outcome) => {
      if (!outcome.ok) fail(reply, outcome.failure)
      else if (outcome.kind === 'mutate') answerChange(reply, operation, outcome.result)
    })
  }

  /** A caller who hangs up gives the call up. */
  #run(reply: FastifyReply, { operation, timeoutMs, start }: Wanted, done: Done): void {
    const calls = this.#calls()
    const token = reply.request.headers['keymesh-session']?.toString()
    const cluster = calls.clusterId()
    const floors = floorsOf(token, cluster)
    keepSession(reply)
    const { request } = reply
    const call = { timeoutMs, trace: traceOf(request), admitted: isAdmitted(request.raw) }
    const begin = (end: Done): Cancel =>
      start?.(end) ?? calls.call(inSession(operation, floors), call, end)
    runFor(reply, begin, (outcome) => {
      reply.headers(momentHeaders(operation, outcome, { floors, cluster }))
      done(outcome)
    })
  }
}

function answerRead(
  reply: FastifyReply,
  record: ReadRecord | undefined,
  unless: string | undefined
): void {
  if (record === undefined) {
    fail(reply, NO_SUCH_KEY)
    return
  }
  const { value, revision, expiresInMs } = record
  reply.headers(revisionHeaders(revision)).header('cache-control', 'no-cache')
  if (expiresInMs !== undefined) reply.header('keymesh-expires-in', String(expiresInMs))
  if (unless !== undefined && names(unless, revision)) {
    reply.code(304).send()
    return
  }
  reply.type('application/octet-stream').send(buffer(value))
}

/** Fastify sends a Buffer as it is. */
function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function answerChange(reply: FastifyReply, operation: DataOperation, result: KeyResult): void {
  switch (result.type) {
    case 'written':
      reply.headers(revisionHeaders(result.revision))
      // The whole of it: how much of it the way of the answer took, nobody knows.
      if ('ttlMs' in operation) reply.header('keymesh-expires-in', String(operation.ttlMs))
      reply.send({ revision: result.revision })
      return
    case 'counted':
      reply.headers(revisionHeaders(result.revision))
      if (result.expiresInMs !== undefined) {
        reply.header('keymesh-expires-in', String(result.expiresInMs))
      }
      reply.send({ value: result.value, revision: result.revision })
      return
    case 'deleted':
      reply.headers(revisionHeaders(result.revision))
      reply.send({ existed: true, revision: result.revision })
      return
    case 'absent':
      if (operation.type === 'touch') fail(reply, NO_SUCH_KEY)
      else reply.send({ existed: false })
      return
    case 'conflict':
      fail(reply, conflict(result.revision))
      return
    case 'not-a-number':
      fail(reply, failure('not_a_number', 'the value is not a safe integer, or would not be one'))
      return
    case 'refused':
      fail(reply, failure('invalid_argument', result.reason))
      return
    case 'not-run':
      fail(reply, notRun(result.why))
      return
    case 'done':
      reply.send({})
      return
    default:
      unreachable(result)
  }
}
