import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SeenGroup } from '../client/inputs.ts'
import type { TransactionOutcome } from '../client/transactor-types.ts'
import { failure } from '../wire/failure.ts'
import type { Result } from '../wire/result.ts'
import type { TransactionRef } from '../wire/transaction.ts'
import { transactionOf, transactionText } from '../wire/transaction-text.ts'
import type { Cancel } from '../world/clock.ts'
import { API } from './api.ts'
import { BadRequest } from './bad-request.ts'
import type { Calls } from './calls.ts'
import { reader, restOf } from './http-asked.ts'
import type { Bodies } from './http-bodies.ts'
import { fail, keepSession, runFor } from './http-caller.ts'
import { digestOfTransaction, repeatableBy } from './http-idempotency.ts'
import { type Floors, floorsOf, tokenAfterAll } from './http-session.ts'
import { traceOf } from './http-trace.ts'
import { transactOnce } from './idempotency.ts'
import {
  jsonOutcome,
  readTransaction,
  stateOf,
  TRANSACTION_BODY_BYTES_MAX
} from './transaction-json.ts'

const READ = { txn: reader(API.txn), txnState: reader(API.txnState) } as const

/** Only a node of another kind than ours would say that. */
const STRANGE = 'a partition answered what no transaction gives'

/** What a caller had seen when it asked. */
interface Seen {
  readonly floors: Floors
  readonly cluster: string
}

/** `/v1/txn`. */
export class TransactionRoutes {
  readonly #calls: () => Calls
  readonly #bodies: Bodies

  constructor(calls: () => Calls, bodies: Bodies) {
    this.#calls = calls
    this.#bodies = bodies
  }

  run(request: FastifyRequest, reply: FastifyReply): void {
    const { query, headers, timeoutMs } = READ.txn(request)
    // Its time to run counts from the head of the request on.
    const repeatable = repeatableBy(request, headers, () => this.#calls().time())
    const limits = { bytesMax: TRANSACTION_BODY_BYTES_MAX, timeoutMs }
    this.#bodies.read(request, reply, limits, (body, leftMs) => {
      const transaction = readTransaction(body, query.encoding)
      const calls = this.#calls()
      const seen = beginSession(reply, calls)
      const call = { timeoutMs: leftMs, trace: traceOf(request) }
      const run = (end: (outcome: TransactionOutcome) => void): Cancel => {
        if (repeatable === undefined) return calls.transact(transaction, call, end)
        const digest = digestOfTransaction(transaction)
        return transactOnce(calls, { transaction, repeatable, digest }, call, end)
      }
      runFor(reply, run, (outcome) => answer(reply, outcome, seen))
    })
  }

  state(request: FastifyRequest, reply: FastifyReply): void {
    const { timeoutMs } = READ.txnState(request)
    const of = refOf(restOf(request))
    const calls = this.#calls()
    const seen = beginSession(reply, calls)
    const partitions = calls.view()?.map.settings.partitions
    if (partitions !== undefined && of.anchor > partitions) {
      throw new BadRequest(`no transaction of this cluster has this id: it has no such partition`)
    }
    const call = { timeoutMs, trace: traceOf(request) }
    const begin = (end: Parameters<Calls['call']>[2]) =>
      calls.call({ kind: 'outcome', of }, call, end)
    runFor(reply, begin, (outcome) => {
      if (!outcome.ok) fail(reply, outcome.failure)
      else if (outcome.kind === 'outcome') answerState(reply, outcome, { of, seen })
    })
  }
}

/** Throws BadRequest. */
function beginSession(reply: FastifyReply, calls: Calls): Seen {
  const token = reply.request.headers['keymesh-session']?.toString()
  const cluster = calls.clusterId()
  const floors = floorsOf(token, cluster)
  keepSession(reply)
  return { floors, cluster }
}

function raise(reply: FastifyReply, { floors, cluster }: Seen, groups: readonly SeenGroup[]): void {
  const token = tokenAfterAll(floors, cluster, groups)
  if (token !== undefined) reply.header('keymesh-session', token)
}

function answer(reply: FastifyReply, outcome: TransactionOutcome, seen: Seen): void {
  if (!outcome.ok) {
    const { failure: failed, id } = outcome
    fail(reply, failed, failed.outcome === 'unknown' ? id : undefined)
    return
  }
  const json = jsonOutcome(outcome)
  if (json === undefined) {
    fail(reply, failure('internal', STRANGE, 'unknown'), outcome.id)
    return
  }
  raise(reply, seen, outcome.groups)
  reply.send(json)
}

function refOf(text: string): TransactionRef {
  const ref = transactionOf(text)
  if (ref !== undefined) return ref
  throw new BadRequest('this is no id of a transaction: send it as it was answered, whole')
}

function answerState(
  reply: FastifyReply,
  outcome: SeenGroup & { readonly result: Result },
  { of, seen }: { readonly of: TransactionRef; readonly seen: Seen }
): void {
  const state = stateOf(outcome.result)
  if (state === undefined) {
    fail(reply, failure('internal', STRANGE))
    return
  }
  raise(reply, seen, [outcome])
  reply.send({ id: transactionText(of), state })
}
