import type { FastifyReply } from 'fastify'
import { type Failure, failure } from '../wire/failure.ts'
import type { TransactionRef } from '../wire/transaction.ts'
import type { Cancel } from '../world/clock.ts'
import { BadRequest } from './bad-request.ts'
import { noteFailure } from './http-metrics.ts'
import { isToken } from './http-session.ts'
import { problemOf } from './problem.ts'

/** `about`: see problemOf. */
export function fail(reply: FastifyReply, failed: Failure, about?: TransactionRef): void {
  noteFailure(reply.raw, failed.code)
  const { status, headers, body } = problemOf(failed, about)
  reply.code(status).headers(headers).send(body)
}

/** What `run` throws at its caller becomes the answer. */
export function guarded(reply: FastifyReply, run: () => void): void {
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
export function keepSession(reply: FastifyReply): void {
  const token = reply.request.headers['keymesh-session']?.toString()
  if (token !== undefined && isToken(token)) reply.header('keymesh-session', token)
}

/** Has `start` do the work. A caller who hangs up gives it up, and hears nothing of its end. */
export function runFor<O>(
  reply: FastifyReply,
  start: (end: (outcome: O) => void) => Cancel,
  done: (outcome: O) => void
): void {
  let answered = false
  const cancel = start((outcome) => {
    answered = true
    if (reply.raw.destroyed) reply.hijack()
    else done(outcome)
  })
  if (answered) return
  reply.raw.on('close', () => {
    if (!answered) cancel()
  })
}
