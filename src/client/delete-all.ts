import { CODES, type Failure, failure } from '../wire/failure.ts'
import type { GroupId } from '../wire/ids.ts'
import type { KeySpan } from '../wire/scan.ts'
import type { Cancel } from '../world/clock.ts'
import type { CallOutcome, SeenGroup } from './inputs.ts'
import { type ScanBatch, type ScanShell, ScanStream, type StreamOptions } from './scan-stream.ts'

/** `deleted`: for sure; with a failure there may be more. */
export type AllDeleted = {
  readonly deleted: number
  /** Who shows this to a session sees that they are gone. */
  readonly groups: readonly SeenGroup[]
} & ({ readonly ok: true } | { readonly ok: false; readonly failure: Failure })

/** Deletes without an answer. */
const DELETES_AT_ONCE_MAX = 64
/** An overloaded node is asked again after this, if it does not say when. */
const REST_MS = 100

/**
 * Deletes every key of a span that is there from its call to its end, one by one, whatever is
 * written meanwhile. `timeoutMs` is for all of it. `done` is called once; the result gives it up.
 */
export function deleteAll(
  shell: ScanShell,
  { groups, span }: { readonly groups: readonly GroupId[]; readonly span: KeySpan },
  options: StreamOptions,
  done: (outcome: AllDeleted) => void
): Cancel {
  const deadline = shell.clock.monotonic() + options.timeoutMs
  const order = { reverse: false, keysOnly: true, limit: undefined } as const
  const query = { groups, span, ...order, consistency: 'strong' } as const
  const deletion = new Deletion(shell, { ...options, deadline }, done)
  deletion.run(new ScanStream(shell, query, { ...options, deadline }))
  return () => deletion.fail(failure('timeout', 'its caller stopped waiting'))
}

class Deletion {
  readonly #shell: ScanShell
  readonly #options: StreamOptions & { readonly deadline: number }
  readonly #done: (outcome: AllDeleted) => void
  readonly #seen = new Map<GroupId, number>()
  readonly #open = new Set<Cancel>()
  #keys: Uint8Array[] = []
  #stream: ScanStream | undefined
  #inFlight = 0
  #deleted = 0
  #maybe = false
  #isReading = false
  #isRead = false
  #isOver = false

  constructor(
    shell: ScanShell,
    options: StreamOptions & { readonly deadline: number },
    done: (outcome: AllDeleted) => void
  ) {
    this.#shell = shell
    this.#options = options
    this.#done = done
  }

  run(stream: ScanStream): void {
    this.#stream = stream
    this.#proceed()
  }

  /** What is on its way is given up, and may have happened. */
  fail(failed: Failure): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stream?.stop()
    for (const cancel of [...this.#open]) cancel()
    const isSure = this.#deleted === 0 && !this.#maybe && failed.outcome === 'not_applied'
    this.#end(isSure ? unread(failed) : this.#partly(failed))
  }

  #partly({ message }: Failure): Failure {
    const what = `${this.#deleted} keys are deleted for sure, others may be or not: ${message}`
    return failure('unknown_outcome', `${what} ${AGAIN}`, 'unknown')
  }

  #end(failed: Failure | undefined): void {
    const groups = [...this.#seen].map(([group, applied]) => ({ group, applied }))
    const deleted = this.#deleted
    if (failed === undefined) this.#done({ ok: true, deleted, groups })
    else this.#done({ ok: false, failure: failed, deleted, groups })
  }

  #proceed(): void {
    while (!this.#isOver && this.#inFlight < DELETES_AT_ONCE_MAX && this.#keys.length > 0) {
      this.#delete(this.#keys.pop() as Uint8Array)
    }
    if (this.#isOver || this.#isReading || this.#keys.length > 0) return
    if (!this.#isRead) this.#readMore()
    else if (this.#inFlight === 0) {
      this.#isOver = true
      this.#end(undefined)
    }
  }

  #readMore(): void {
    this.#isReading = true
    this.#stream?.next((batch: ScanBatch) => {
      this.#isReading = false
      if (this.#isOver) return
      if (!batch.ok) {
        this.fail(batch.failure)
        return
      }
      this.#isRead = batch.entries.length === 0
      // The last is taken first.
      this.#keys = batch.entries.map(({ key }) => key.slice()).reverse()
      this.#proceed()
    })
  }

  #delete(key: Uint8Array): void {
    const timeoutMs = this.#options.deadline - this.#shell.clock.monotonic()
    if (timeoutMs <= 0) {
      this.fail(failure('timeout', 'the time was over.'))
      return
    }
    const mutation = { kind: 'mutate', operation: { type: 'delete', key } } as const
    this.#inFlight++
    let isAnswered = false
    let cancel: Cancel = () => {}
    cancel = this.#shell.call(mutation, { ...this.#options, timeoutMs }, (outcome) => {
      isAnswered = true
      this.#inFlight--
      this.#open.delete(cancel)
      this.#answered(key, outcome)
    })
    if (!isAnswered) this.#open.add(cancel)
  }

  #answered(key: Uint8Array, outcome: CallOutcome): void {
    if (!outcome.ok) {
      this.#maybe ||= outcome.failure.outcome === 'unknown'
      const { retryAfterMs = REST_MS, code } = outcome.failure
      const isBusy = code === 'overloaded' && !this.#isOver
      if (isBusy && this.#shell.clock.monotonic() + retryAfterMs < this.#options.deadline) {
        this.#later(key, retryAfterMs)
      } else this.fail(outcome.failure)
      return
    }
    if (outcome.kind === 'mutate') {
      const { group, applied, result } = outcome
      this.#seen.set(group, Math.max(applied, this.#seen.get(group) ?? 0))
      if (result.type === 'deleted') this.#deleted++
    }
    this.#proceed()
  }

  #later(key: Uint8Array, waitMs: number): void {
    this.#inFlight++
    const cancel = this.#shell.timers.after(waitMs, () => {
      this.#open.delete(cancel)
      this.#inFlight--
      if (!this.#isOver) this.#delete(key)
    })
    this.#open.add(cancel)
  }
}

const AGAIN = 'Send it again to delete the rest.'

/** Of what changed nothing, whichever of its reads failed. */
function unread(failed: Failure): Failure {
  if (failed.code !== 'timeout') return failed
  return failure('unavailable', `nothing is deleted: ${failed.message} ${CODES.unavailable.advice}`)
}
