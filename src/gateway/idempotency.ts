import type { CallOutcome } from '../client/inputs.ts'
import type { TransactionOutcome, TransactionRequest } from '../client/transactor-types.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import { type Failure, failure } from '../wire/failure.ts'
import { ONCE_LIFE_MS } from '../wire/limits.ts'
import type { Once } from '../wire/once.ts'
import type { Cancel, Clock } from '../world/clock.ts'
import type { Calls, TransactionCall } from './calls.ts'

/** What a request says of itself that may be repeated; made when its head came. */
export interface Repeatable {
  readonly key: Uint8Array
  readonly notAfter: number
}

/** A change that bears an idempotency key. */
export interface OnceRequest {
  readonly repeatable: Repeatable
  /** SHA-256 of the operation, encoded. */
  readonly digest: Uint8Array
  readonly operation: DataOperation
  readonly timeoutMs: number
  /** See DriverCall. */
  readonly trace?: string
}

/** A transaction that bears an idempotency key. */
export interface OnceTransaction {
  readonly transaction: TransactionRequest
  readonly repeatable: Repeatable
  /** SHA-256 of all that makes it what it is. */
  readonly digest: Uint8Array
}

/**
 * Has the change run once for its idempotency key, whoever asks for it how often (decision 0062):
 * takes the key in the partition of the key, then changes. `done` is called once. A failure says
 * what became of this request; what an earlier one with the same key did is told by its repeat.
 */
export function runOnce(
  calls: Pick<Calls, 'call'>,
  clock: Clock,
  { repeatable, digest, operation, trace = '', ...request }: OnceRequest,
  done: (outcome: CallOutcome) => void
): Cancel {
  const once: Once = { ...repeatable, digest }
  // It will not run later than that, and an answer that comes later may be that of another run:
  // of a request with the same key and operation, made when this one's first was forgotten.
  const timeoutMs = Math.min(request.timeoutMs, ONCE_LIFE_MS)
  const began = clock.monotonic()
  let changing: Cancel | undefined
  const change = (): void => {
    const leftMs = Math.max(1, timeoutMs - Math.floor(clock.monotonic() - began))
    const asked = { kind: 'mutate', operation: { type: 'once', once, operation } } as const
    changing = calls.call(asked, { timeoutMs: leftMs, trace }, (outcome) => done(ofChange(outcome)))
  }
  const claim = { kind: 'mutate', operation: { type: 'claim', once } } as const
  const claiming = calls.call(claim, { timeoutMs, trace }, (outcome) => {
    if (isClaimed(outcome)) change()
    else done(ofClaim(outcome))
  })
  return () => (changing ?? claiming)()
}

/**
 * The same for a transaction, whose attempts ask the partition of the key themselves (decision
 * 0092).
 */
export function transactOnce(
  calls: Pick<Calls, 'transact'>,
  { transaction, repeatable, digest }: OnceTransaction,
  call: TransactionCall,
  done: (outcome: TransactionOutcome) => void
): Cancel {
  const request = { ...transaction, once: { ...repeatable, digest } }
  const timeoutMs = Math.min(call.timeoutMs, ONCE_LIFE_MS)
  return calls.transact(request, { ...call, timeoutMs }, (outcome) => {
    done(outcome.ok ? outcome : { ...outcome, failure: askable(outcome.failure) })
  })
}

function isClaimed(outcome: CallOutcome): boolean {
  return outcome.ok && outcome.kind === 'mutate' && outcome.result.type === 'done'
}

/**
 * A claim changes nothing that anybody can see, whether it was made or not. What the failure says
 * of the claim, as that a write may have happened, is not true of the change.
 */
function ofClaim(outcome: CallOutcome): CallOutcome {
  if (outcome.ok || outcome.failure.outcome === 'not_applied') return outcome
  const message =
    'no sure answer came from the partition of the Idempotency-Key, so the change was not tried'
  return { ok: false, failure: failure('unavailable', message) }
}

function ofChange(outcome: CallOutcome): CallOutcome {
  return outcome.ok ? outcome : { ok: false, failure: askable(outcome.failure) }
}

/** A change nobody knows the fate of can be asked for again: it does not happen twice. */
function askable(failed: Failure): Failure {
  if (failed.outcome === 'not_applied') return failed
  const message = 'no answer came. Send it again with the same Idempotency-Key to find out.'
  return { ...failed, message, repeatable: true }
}
