import { type Failure, failure } from '../wire/failure.ts'
import type { AbortReason } from '../wire/result.ts'
import type { LockCheck } from '../wire/transaction.ts'
import type { Tx } from './api.ts'
import { Attempt, TxView } from './attempt.ts'
import { Course, type OnTurn, type Shell } from './course.ts'
import { errorOf } from './errors.ts'
import type { Use, Uses } from './gates.ts'
import type { CallOutcome } from './inputs.ts'
import type { PendingWrites } from './pending-writes.ts'
import { abortion, unexpected } from './promised.ts'
import { readAll } from './read-all.ts'
import type { Scope } from './scope.ts'
import { foundBy, harmless, hasSameRevisions, isSame } from './snapshot.ts'
import { excessOf, type Found, nameOfKey, unmoved, usesOf } from './steps.ts'
import { hopelessBy } from './transactor.ts'

export interface CallbackOptions {
  readonly signal: AbortSignal | undefined
  /** For all attempts together. */
  readonly timeoutMs: number
}

/** Runs `run` until what it read stood still and what it wrote is committed. */
export async function runCallback<V, R>(
  shell: Shell,
  scope: Scope<V>,
  run: (tx: Tx<V>) => Promise<R>,
  options: CallbackOptions
): Promise<R> {
  options.signal?.throwIfAborted()
  const callback = new Callback(shell, options)
  try {
    return await callback.run((attempt) => run(new TxView(attempt, scope)))
  } finally {
    callback.end()
  }
}

/** How an attempt to commit ended, if it did not fail. */
type Tried =
  | { readonly committed: true }
  /** `behind`: it was not sent, as others are about to move what it read. */
  | { readonly committed: false; readonly why: AbortReason | 'behind' }

/** What one run of the callback left to commit. */
interface Run {
  readonly pending: PendingWrites
  readonly found: Found
  readonly required: readonly LockCheck[]
}

class Callback {
  readonly #shell: Shell
  readonly #options: CallbackOptions
  readonly #course: Course
  readonly #controller = new AbortController()
  /** Rejects when the signal is aborted, or a callback is still at it when time is over. */
  readonly #stopped: Promise<never>
  #stop: (reason: unknown) => void = () => {}
  readonly #onAbort = (): void => this.#stop(this.#options.signal?.reason)

  constructor(shell: Shell, options: CallbackOptions) {
    this.#shell = shell
    this.#options = options
    this.#course = new Course(shell, { timeoutMs: options.timeoutMs })
    this.#stopped = new Promise((_, reject) => {
      this.#stop = (reason) => {
        // First, so that the callback's own error about it comes second.
        reject(reason)
        this.#controller.abort(reason)
        this.#course.cancel()
      }
    })
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  end(): void {
    this.#course.end()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
  }

  async run<R>(callback: (attempt: Attempt) => Promise<R>): Promise<R> {
    for (let number = 1; ; number++) {
      const attempt = new Attempt(this.#course, this.#controller.signal, number)
      const result = await this.#call(attempt, callback)
      const pending = attempt.end()
      const { found, required } = attempt
      const tried = await this.#commit({ pending, found, required }, number)
      if (tried.committed) return result
      await this.#again(tried.why, usesOf(keysOf(found), keysOf(pending.all())))
    }
  }

  async #call<R>(attempt: Attempt, callback: (attempt: Attempt) => Promise<R>): Promise<R> {
    const { timeoutMs } = this.#options
    const stopTimer = this.#shell.timers.after(Math.max(0, this.#course.leftMs), () => {
      const message = `the callback of the transaction was not done within ${timeoutMs} ms`
      const code = attempt.number === 1 ? 'timeout' : 'contention'
      this.#stop(errorOf(failure(code, message)))
    })
    try {
      return await Promise.race([this.#stopped, callback(attempt)])
    } finally {
      stopTimer()
      attempt.end()
    }
  }

  #commit(run: Run, number: number): Promise<Tried> {
    const { pending, found, required } = run
    if (pending.all().length > 0) {
      const isBehind = number === 1 && !this.#enterAtOnce(usesOfFirst(found, pending))
      if (isBehind) return Promise.resolve({ committed: false, why: 'behind' })
      return this.#transact(run)
    }
    // Only the group of a lock knows who holds it.
    if (required.length > 0) return this.#transact(run)
    // One key alone was read at one moment.
    if (found.size <= 1) return Promise.resolve({ committed: true })
    return this.#compare(run)
  }

  /** Whether nobody is about to use these keys; then others wait for this commit. */
  #enterAtOnce(uses: Uses): boolean {
    if (this.#course.isBehind(() => uses)) return false
    this.#course.enter(uses, () => {})
    return true
  }

  /**
   * Reads all of it once more. To hold the keys instead asks for more: where others always write
   * them, there is now and then a moment in which none moves, but hardly one in which all are free.
   */
  async #compare(run: Run): Promise<Tried> {
    const { found } = run
    const now = await this.#readAgain(found)
    if (isSame(found, now)) return { committed: true }
    // Only the groups know what became of keys in between that are absent both times.
    if (hasSameRevisions(found, now)) return await this.#transact(run)
    return { committed: false, why: 'moved' }
  }

  #readAgain(found: Found): Promise<Found> {
    return new Promise((resolve, reject) => {
      readAll(this.#course, { keys: keysOf(found), consistency: 'strong' }, (all) => {
        if (all.ok) resolve(foundBy(all.seen))
        else reject(this.#errorOf(all.failure))
      })
    })
  }

  #transact({ pending, found, required }: Run): Promise<Tried> {
    const writes = pending.all()
    const checks = [...required, ...unmoved(keysOf(found), found)]
    const excess = excessOf({ if: checks, steps: writes, otherwise: [] })
    if (excess !== undefined) return Promise.reject(errorOf(excess))
    return new Promise((resolve, reject) => {
      this.#course.transact({ checks, writes }, (outcome: CallOutcome) => {
        if (!outcome.ok) {
          const { failure: failed } = outcome
          reject(this.#errorOf(writes.length === 0 ? harmless(failed) : failed))
        } else if (outcome.kind !== 'transact') reject(unexpected(outcome.kind))
        else if (outcome.decision.type === 'committed') resolve({ committed: true })
        else resolve({ committed: false, why: outcome.decision.why })
      })
    })
  }

  /** Resolves when it is time for another attempt. */
  #again(why: AbortReason | 'behind', uses: Uses): Promise<void> {
    const hopeless = why === 'behind' ? undefined : hopelessBy(why)
    if (hopeless !== undefined) return Promise.reject(errorOf(hopeless))
    return new Promise((resolve, reject) => {
      const onTurn: OnTurn = (late) => {
        if (late === undefined) resolve()
        else reject(this.#errorOf(late))
      }
      if (why === 'behind') this.#course.enter(uses, onTurn)
      else this.#course.again(why, uses, onTurn)
    })
  }

  #errorOf(failed: Failure): unknown {
    const { signal } = this.#controller
    return signal.aborted ? abortion(failed, signal) : errorOf(failed)
  }
}

function keysOf(all: { values(): Iterable<{ readonly key: Uint8Array }> }): readonly Uint8Array[] {
  return Array.from(all.values(), ({ key }) => key)
}

/** Of two that change what they read only one can be right; else they may be in no one's way. */
function usesOfFirst(found: Found, pending: PendingWrites): Uses {
  const uses = new Map<string, Use>()
  for (const name of found.keys()) uses.set(name, 'shared')
  for (const { key } of pending.all()) {
    const name = nameOfKey(key)
    uses.set(name, uses.has(name) ? 'sole' : 'shared')
  }
  return uses
}
