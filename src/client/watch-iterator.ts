import type { Failure } from '../wire/failure.ts'
import { errorOf } from './errors.ts'
import { Watcher, type WatchItem, type WatchRequest, type WatchShell } from './watcher.ts'

interface Reader<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void
  readonly reject: (reason: unknown) => void
}

export interface WatchReading<T> {
  /** What is told of an item; what it throws ends the watch. */
  readonly tell: (item: WatchItem) => T
  readonly signal: AbortSignal | undefined
  /** It is over, by whatever. */
  readonly onEnd: () => void
}

const DONE = { done: true, value: undefined } as const

/** A watch as a program reads it: it begins with the first `next`. */
export class WatchIterator<T> implements AsyncIterableIterator<T, undefined, undefined> {
  readonly #watcher: Watcher
  readonly #reading: WatchReading<T>
  readonly #readers: Reader<T>[] = []
  #state: 'new' | 'open' | 'over' = 'new'
  /** Why it ended; who reads next is told once. */
  #untold: { readonly reason: unknown } | undefined
  readonly #onAbort = (): void => this.#break(this.#reading.signal?.reason)

  constructor(shell: WatchShell, request: WatchRequest, reading: WatchReading<T>) {
    this.#reading = reading
    this.#watcher = new Watcher(shell, request, () => this.#serve())
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const { signal } = this.#reading
    if (this.#state !== 'over' && signal?.aborted) this.#break(signal.reason)
    if (this.#state === 'over') {
      const untold = this.#untold
      this.#untold = undefined
      return untold === undefined ? Promise.resolve(DONE) : Promise.reject(untold.reason)
    }
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject })
      if (this.#state === 'new') {
        this.#state = 'open'
        signal?.addEventListener('abort', this.#onAbort, { once: true })
        this.#watcher.start()
      }
      this.#serve()
    })
  }

  /** Lets go of all that the watch held. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#end((reader) => reader.resolve(DONE))
    return Promise.resolve(DONE)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.return().then(() => {})
  }

  /** Ends it: whoever reads is told `failed`. */
  fail(failed: Failure): void {
    this.#break(errorOf(failed))
  }

  #break(reason: unknown): void {
    if (this.#state !== 'over' && this.#readers.length === 0) this.#untold = { reason }
    this.#end((reader) => reader.reject(reason))
  }

  #serve(): void {
    while (this.#state === 'open') {
      const [reader] = this.#readers
      if (reader === undefined) return
      const item = this.#watcher.take()
      if (item === undefined) {
        const { failure } = this.#watcher
        if (failure !== undefined) this.fail(failure)
        return
      }
      this.#readers.shift()
      try {
        reader.resolve({ done: false, value: this.#reading.tell(item) })
      } catch (error) {
        reader.reject(error)
        this.#end((other) => other.resolve(DONE))
      }
    }
  }

  #end(tell: (reader: Reader<T>) => void): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#watcher.close()
    this.#reading.signal?.removeEventListener('abort', this.#onAbort)
    this.#reading.onEnd()
    for (const reader of this.#readers.splice(0)) tell(reader)
  }
}
