import { type Failure, failure } from '../wire/failure.ts'
import type { Cancel } from '../world/clock.ts'
import { errorOf } from './errors.ts'

type Ended = { readonly ok: true } | { readonly ok: false; readonly failure: Failure }

/** What `start` ends with as a promise; `signal` gives it up. */
export function promised<T extends Ended>(
  signal: AbortSignal | undefined,
  start: (done: (outcome: T) => void) => Cancel
): Promise<Extract<T, { readonly ok: true }>> {
  if (signal?.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    let isOver = false
    let cancel: Cancel = () => {}
    // The end may come before `start` returns.
    cancel = start((outcome) => {
      isOver = true
      signal?.removeEventListener('abort', cancel)
      if (outcome.ok) resolve(outcome as Extract<T, { readonly ok: true }>)
      else reject(signal?.aborted ? abortion(outcome.failure, signal) : errorOf(outcome.failure))
    })
    if (!isOver) signal?.addEventListener('abort', cancel, { once: true })
  })
}

/** What an aborted call rejects with: the reason, unless the call may have changed something. */
export function abortion(failed: Failure, signal: AbortSignal): unknown {
  if (failed.outcome === 'not_applied') return signal.reason
  return errorOf(failed, { cause: signal.reason })
}

export function unexpected(kind: string): Error {
  return errorOf(failure('internal', `an answer of another kind: ${kind}`, 'unknown'))
}
