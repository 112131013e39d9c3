import type { Failure } from '../wire/failure.ts'
import type { Key, Lock } from './api.ts'
import { errorOf, KeyMeshError } from './errors.ts'
import type { Holding } from './lock-keeper.ts'
import { LOST } from './lock-lease.ts'

/** A handle of a lock. Several may stand for the same one: it is held until all are released. */
export class HeldLock implements Lock {
  readonly key: Key
  readonly token: number
  readonly #holding: Holding
  #isLeft = false
  #released: Promise<void> | undefined

  /** `key` as its caller calls it. */
  constructor(key: Key, holding: Holding) {
    this.key = typeof key === 'string' ? key : key.slice()
    this.token = holding.grant.token
    this.#holding = holding
    holding.enter()
  }

  /** The key with the prefix of its namespace. */
  get whole(): Uint8Array {
    return this.#holding.grant.key
  }

  get signal(): AbortSignal {
    return this.#holding.signal
  }

  /** Another handle of the same lock. Throws lock_lost. */
  again(): HeldLock {
    if (!this.#isLeft && this.#holding.isHeld) return new HeldLock(this.key, this.#holding)
    throw errorOf(LOST)
  }

  release(): Promise<void> {
    this.#released ??= new Promise((resolve, reject) => {
      const done = (failed: Failure | undefined): void => {
        // Without an answer it may be asked for once more.
        if (failed !== undefined && failed.code !== 'lock_lost') this.#released = undefined
        if (failed === undefined) resolve()
        else reject(errorOf(failed))
      }
      if (this.#isLeft) this.#holding.release(done)
      else {
        this.#isLeft = true
        this.#holding.leave(done)
      }
    })
    return this.#released
  }

  /** Never rejects: of a loss the signal tells, and what has no answer ends with its ttl. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().then(undefined, (error: unknown) => {
      if (!(error instanceof KeyMeshError)) throw error
    })
  }
}
