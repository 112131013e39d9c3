import { canonicalInteger } from '../state/keys.ts'
import { utf8 } from '../wire/bytes.ts'
import { CODES, failure } from '../wire/failure.ts'
import type { ReadRecord } from '../wire/read-body.ts'
import { errorOf } from './errors.ts'
import { nameOfKey } from './steps.ts'
import type { Step } from './transactor-types.ts'

type Pending = Exclude<Step, { type: 'get' }>

/** A key as its transaction would leave it, given what is stored. */
export interface Overlay {
  /** What is stored does not matter. */
  readonly isWhole: boolean
  /** Throws not_a_number. */
  over(stored: ReadRecord | undefined): ReadRecord | undefined
}

/** What a transaction wrote so far: one write for each key, with the effect of all of them. */
export class PendingWrites {
  readonly #byName = new Map<string, Pending>()

  put(key: Uint8Array, value: Uint8Array, ttlMs: number | undefined): void {
    this.#set({ type: 'put', key, value, ...(ttlMs === undefined ? {} : { ttlMs }) })
  }

  delete(key: Uint8Array): void {
    this.#set({ type: 'delete', key })
  }

  /** Throws not_a_number. */
  increment(key: Uint8Array, by: number): void {
    const before = this.#byName.get(nameOfKey(key))
    switch (before?.type) {
      case 'put':
        this.#set({ ...before, value: sum(before.value, by) })
        return
      case 'delete':
        this.#set({ type: 'put', key, value: sum(undefined, by) })
        return
      case 'increment':
        this.#set({ type: 'increment', key, by: safe(before.by + by) })
        return
      default:
        this.#set({ type: 'increment', key, by })
    }
  }

  /** As it is now: later writes do not change it. Undefined: the key is not written. */
  of(key: Uint8Array): Overlay | undefined {
    const pending = this.#byName.get(nameOfKey(key))
    if (pending === undefined) return undefined
    switch (pending.type) {
      case 'put': {
        const { value, ttlMs } = pending
        const expiry = ttlMs === undefined ? {} : { expiresInMs: ttlMs }
        return { isWhole: true, over: () => ({ value, revision: 0, ...expiry }) }
      }
      case 'delete':
        return { isWhole: true, over: () => undefined }
      default:
        return {
          isWhole: false,
          over: (stored) => ({ ...stored, value: sum(stored?.value, pending.by), revision: 0 })
        }
    }
  }

  all(): readonly Pending[] {
    return [...this.#byName.values()]
  }

  #set(pending: Pending): void {
    this.#byName.set(nameOfKey(pending.key), pending)
  }
}

function sum(value: Uint8Array | undefined, by: number): Uint8Array {
  const before = value === undefined ? 0 : canonicalInteger(value)
  if (before === undefined) throw errorOf(failure('not_a_number', CODES.not_a_number.advice))
  return utf8(String(safe(before + by)))
}

function safe(value: number): number {
  if (Number.isSafeInteger(value)) return value
  throw errorOf(failure('not_a_number', CODES.not_a_number.advice))
}
