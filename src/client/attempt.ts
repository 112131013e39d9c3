import { type Failure, failure } from '../wire/failure.ts'
import type { ReadRecord } from '../wire/read-body.ts'
import type { LockCheck } from '../wire/transaction.ts'
import type { Codec, Entry, Fence, Key, Tx } from './api.ts'
import { checkFence, checkNames, checkStep, checkTtl, checkValue } from './arguments.ts'
import type { Course } from './course.ts'
import { errorOf } from './errors.ts'
import { lockCheck } from './lock-check.ts'
import { PendingWrites } from './pending-writes.ts'
import { readAll, type Seen } from './read-all.ts'
import type { Scope } from './scope.ts'
import { distinct, type Found, nameOfKey } from './steps.ts'

/** What one run of a callback read and wrote. */
export class Attempt {
  readonly number: number
  readonly signal: AbortSignal
  readonly #course: Course
  readonly #reads = new Map<string, Promise<Seen>>()
  readonly #found = new Map<string, Seen>()
  readonly #writes = new PendingWrites()
  readonly #required = new Map<string, LockCheck>()
  #isOver = false

  constructor(course: Course, signal: AbortSignal, number: number) {
    this.#course = course
    this.signal = signal
    this.number = number
  }

  /** Reads that were answered before the end. */
  get found(): Found {
    return this.#found
  }

  /** Locks that must be held at the commit. */
  get required(): readonly LockCheck[] {
    return [...this.#required.values()]
  }

  /** Throws `closed` once the callback has ended. */
  require(check: LockCheck): void {
    this.#assertOpen()
    this.#required.set(`${check.token} ${nameOfKey(check.key)}`, check)
  }

  /** Throws `closed` once the callback has ended. */
  get writes(): PendingWrites {
    this.#assertOpen()
    return this.#writes
  }

  /** Nobody reads or writes through it any more. Gives what was written. */
  end(): PendingWrites {
    this.#isOver = true
    return this.#writes
  }

  /**
   * Each as it is read with what was written so far. A key is read once: the second time it shows
   * the same, as it did stand still if the transaction commits.
   */
  async read(keys: readonly Uint8Array[]): Promise<readonly (ReadRecord | undefined)[]> {
    this.#assertOpen()
    const overlays = keys.map((key) => this.#writes.of(key))
    const stored = keys.filter((_, i) => overlays[i]?.isWhole !== true)
    this.#ask(distinct(stored).filter((key) => !this.#reads.has(nameOfKey(key))))
    const reads = keys.map((key, i) => {
      return overlays[i]?.isWhole === true ? undefined : this.#reads.get(nameOfKey(key))
    })
    const seen = await Promise.all(reads)
    return seen.map((one, i) => {
      const overlay = overlays[i]
      return overlay === undefined ? one?.record : overlay.over(one?.record)
    })
  }

  #ask(keys: readonly Uint8Array[]): void {
    if (keys.length === 0) return
    const all = new Promise<readonly Seen[]>((resolve, reject) => {
      readAll(this.#course, { keys, consistency: 'strong' }, (read) => {
        if (read.ok) resolve(this.#keep(read.seen))
        else reject(this.#errorOf(read.failure))
      })
    })
    for (const [i, key] of keys.entries()) {
      const one = all.then((seen) => seen[i] as Seen)
      this.#reads.set(nameOfKey(key), one)
    }
  }

  #keep(seen: readonly Seen[]): readonly Seen[] {
    if (!this.#isOver) for (const one of seen) this.#found.set(nameOfKey(one.key), one)
    return seen
  }

  #errorOf(failed: Failure): unknown {
    return this.signal.aborted ? this.signal.reason : errorOf(failed)
  }

  #assertOpen(): void {
    if (!this.#isOver) return
    const message = 'this transaction is over: tx is for use inside the callback only'
    throw errorOf(failure('closed', message))
  }
}

/** What a callback sees of its attempt, through one codec and prefix. */
export class TxView<V> implements Tx<V> {
  readonly #attempt: Attempt
  readonly #scope: Scope<V>

  constructor(attempt: Attempt, scope: Scope<V>) {
    this.#attempt = attempt
    this.#scope = scope
  }

  get signal(): AbortSignal {
    return this.#attempt.signal
  }

  get attempt(): number {
    return this.#attempt.number
  }

  async get<T extends V = V>(key: Key): Promise<T | undefined> {
    return (await this.getEntry<T>(key))?.value
  }

  async getEntry<T extends V = V>(key: Key): Promise<Entry<T> | undefined> {
    const named = this.#scope.named(key)
    const [record] = await this.#attempt.read([this.#scope.whole(key)])
    return named.entry<T>(record)
  }

  async getMany<T extends V = V>(keys: readonly Key[]): Promise<(T | undefined)[]> {
    const named = keys.map((key) => this.#scope.named(key))
    const records = await this.#attempt.read(keys.map((key) => this.#scope.whole(key)))
    return records.map((record, i) => named[i]?.entry<T>(record)?.value)
  }

  put<T extends V>(key: Key, value: T, options?: { ttl?: number }): void {
    if (options !== undefined) checkNames(options, ['ttl'])
    const ttlMs = options?.ttl === undefined ? undefined : checkTtl(options.ttl)
    const bytes = checkValue(this.#scope.codec, value)
    this.#attempt.writes.put(this.#scope.whole(key), bytes, ttlMs)
  }

  delete(key: Key): void {
    this.#attempt.writes.delete(this.#scope.whole(key))
  }

  increment(key: Key, by = 1): void {
    this.#attempt.writes.increment(this.#scope.whole(key), checkStep(by))
  }

  require(lock: Fence): void {
    this.#attempt.require(lockCheck(this.#scope, checkFence(lock)))
  }

  namespace<W = V>(prefix: Key, options?: { codec?: Codec<W> }): Tx<W> {
    return new TxView(this.#attempt, this.#scope.within(prefix, options))
  }
}
