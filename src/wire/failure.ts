/**
 * What became of a request. `not_applied`: it surely changed nothing and never will. `unknown`: it
 * may have been applied, or may still be.
 */
export type Outcome = 'not_applied' | 'unknown'

interface CodeFacts {
  readonly status: number
  /** Sending it anew may succeed and cannot apply twice. */
  readonly retryable: boolean
  /** What the reader of the error can do about it. */
  readonly advice: string
}

const TOO_LARGE = 'Keys hold 4 KiB, values 1 MiB, transactions 8 MiB and 1,024 operations.'

/** Every code a user can meet, once. HTTP status, retry and docs all come from here. */
export const CODES = {
  invalid_argument: { status: 400, retryable: false, advice: 'Correct the request.' },
  unauthenticated: { status: 401, retryable: false, advice: 'Send the token or cluster key.' },
  forbidden: { status: 403, retryable: false, advice: 'This caller may not do that.' },
  not_found: { status: 404, retryable: false, advice: 'There is no such key.' },
  unknown_route: { status: 404, retryable: false, advice: 'See /openapi.json for the routes.' },
  not_a_number: {
    status: 409,
    retryable: false,
    advice: 'Increment only keys that hold a safe integer as decimal text.'
  },
  contention: {
    status: 409,
    retryable: true,
    advice: 'Try again, with more time or fewer keys; the transaction changed nothing.'
  },
  locked: {
    status: 409,
    retryable: true,
    advice: 'Wait for longer, or try again later.'
  },
  lock_lost: {
    status: 409,
    retryable: false,
    advice: 'Another may hold it by now: stop, and begin anew with a lock of your own.'
  },
  compacted: {
    status: 410,
    retryable: false,
    advice: 'What came since this cursor is no longer known; scan the keys, and watch anew.'
  },
  conflict: { status: 412, retryable: false, advice: 'Read the key again and decide anew.' },
  fenced: {
    status: 412,
    retryable: false,
    advice: 'The lock is not held with this token any more: begin anew with a lock of your own.'
  },
  too_large: { status: 413, retryable: false, advice: TOO_LARGE },
  idempotency_reused: {
    status: 422,
    retryable: false,
    advice: 'This Idempotency-Key stands for another request; draw a new one.'
  },
  overloaded: { status: 429, retryable: true, advice: 'Send less, or again a little later.' },
  internal: { status: 500, retryable: false, advice: 'Please report it with the node log.' },
  unavailable: { status: 503, retryable: true, advice: 'Too few nodes answer; try again later.' },
  timeout: { status: 504, retryable: true, advice: 'Nothing came in time; read again.' },
  unknown_outcome: {
    status: 504,
    retryable: false,
    advice: 'The write may or may not have happened; read to find out.'
  },
  closed: { status: 503, retryable: false, advice: 'This client was closed.' },
  undecodable: { status: 500, retryable: false, advice: 'The codec cannot read the stored bytes.' }
} as const satisfies Record<string, CodeFacts>

export type Code = keyof typeof CODES

/** Refusals between our own parts. A router acts on them; no user ever sees one. All definite. */
export type RoutingCode =
  /** Not the leader of that group; the reply may name it. */
  | 'not_leader'
  /** The router's map is older than the node's: fetch it and route anew. */
  | 'wrong_epoch'
  /** The session is not known and too old to open; a new session must be drawn. */
  | 'session_expired'
  /** seq <= ackedUpTo: the sender already said that it has the answer. */
  | 'stale_request'
  /** Frames of another cluster. */
  | 'wrong_cluster'

/** A request that did not do what it was asked. */
export interface Failure {
  readonly code: Code
  readonly message: string
  readonly outcome: Outcome
  /** With `conflict`: the revision the key has; 0 when it is absent. */
  readonly revision?: number
  /** With `locked`: who holds the lock, and since when, in ms since 1970. */
  readonly holder?: { readonly owner: string; readonly since: number }
  /** With `overloaded`: when to come back. */
  readonly retryAfterMs?: number
  /** It bore an idempotency key: sent again with it, it cannot apply twice, whatever happened. */
  readonly repeatable?: true
}

export function failure(code: Code, message: string, outcome: Outcome = 'not_applied'): Failure {
  return { code, message, outcome }
}

/** See the contract: an unknown outcome is not retryable, unless an idempotency key makes it so. */
export function isRetryable(failed: Failure): boolean {
  if (failed.repeatable) return true
  return failed.outcome === 'not_applied' && CODES[failed.code].retryable
}
