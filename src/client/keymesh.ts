import { equalBytes } from '../wire/bytes.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import { CODES, failure } from '../wire/failure.ts'
import type { ReadRecord } from '../wire/read-body.ts'
import type { KeyResult } from '../wire/result.ts'
import type {
  CallOptions,
  Change,
  Check,
  Codec,
  Consistency,
  Counted,
  Deleted,
  DeleteOptions,
  Entry,
  Key,
  KeyEntry,
  KeyMesh,
  Lock,
  LockOptions,
  Op,
  PutOptions,
  ReadOptions,
  ResultOf,
  ScanOptions,
  Tx,
  TxnOp,
  TxnResult,
  WatchOptions,
  Written
} from './api.ts'
import {
  type Checked,
  checkNames,
  checkOptions,
  checkStep,
  checkTtl,
  checkValue,
  type OptionName
} from './arguments.ts'
import { runCallback } from './callback.ts'
import { json } from './codecs.ts'
import { Course, type Shell } from './course.ts'
import type { ClientDriver } from './driver.ts'
import { ConflictError, errorOf, invalid, UndecodableError } from './errors.ts'
import { type FencedOutcome, writeFenced } from './fenced-write.ts'
import type { CallOperation, CallOutcome } from './inputs.ts'
import { HeldLock } from './lock.ts'
import { lockCheck } from './lock-check.ts'
import { LockKeeper } from './lock-keeper.ts'
import { checkLock } from './lock-options.ts'
import type { LockOutcome } from './lock-types.ts'
import { promised, unexpected } from './promised.ts'
import { groupsOf } from './ranges.ts'
import { type AllRead, readAll } from './read-all.ts'
import { checkScan, scanned, showIn, showKeyIn } from './scan.ts'
import { Scope } from './scope.ts'
import { readSnapshot, type SnapshotOutcome } from './snapshot.ts'
import { type Spoken, spokenChecks, spokenSteps } from './spoken.ts'
import { distinct, nameOfKey } from './steps.ts'
import { runTransaction } from './transactor.ts'
import type { StepResult, TransactionOutcome, TransactionRequest } from './transactor-types.ts'
import { changeIn, checkWatch } from './watch.ts'
import { WatchIterator } from './watch-iterator.ts'
import type { WatchItem } from './watcher.ts'

export interface Defaults {
  readonly timeoutMs: number
  readonly consistency: Consistency
}

const READ: readonly OptionName[] = ['signal', 'timeout', 'consistency']
const PUT: readonly OptionName[] = ['signal', 'timeout', 'ifRevision', 'ttl', 'fence']
const CHANGE: readonly OptionName[] = ['signal', 'timeout', 'ifRevision', 'fence']
const CALL: readonly OptionName[] = ['signal', 'timeout']
/** For all attempts of a callback together. */
const CALLBACK_TIMEOUT_MS = 30_000
const CLOSED = 'this client was closed; open another one'

/** What carries the calls: a driver, or a node that has one. */
export type Carrier = Shell & Pick<ClientDriver, 'close' | 'view'>

/** The programming interface over a started carrier. Closing it closes the carrier. */
export function openKeyMesh<V = unknown>(
  driver: Carrier,
  defaults: Defaults,
  codec: Codec<V> = json<V>()
): KeyMesh<V> {
  const common = { isClosed: false, locks: new LockKeeper(driver), watches: new Set<never>() }
  return new View(driver, defaults, new Scope(codec), common)
}

/** Of a client and all its namespaces. */
interface Common {
  isClosed: boolean
  readonly locks: LockKeeper
  /** Those that are read. */
  readonly watches: Set<Pick<WatchIterator<unknown>, 'fail'>>
}

/** The keys that begin with a prefix, through one codec. */
class View<V> implements KeyMesh<V> {
  readonly #driver: Carrier
  readonly #defaults: Defaults
  readonly #scope: Scope<V>
  readonly #common: Common

  constructor(driver: Carrier, defaults: Defaults, scope: Scope<V>, common: Common) {
    this.#driver = driver
    this.#defaults = defaults
    this.#scope = scope
    this.#common = common
  }

  async get<T extends V = V>(key: Key, options?: ReadOptions): Promise<T | undefined> {
    return (await this.getEntry<T>(key, options))?.value
  }

