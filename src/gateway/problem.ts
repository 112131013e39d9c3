import { CODES, type Failure, isRetryable } from '../wire/failure.ts'
import type { TransactionRef } from '../wire/transaction.ts'
import { transactionText } from '../wire/transaction-text.ts'

/** An HTTP answer to a request that did not do what it was asked. */
export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: {
    readonly error: {
      readonly code: string
      readonly message: string
      readonly outcome: string
      readonly retryable: boolean
      readonly id?: string
      readonly owner?: string
      readonly since?: number
    }
  }
}

const RETRY_AFTER_MS_DEFAULT = 1_000

/** `about`: the transaction that failed; who does not know its outcome can ask for it. */
export function problemOf(failed: Failure, about?: TransactionRef): Problem {
  const { code, message, outcome, revision } = failed
  const headers: Record<string, string> = {}
  if (code === 'overloaded') {
    // The header counts whole seconds, and 0 would make callers come back at once.
    const seconds = Math.ceil((failed.retryAfterMs ?? RETRY_AFTER_MS_DEFAULT) / 1_000)
    headers['retry-after'] = String(Math.max(1, seconds))
  }
  if (code === 'unauthenticated') headers['www-authenticate'] = 'Bearer'
  if (revision !== undefined && revision > 0) Object.assign(headers, revisionHeaders(revision))
  const id = about === undefined ? {} : { id: transactionText(about) }
  const error = { code, message, outcome, retryable: isRetryable(failed), ...failed.holder, ...id }
  return { status: CODES[code].status, headers, body: { error } }
}

/** How every answer about a key names the revision it is about. */
export function revisionHeaders(revision: number): Record<string, string> {
  return { etag: `"${revision}"`, 'keymesh-revision': String(revision) }
}

/** What a write says whose condition did not hold. */
export function conflict(revision: number): Failure {
  const now = revision === 0 ? 'there is no such key' : `the key is at revision ${revision}`
  const message = `the condition does not hold: ${now}`
  return { code: 'conflict', message, outcome: 'not_applied', revision }
}
