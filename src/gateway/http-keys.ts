import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CallOperation, CallOutcome } from '../client/inputs.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import { type Failure, failure } from '../wire/failure.ts'
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
import { type Body, type BodyLimits, BodyReader } from './http-body.ts'
import { digestOf, repeatableOf } from './http-idempotency.ts'
import { noteFailure } from './http-metrics.ts'
import { floorsOf, inSession, isToken, momentHeaders } from './http-session.ts'
import { isAdmitted } from './http-shed.ts'
import { traceOf } from './http-trace.ts'
import { notRun, type Repeatable, runOnce } from './idempotency.ts'
import { jsonReader } from './json-body.ts'
import { conflict, problemOf, revisionHeaders } from './problem.ts'

/** Bodies being read or waiting for their answer, over all callers. */
const BODIES_BYTES_MAX = 64 * 1024 * 1024
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
  readonly #bodies = new BodyReader(BODIES_BYTES_MAX)

  constructor(calls: () => Calls) {
    this.#calls = calls
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
    this.#read(request, reply, { bytesMax: VALUE_BYTES_MAX, timeoutMs }, (value, leftMs) => {
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
    this.#read(request, reply, { bytesMax: JSON_BYTES_MAX, timeoutMs }, (body, leftMs) => {
      const { by = 1 } = readIncrement(body)
      const operation = { type: 'increment', key, by, ...condition } as const
      this.#mutate(reply, { operation, timeoutMs: leftMs, repeatable })
    })
  }

  touch(request: FastifyRequest, reply: FastifyReply): void {
    const { key, headers, timeoutMs } = READ.touch(request)
    const condition = conditionOf(headers)
    const repeatable = this.#repeatable(request, headers)
    this.#read(request, reply, { bytesMax: JSON_BYTES_MAX, timeoutMs }, (body, leftMs) => {
      const { ttl } = readTouch(body)
      const lasting = ttl === null ? {} : { ttlMs: ttl }
      const operation = { type: 'touch', key, ...condition, ...lasting } as const
      this.#mutate(reply, { operation, timeoutMs: leftMs, repeatable })
    })
  }

  /**
   * Hands `use` the body and the ms that are left of the timeout. The body counts as inside until
   * the answer left or the caller hung up.
   */
  #read(
    request: FastifyRequest,
    reply: FastifyReply,
    limits: BodyLimits,
    use: (bytes: Uint8Array, leftMs: number) => void
  ): void {
    const { bytesMax, timeoutMs } = limits
    const began = realClock.monotonic()
    this.#bodies.read(request.raw, limits, (body: Body) => {
      if (body.type === 'bytes') {
        const { length } = body.bytes
        if (length > 0) reply.raw.on('close', () => this.#bodies.settle(length))
        const spent = length === 0 ? 0 : Math.floor(realClock.monotonic() - began)
        guarded(reply, () => use(body.bytes, Math.max(1, timeoutMs - spent)))
      } else if (body.type === 'cut-off') {
        reply.hijack()
      } else {
        keepSession(reply)
        fail(reply, withoutBody(body.type, { bytesMax, timeoutMs }))
      }
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
    let answered = false
    const end = (outcome: CallOutcome): void => {
      answered = true
      if (reply.raw.destroyed) reply.hijack()
      else {
        reply.headers(momentHeaders(operation, outcome, { floors, cluster }))
        done(outcome)
      }
    }
    const { request } = reply
    const call = { timeoutMs, trace: traceOf(request), admitted: isAdmitted(request.raw) }
    const cancel = start?.(end) ?? calls.call(inSession(operation, floors), call, end)
    if (answered) return
    reply.raw.on('close', () => {
      if (!answered) cancel()
    })
  }
}

function withoutBody(
  why: 'too-large' | 'overloaded' | 'late',
  { bytesMax, timeoutMs }: BodyLimits
): Failure {
  switch (why) {
    case 'too-large':
      return failure('too_large', `the body is over ${bytesMax} bytes`)
    case 'overloaded':
      return failure('overloaded', 'this node is receiving too many bytes at once')
    case 'late':
      return failure('unavailable', `the body did not come within ${timeoutMs} ms`)
    default:
      return unreachable(why)
  }
}

/** What `run` throws at its caller becomes the answer. */
function guarded(reply: FastifyReply, run: () => void): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error
    refuse(reply, error)
  }
}

/** The answer to a request that makes no sense. */
export function refuse(reply: FastifyReply, error: BadRequest): void {
  if (!error.ofToken) keepSession(reply)
  fail(reply, failure(error.code, error.message))
}

/** Whoever keeps the token of the last answer keeps it over failures, too. */
function keepSession(reply: FastifyReply): void {
  const token = reply.request.headers['keymesh-session']?.toString()
  if (token !== undefined && isToken(token)) reply.header('keymesh-session', token)
}

export function fail(reply: FastifyReply, failed: Failure): void {
  noteFailure(reply.raw, failed.code)
  const { status, headers, body } = problemOf(failed)
  reply.code(status).headers(headers).send(body)
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
