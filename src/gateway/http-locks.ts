import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CallOperation, CallOutcome } from '../client/inputs.ts'
import { LOCK_TTL_MS_DEFAULT, LOCK_WAIT_MS_DEFAULT } from '../client/lock-options.ts'
import { giveBack } from '../client/lock-request.ts'
import type { LockOutcome } from '../client/lock-types.ts'
import { utf8 } from '../wire/bytes.ts'
import { CODES, failure } from '../wire/failure.ts'
import { LOCK_OWNER_BYTES_MAX } from '../wire/limits.ts'
import type { LockOperation } from '../wire/lock.ts'
import type { LockResult, LockView } from '../wire/lock-result.ts'
import { API } from './api.ts'
import { BadRequest } from './bad-request.ts'
import type { Calls } from './calls.ts'
import { keyReader } from './http-asked.ts'
import type { Bodies } from './http-bodies.ts'
import { fail, keepSession, runFor } from './http-caller.ts'
import { floorsOf, momentHeaders } from './http-session.ts'
import { traceOf } from './http-trace.ts'
import { jsonReader } from './json-body.ts'

const READ = {
  lock: keyReader(API.lock),
  keepLock: keyReader(API.keepLock),
  unlock: keyReader(API.unlock),
  lockState: keyReader(API.lockState)
} as const

const readLock = jsonReader(API.lock.body.schema)
const readKeep = jsonReader(API.keepLock.body.schema)

const BODY_BYTES_MAX = 64 * 1024
const LOST = failure('lock_lost', CODES.lock_lost.advice)
/** Only a node of another kind than ours would say that. */
const STRANGE = failure('internal', 'a partition answered what no lock gives', 'unknown')

/** `/v1/locks/{key}`. */
export class LockRoutes {
  readonly #calls: () => Calls
  readonly #bodies: Bodies

  constructor(calls: () => Calls, bodies: Bodies) {
    this.#calls = calls
    this.#bodies = bodies
  }

  /** Who hangs up while it waits leaves the line, and gives back what it was granted meanwhile. */
  lock(request: FastifyRequest, reply: FastifyReply): void {
    const { key, timeoutMs } = READ.lock(request)
    const limits = { bytesMax: BODY_BYTES_MAX, timeoutMs }
    this.#bodies.read(request, reply, limits, (body, leftMs) => {
      const json = readLock(body)
      const { ttl = LOCK_TTL_MS_DEFAULT, wait = LOCK_WAIT_MS_DEFAULT, shared = false } = json
      const owner = ownerOf(json.owner)
      const wanted = { key, guard: false, shared, ttlMs: ttl, waitMs: wait, owner }
      const calls = this.#calls()
      floorsOf(sessionIn(reply), calls.clusterId())
      keepSession(reply)
      const call = { timeoutMs: leftMs, trace: traceOf(request) }
      runFor<LockOutcome>(
        reply,
        (end) =>
          calls.lock(wanted, call, (outcome) => {
            // Nobody will read of it.
            if (outcome.ok && reply.raw.destroyed) giveBack(calls, outcome.grant, call)
            end(outcome)
          }),
        (outcome) => {
          if (outcome.ok) reply.send({ token: outcome.grant.token, ttl: outcome.grant.ttlMs })
          else fail(reply, outcome.failure)
        }
      )
    })
  }

  keep(request: FastifyRequest, reply: FastifyReply): void {
    const { key, timeoutMs } = READ.keepLock(request)
    const limits = { bytesMax: BODY_BYTES_MAX, timeoutMs }
    this.#bodies.read(request, reply, limits, (body, leftMs) => {
      const { token, ttl } = readKeep(body)
      const given = ttl === undefined ? {} : { ttl }
      const lasting = ttl === undefined ? {} : { ttlMs: ttl }
      const places = [{ key, guard: false, number: token, ...lasting }]
      this.#command(reply, { type: 'renew', places }, leftMs, (result) => {
        if (result.type !== 'renewed') fail(reply, STRANGE)
        else if (result.verdicts[0]?.type === 'held') reply.send({ token, ...given })
        else fail(reply, LOST)
      })
    })
  }

  unlock(request: FastifyRequest, reply: FastifyReply): void {
    const { key, query, timeoutMs } = READ.unlock(request)
    const { token } = query
    if (token === undefined) throw new BadRequest('token is missing: that of the lock')
    const operation = { type: 'release', key, guard: false, token } as const
    this.#command(reply, operation, timeoutMs, (result) => {
      if (result.type === 'released') reply.send({ released: true })
      else fail(reply, result.type === 'lost' ? LOST : STRANGE)
    })
  }

  state(request: FastifyRequest, reply: FastifyReply): void {
    const { key, timeoutMs } = READ.lockState(request)
    this.#run(reply, { kind: 'lock-view', key, guard: false }, timeoutMs, (outcome) => {
      if (outcome.kind === 'lock-view') reply.send(jsonView(outcome.view))
      else fail(reply, STRANGE)
    })
  }

  #command(
    reply: FastifyReply,
    operation: LockOperation,
    timeoutMs: number,
    done: (result: LockResult) => void
  ): void {
    this.#run(reply, { kind: 'lock', operation }, timeoutMs, (outcome) => {
      if (outcome.kind === 'lock') done(outcome.result)
      else fail(reply, STRANGE)
    })
  }

  #run(
    reply: FastifyReply,
    operation: CallOperation,
    timeoutMs: number,
    done: (outcome: CallOutcome & { readonly ok: true }) => void
  ): void {
    const calls = this.#calls()
    const cluster = calls.clusterId()
    const floors = floorsOf(sessionIn(reply), cluster)
    keepSession(reply)
    const call = { timeoutMs, trace: traceOf(reply.request) }
    runFor<CallOutcome>(
      reply,
      (end) => calls.call(operation, call, end),
      (outcome) => {
        reply.headers(momentHeaders(operation, outcome, { floors, cluster }))
        if (outcome.ok) done(outcome)
        else fail(reply, outcome.failure)
      }
    )
  }
}

function sessionIn(reply: FastifyReply): string | undefined {
  return reply.request.headers['keymesh-session']?.toString()
}

function ownerOf(owner = ''): string {
  if (owner.isWellFormed() && utf8(owner).length <= LOCK_OWNER_BYTES_MAX) return owner
  throw new BadRequest(`owner must be text of at most ${LOCK_OWNER_BYTES_MAX} bytes`)
}

function jsonView({ token, waiters, holders, held }: LockView): object {
  if (held === undefined) return { held: false, token }
  const { owner, expiresInMs: expiresIn, shared } = held
  return { held: true, token: held.token, owner, expiresIn, waiters, shared, holders }
}
