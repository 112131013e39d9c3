import { errorOf, UnknownOutcomeError } from '../client/errors.ts'
import type { TransactionOutcome, TransactionRequest } from '../client/transactor-types.ts'
import { BadRequest } from '../gateway/bad-request.ts'
import {
  checkTransaction,
  readTransaction,
  stateOf,
  TRANSACTION_BODY_BYTES_MAX
} from '../gateway/transaction-json.ts'
import { InvalidOptions } from '../node/options.ts'
import { utf8Text } from '../wire/bytes.ts'
import { type Failure, failure } from '../wire/failure.ts'
import type { TransactionRef } from '../wire/transaction.ts'
import { transactionOf, transactionText } from '../wire/transaction-text.ts'
import type { Cancel } from '../world/clock.ts'
import type { Answer } from './answer.ts'
import type { ClientCall } from './call.ts'
import { withDriver } from './client.ts'
import { bytesOfFile, bytesOfStdin } from './stdin.ts'
import { readLines } from './transaction-lines.ts'
import { became, done } from './transaction-report.ts'

const STDIN = '-'
const BOUND = { bytesMax: TRANSACTION_BODY_BYTES_MAX, what: 'a transaction' } as const
const OBJECT = '{'

/** The transaction may have happened: `id` is what to ask for. */
export class UnknownTransaction extends UnknownOutcomeError {
  readonly id: string

  constructor(failed: Failure, id: TransactionRef, options?: ErrorOptions) {
    const text = transactionText(id)
    const message = `${failed.message.replace(/\.$/, '')}; ask for it by: keymesh txn --id ${text}`
    super({ ...failed, message }, options)
    this.id = text
  }
}

/** `keymesh txn [FILE]`, or `keymesh txn --id ID`. */
export async function txn(call: ClientCall): Promise<Answer> {
  const { words, given, signal } = call
  const [file] = words
  const id = given.get('id') as string | undefined
  if (id !== undefined) {
    if (file !== undefined) throw new InvalidOptions('--id asks for another transaction: no FILE')
    return await ask(call, id)
  }
  const isStdin = file === undefined || file === STDIN
  const bytes = isStdin ? await bytesOfStdin(signal, BOUND) : bytesOfFile(file, BOUND)
  const request = requestOf(bytes, given.get('base64url') === true)
  return done(request, await run(call, request))
}

/** Lines, or the JSON of the HTTP API. Throws InvalidOptions or KeyMeshError. */
export function requestOf(bytes: Uint8Array, isBase64url: boolean): TransactionRequest {
  const text = utf8Text(bytes)?.replace(/^\ufeff/, '')
  if (text === undefined) throw new InvalidOptions('a transaction is text in UTF-8')
  try {
    if (text.trimStart().startsWith(OBJECT)) {
      return readTransaction(bytes, isBase64url ? 'base64url' : undefined)
    }
    const request = readLines(text, isBase64url)
    checkTransaction(request)
    return request
  } catch (error) {
    if (error instanceof BadRequest) throw errorOf(failure(error.code, error.message))
    throw error
  }
}

async function run(
  { connection, signal }: ClientCall,
  request: TransactionRequest
): Promise<TransactionOutcome & { ok: true }> {
  const { runTransaction } = await import('../client/transactor.ts')
  const { timeoutMs } = connection
  return await withDriver(connection, signal, async (driver) => {
    const outcome = await ended<TransactionOutcome>(signal, (end) =>
      runTransaction(driver, request, { timeoutMs }, end)
    )
    if (outcome.ok) return outcome
    throw failed(outcome.failure, outcome.id, signal)
  })
}

async function ask({ connection, signal }: ClientCall, text: string): Promise<Answer> {
  const of = transactionOf(text)
  if (of === undefined) throw new InvalidOptions(`--id: ${JSON.stringify(text)} is no transaction`)
  const { timeoutMs } = connection
  const outcome = await withDriver(connection, signal, (driver) =>
    ended<Parameters<Parameters<typeof driver.call>[2]>[0]>(signal, (end) =>
      driver.call({ kind: 'outcome', of }, { timeoutMs }, end)
    )
  )
  if (!outcome.ok) throw failed(outcome.failure, undefined, signal)
  const state = outcome.kind === 'outcome' ? stateOf(outcome.result) : undefined
  if (state === undefined) throw errorOf(failure('internal', 'an answer of another kind'))
  return became(text, state)
}

/** The end of what `begin` begins; an abort of `signal` gives it up. */
function ended<O>(signal: AbortSignal, begin: (end: (outcome: O) => void) => Cancel): Promise<O> {
  signal.throwIfAborted()
  return new Promise((resolve) => {
    let cancel: Cancel | undefined
    const giveUp = (): void => cancel?.()
    signal.addEventListener('abort', giveUp, { once: true })
    cancel = begin((outcome) => {
      signal.removeEventListener('abort', giveUp)
      resolve(outcome)
    })
  })
}

function failed(what: Failure, id: TransactionRef | undefined, signal: AbortSignal): unknown {
  const cause = signal.aborted ? { cause: signal.reason } : {}
  if (what.outcome === 'unknown') {
    return id === undefined ? errorOf(what, cause) : new UnknownTransaction(what, id, cause)
  }
  return signal.aborted ? signal.reason : errorOf(what)
}
