import type { HttpAnswer } from '../../cluster/http-connection.ts'

/** What a node says of a request it did not do. */
export interface HttpError {
  /** See docs/errors.md. */
  readonly code: string
  readonly outcome: string
  /** Of the transaction that may have been committed. */
  readonly id?: string
}

/** Throws if the answer is none of ours. */
export function errorOf({ status, body }: HttpAnswer): HttpError {
  const { error } = JSON.parse(body) as { error?: HttpError }
  if (error === undefined) throw new Error(`${status} without a code: ${body}`)
  return error
}
