import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FencedChange, FencedOutcome } from '../client/fenced-write.ts'
import type { CallOperation, CallOutcome } from '../client/inputs.ts'
import { notRun } from '../client/not-run.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import { failure } from '../wire/failure.ts'
import type { ClusterId } from '../wire/ids.ts'
import { VALUE_BYTES_MAX } from '../wire/limits.ts'
import type { ReadRecord } from '../wire/read-body.ts'
import type { KeyResult } from '../wire/result.ts'
import type { LockCheck } from '../wire/transaction.ts'
import { unreachable } from '../world/assert.ts'
import type { Cancel } from '../world/clock.ts'
import { realClock } from '../world/real.ts'
import { API } from './api.ts'
import { BadRequest } from './bad-request.ts'
import type { Calls } from './calls.ts'
import { conditionOf, type FenceHeaders, fenceOf, names } from './conditions.ts'
import { keyReader } from './http-asked.ts'
import type { Bodies } from './http-bodies.ts'
import { fail, keepSession, runFor } from './http-caller.ts'
import { digestOf, repeatableOf } from './http-idempotency.ts'
import { type Floors, floorsOf, inSession, momentHeaders, tokenAfterAll } from './http-session.ts'
import { isAdmitted } from './http-shed.ts'
import { traceOf } from './http-trace.ts'
import { type Repeatable, runOnce } from './idempotency.ts'
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

/** Node.js joins what is given twice, and it would mean something else. */
const ONCE_ONLY = ['idempotency-key', 'keymesh-fence-key', 'keymesh-fence-token'] as const

const NO_SUCH_KEY = failure('not_found', 'there is no such key')

type Done = (outcome: CallOutcome) => void

interface HowHeaders extends FenceHeaders {
  readonly 'idempotency-key'?: string
}

/** What the headers of a change ask for beside its condition. */
interface How {
  readonly repeatable: Repeatable | undefined
  readonly fence: LockCheck | undefined
}

interface Change extends How {
  readonly operation: DataOperation
  readonly timeoutMs: number
}

/** What a caller had seen when it asked. */
interface Seen {
  readonly calls: Calls
  readonly floors: Floors
  readonly cluster: ClusterId
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
    const how = this.#how(request, headers)
    this.#bodies.read(request, reply, { bytesMax: VALUE_BYTES_MAX, timeoutMs }, (value, leftMs) => {
      const operation = { type: 'put', key, value, ...condition } as const
      this.#mutate(reply, { operation, timeoutMs: leftMs, ...how })
    })
  }

  delete(request: FastifyRequest, reply: FastifyReply): void {
    const { key, headers, timeoutMs } = READ.delete(request)
    const operation = { type: 'delete', key, ...conditionOf(headers) } as const
    const how = this.#how(request, headers)
    this.#mutate(reply, { operation, timeoutMs, ...how })
  }

  increment(request: FastifyRequest, reply: FastifyReply): void {
    const { key, headers, timeoutMs } = READ.increment(request)
    const condition = conditionOf(headers)
    const how = this.#how(request, headers)
    this.#bodies.read(request, reply, { bytesMax: JSON_BYTES_MAX, timeoutMs }, (body, leftMs) => {
      const { by = 1 } = readIncrement(body)
      const operation = { type: 'increment', key, by, ...condition } as const
      this.#mutate(reply, { operation, timeoutMs: leftMs, ...how })
    })
  }

  touch(request: FastifyRequest, reply: FastifyReply): void {
    const { key, headers, timeoutMs } = READ.touch(request)
    const condition = conditionOf(headers)
    const how = this.#how(request, headers)
    this.#bodies.read(request, reply, { bytesMax: JSON_BYTES_MAX, timeoutMs }, (body, leftMs) => {
      const { ttl } = readTouch(body)
      const lasting = ttl === null ? {} : { ttlMs: ttl }
      const operation = { type: 'touch', key, ...condition, ...lasting } as const
      this.#mutate(reply, { operation, timeoutMs: leftMs, ...how })
    })
  }

  /** Its time to run counts from the head of the request on. Throws BadRequest. */
  #how({ raw }: FastifyRequest, headers: HowHeaders): How {
    const key = headers['idempotency-key']
    const fence = fenceOf(headers)
    for (const name of ONCE_ONLY) {
      if ((raw.headersDistinct[name]?.length ?? 0) > 1)
        throw new BadRequest(`${name} is given twice`)
    }
    if (key === undefined) return { repeatable: undefined, fence }
    if (fence === undefined) return { repeatable: repeatableOf(key, this.#calls().time()), fence }
    throw new BadRequest('Idempotency-Key is not supported together with a fence')
  }

  #mutate(reply: FastifyReply, change: Change): void {
    const { operation, timeoutMs, repeatable, fence } = change
    if (fence !== undefined) {
      this.#writeFenced(reply, { fence, operation }, timeoutMs)
      return
    }
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

  #writeFenced(reply: FastifyReply, change: FencedChange, timeoutMs: number): void {
    const { calls, floors, cluster } = this.#begin(reply)
    const call = { timeoutMs, trace: traceOf(reply.request) }
    runFor<FencedOutcome>(
      reply,
      (end) => calls.writeFenced(change, call, end),
      (outcome) => {
        if (!outcome.ok) {
          fail(reply, outcome.failure)
          return
        }
        const token = tokenAfterAll(floors, cluster, outcome.groups)
        if (token !== undefined) reply.header('keymesh-session', token)
        answerChange(reply, change.operation, outcome.result)
      }
    )
  }

  /** Throws BadRequest. */
  #begin(reply: FastifyReply): Seen {
    const calls = this.#calls()
    const cluster = calls.clusterId()
    const floors = floorsOf(reply.request.headers['keymesh-session']?.toString(), cluster)
    keepSession(reply)
    return { calls, floors, cluster }
  }

  /** A caller who hangs up gives the call up. */
  #run(reply: FastifyReply, { operation, timeoutMs, start }: Wanted, done: Done): void {
    const { calls, floors, cluster } = this.#begin(reply)
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
