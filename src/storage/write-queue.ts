import type { DiskFault } from '../world/disk.ts'
import type { StateStore, StateWrite } from '../world/state-store.ts'

type Done = (fault: DiskFault | undefined) => void

/**
 * Puts the writers of a store in a row: it takes one batch at a time. A fault is final: everything
 * that waits or comes later is answered with it and not written.
 */
export class WriteQueue {
  readonly #store: StateStore
  readonly #onWritten: (batch: readonly StateWrite[]) => void
  readonly #waiting: (readonly [readonly StateWrite[], Done])[] = []
  #busy = false
  #fault: DiskFault | undefined
  #idle: (() => void) | undefined

  /** `onWritten` hears of each batch that is durable. */
  constructor(store: StateStore, onWritten: (batch: readonly StateWrite[]) => void) {
    this.#store = store
    this.#onWritten = onWritten
  }

  write(batch: readonly StateWrite[], done: Done): void {
    if (this.#fault !== undefined) {
      done(this.#fault)
      return
    }
    this.#waiting.push([batch, done])
    this.#next()
  }

  /** Calls `idle` once nothing is being written any more. */
  drain(idle: () => void): void {
    if (!this.#busy) idle()
    else this.#idle = idle
  }

  #next(): void {
    if (this.#busy) return
    const first = this.#waiting.shift()
    if (first === undefined) {
      const idle = this.#idle
      this.#idle = undefined
      idle?.()
      return
    }
    const [batch, done] = first
    this.#busy = true
    this.#store.write(batch, (fault) => {
      this.#busy = false
      if (fault !== undefined) this.#fault = fault
      else this.#onWritten(batch)
      // Before `done`, in which the node may end: nothing is begun after that.
      const isMore = fault === undefined && this.#waiting.length > 0
      if (isMore) this.#next()
      done(fault)
      if (fault !== undefined) this.#failRest(fault)
      else if (!isMore) this.#next()
    })
  }

  #failRest(fault: DiskFault): void {
    for (const [, done] of this.#waiting.splice(0)) done(fault)
    this.#next()
  }
}