  async getEntry<T extends V = V>(key: Key, options?: ReadOptions): Promise<Entry<T> | undefined> {
    const named = this.#scope.named(key)
    return named.entry<T>(await this.#read(key, options))
  }

  async getMany<T extends V = V>(
    keys: readonly Key[],
    options?: ReadOptions
  ): Promise<(T | undefined)[]> {
    const checked = this.#checked(options, READ)
    if (!Array.isArray(keys)) throw invalid('keys want an array')
    const named = keys.map((key) => this.#scope.named(key))
    const records = await this.#readMany(
      keys.map((key) => this.#scope.whole(key)),
      checked
    )
    return named.map((name, i) => name.entry<T>(records[i])?.value)
  }

  async has(key: Key, options?: ReadOptions): Promise<boolean> {
    return (await this.#read(key, options)) !== undefined
  }

  async put<T extends V>(key: Key, value: T, options?: PutOptions): Promise<Written> {
    const checked = checkOptions(options, PUT)
    const whole = this.#scope.whole(key)
    const ttl = checked.ttl === undefined ? {} : { ttlMs: checked.ttl }
    const bytes = checkValue(this.#scope.codec, value)
    const operation = {
      type: 'put',
      key: whole,
      value: bytes,
      ...condition(checked),
      ...ttl
    } as const
    const result = await this.#mutate(operation, checked)
    if (result.type !== 'written') throw unexpected(result.type)
    return { revision: result.revision }
  }

  async delete(key: Key, options?: DeleteOptions): Promise<Deleted> {
    const checked = checkOptions(options, CHANGE)
    const whole = this.#scope.whole(key)
    const operation = { type: 'delete', key: whole, ...condition(checked) } as const
    const result = await this.#mutate(operation, checked)
    if (result.type === 'absent') return { existed: false }
    if (result.type !== 'deleted') throw unexpected(result.type)
    return { existed: true, revision: result.revision }
  }

  async increment(key: Key, by = 1, options?: PutOptions): Promise<Counted> {
    const checked = checkOptions(options, PUT)
    if (checked.ttl !== undefined)
      throw invalid('increment keeps the expiry a key has: no ttl here')
    const whole = this.#scope.whole(key)
    const step = checkStep(by)
    const operation = { type: 'increment', key: whole, by: step, ...condition(checked) } as const
    const result = await this.#mutate(operation, checked)
    if (result.type !== 'counted') throw unexpected(result.type)
    return { value: result.value, revision: result.revision }
  }

  async touch(key: Key, ttl: number | null, options?: PutOptions): Promise<Written> {
    const checked = checkOptions(options, CHANGE)
    const whole = this.#scope.whole(key)
    const expiry = ttl === null ? {} : { ttlMs: checkTtl(ttl) }
    const operation = { type: 'touch', key: whole, ...condition(checked), ...expiry } as const
    const result = await this.#mutate(operation, checked)
    if (result.type === 'absent') throw errorOf(failure('not_found', CODES.not_found.advice))
    if (result.type !== 'written') throw unexpected(result.type)
    return { revision: result.revision }
  }

  async batch<const O extends readonly Op<V>[]>(
    ops: O,
    options?: CallOptions
  ): Promise<{ [I in keyof O]: ResultOf<O[I], V> }> {
    const checked = this.#checked(options, CALL)
    const spoken = spokenSteps(this.#scope, ops, { gets: false })
    const request = { if: [], steps: stepsOf(spoken), otherwise: [] }
    const { results } = await this.#transact(request, checked)
    return told(spoken, results) as { [I in keyof O]: ResultOf<O[I], V> }
  }

  async txn<const O extends readonly TxnOp<V>[], const E extends readonly TxnOp<V>[] = []>(
    request: { if?: readonly Check<V>[]; ops: O; else?: E },
    options?: CallOptions
  ): Promise<TxnResult<O, E, V>> {
    const checked = this.#checked(options, CALL)
    checkNames(request, ['if', 'ops', 'else'])
    const checks = spokenChecks(this.#scope, request.if)
    const spoken = spokenSteps(this.#scope, request.ops, { gets: true })
    const otherwise = spokenSteps(this.#scope, request.else === undefined ? [] : request.else, {
      gets: true
    })
    const steps = { steps: stepsOf(spoken), otherwise: stepsOf(otherwise) }
    const outcome = await this.#transact({ if: checks, ...steps }, checked)
    const { committed, failed } = outcome
    const results = told(committed ? spoken : otherwise, outcome.results)
    // The compiler cannot see that results of steps fit the types of the steps.
    if (committed) return { committed, results } as unknown as TxnResult<O, E, V>
    return { committed, failed, results } as unknown as TxnResult<O, E, V>
  }

  async transaction<R>(run: (tx: Tx<V>) => Promise<R>, options?: CallOptions): Promise<R> {
    const { signal, timeout } = this.#checked(options, CALL)
    if (typeof run !== 'function') throw invalid('transaction wants a function of tx')
    const timeoutMs = timeout ?? CALLBACK_TIMEOUT_MS
    return await runCallback(this.#driver, this.#scope, run, { signal, timeoutMs })
  }

  scan<T extends V = V>(
    options?: ScanOptions & { keysOnly?: false }
  ): AsyncIterableIterator<Entry<T>>
  scan(options: ScanOptions & { keysOnly: true }): AsyncIterableIterator<KeyEntry>
  scan<T extends V = V>(options: ScanOptions = {}): AsyncIterableIterator<Entry<T> | KeyEntry> {
    if (this.#common.isClosed) throw errorOf(failure('closed', CLOSED))
    const { signal, timeout, consistency, ...how } = checkScan(options)
    const spanned = this.#scope.ranged(options)
    const partitions = this.#driver.view?.map.settings.partitions
    if (partitions === undefined) throw errorOf(failure('unavailable', 'no cluster map yet'))
    const query = {
      ...how,
      span: spanned.span,
      groups: groupsOf(spanned, partitions),
      consistency: consistency ?? this.#defaults.consistency
    }
    const timeoutMs = timeout ?? this.#defaults.timeoutMs
    if (how.keysOnly) {
      return scanned(this.#driver, query, { timeoutMs, signal, show: showKeyIn(this.#scope) })
    }
    return scanned(this.#driver, query, { timeoutMs, signal, show: showIn<V, T>(this.#scope) })
  }

  namespace<W = V>(prefix: Key, options?: { codec?: Codec<W> }): KeyMesh<W> {
    const scope = this.#scope.within(prefix, options)
    return new View(this.#driver, this.#defaults, scope, this.#common)
  }

  async lock(key: Key, options?: LockOptions): Promise<Lock> {
    if (this.#common.isClosed) throw errorOf(failure('closed', CLOSED))
    const { signal, timeout, wanted, within } = checkLock(options)
    const whole = this.#scope.whole(key)
    if (within !== undefined) {
      if (equalBytes(within.whole, whole)) return within.again()
      throw invalid('within is a lock of another key')
    }
    const call = { timeoutMs: timeout ?? this.#defaults.timeoutMs }
    const { locks } = this.#common
    const { grant } = await promised(signal, (done: (outcome: LockOutcome) => void) =>
      locks.request({ ...wanted, key: whole }, call, done)
    )
    return new HeldLock(key, locks.hold(grant, call))
  }

  watch<T extends V = V>(options: WatchOptions): AsyncIterableIterator<Change<T>> {
    const { watches } = this.#common
    this.#checked(undefined, [])
    const { signal, ...request } = checkWatch(this.#scope, options)
    const { timeoutMs } = this.#defaults
    const tell = (item: WatchItem): Change<T> => changeIn<V, T>(this.#scope, item)
    const reading = { tell, signal, onEnd: () => void watches.delete(watch) }
    const watch = new WatchIterator(this.#driver, { ...request, timeoutMs }, reading)
    watches.add(watch)
    return watch
  }

  close(): Promise<void> {
    this.#common.isClosed = true
    for (const watch of this.#common.watches) watch.fail(failure('closed', CLOSED))
    return new Promise((resolve) => {
      this.#common.locks.end(failure('closed', CLOSED), () => this.#driver.close(resolve))
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** For what may need no call at all, and must not seem to work after the end. */
  #checked(options: ReadOptions | undefined, names: readonly OptionName[]): Checked {
    if (this.#common.isClosed) throw errorOf(failure('closed', CLOSED))
    return checkOptions(options, names)
  }

  async #read(key: Key, options: ReadOptions | undefined): Promise<ReadRecord | undefined> {
    const checked = checkOptions(options, READ)
    const consistency = checked.consistency ?? this.#defaults.consistency
    const whole = this.#scope.whole(key)
    const outcome = await this.#call({ kind: 'get', key: whole, consistency }, checked)
    if (outcome.kind !== 'get') throw unexpected(outcome.kind)
    return outcome.record
  }

  /** The result of a mutation that was carried out; its refusals are thrown. */
  async #mutate(operation: DataOperation, checked: Checked): Promise<KeyResult> {
    const result = await this.#change(operation, checked)
    if (result.type === 'conflict') throw new ConflictError(result.revision, checked.ifRevision)
    if (result.type === 'not-a-number') {
      throw errorOf(failure('not_a_number', CODES.not_a_number.advice))
    }
    if (result.type === 'refused') throw invalid(result.reason)
    return result
  }

  async #change(operation: DataOperation, checked: Checked): Promise<KeyResult> {
    const { fence, signal } = checked
    if (fence !== undefined) {
      const change = { fence: lockCheck(this.#scope, fence), operation }
      const options = { timeoutMs: checked.timeout ?? this.#defaults.timeoutMs }
      const start = (done: (outcome: FencedOutcome) => void): (() => void) =>
        writeFenced(this.#driver, change, options, done)
      return (await promised(signal, start)).result
    }
    const outcome = await this.#call({ kind: 'mutate', operation }, checked)
    if (outcome.kind !== 'mutate') throw unexpected(outcome.kind)
    return outcome.result
  }

  /** Of each key, in their order. */
  async #readMany(
    keys: readonly Uint8Array[],
    checked: Checked
  ): Promise<readonly (ReadRecord | undefined)[]> {
    const { signal } = checked
    const options = { timeoutMs: checked.timeout ?? this.#defaults.timeoutMs }
    const consistency = checked.consistency ?? this.#defaults.consistency
    if (consistency === 'strong') {
      const start = (done: (outcome: SnapshotOutcome) => void): (() => void) =>
        readSnapshot(this.#driver, keys, options, done)
      return (await promised(signal, start)).records
    }
    const { seen } = await promised(signal, (done: (all: AllRead) => void) => {
      const course = new Course(this.#driver, options)
      readAll(course, { keys: distinct(keys), consistency }, (all) => {
        course.end()
        done(all)
      })
      return () => course.cancel()
    })
    const byName = new Map(seen.map((one) => [nameOfKey(one.key), one.record]))
    return keys.map((key) => byName.get(nameOfKey(key)))
  }

  #transact(
    request: TransactionRequest,
    { signal, timeout }: Checked
  ): Promise<Extract<TransactionOutcome, { ok: true }>> {
    const timeoutMs = timeout ?? this.#defaults.timeoutMs
    return promised(signal, (done: (outcome: TransactionOutcome) => void) =>
      runTransaction(this.#driver, request, { timeoutMs }, done)
    )
  }

  #call(
    operation: CallOperation,
    { signal, timeout }: Checked
  ): Promise<Extract<CallOutcome, { ok: true }>> {
    const timeoutMs = timeout ?? this.#defaults.timeoutMs
    return promised(signal, (done: (outcome: CallOutcome) => void) =>
      this.#driver.call(operation, { timeoutMs }, done)
    )
  }
}

function stepsOf(spoken: readonly Spoken[]): TransactionRequest['steps'] {
  return spoken.map(({ step }) => step)
}

/** Throws UndecodableError. */
function told(spoken: readonly Spoken[], results: readonly StepResult[]): unknown {
  try {
    return spoken.map(({ tell }, i) => tell(results[i] as StepResult))
  } catch (error) {
    const wrote = spoken.some(({ step }) => step.type !== 'get')
    throw wrote && error instanceof UndecodableError ? error.afterWrites() : error
  }
}

function condition({ ifRevision }: Checked): { ifRevision?: number } {
  return ifRevision === undefined ? {} : { ifRevision }
}
