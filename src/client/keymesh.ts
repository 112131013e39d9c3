import type { Operation } from '../wire/command.ts'
import { CODES, failure } from '../wire/failure.ts'
import type { ReadRecord } from '../wire/read-body.ts'
import type { Result } from '../wire/result.ts'
import type {
  Codec,
  Consistency,
  Counted,
  Deleted,
  DeleteOptions,
  Entry,
  Key,
  KeyMesh,
  PutOptions,
  ReadOptions,
  Written
} from './api.ts'
import {
  type Checked,
  checkCodec,
  checkKey,
  checkNames,
  checkOptions,
  checkStep,
  checkTtl,
  checkValue,
  keyPart,
  type OptionName
} from './arguments.ts'
import { json } from './codecs.ts'
import type { ClientDriver } from './driver.ts'
import { ConflictError, errorOf, invalid, UndecodableError } from './errors.ts'
import type { CallOperation, CallOutcome } from './inputs.ts'

export interface Defaults {
  readonly timeoutMs: number
  readonly consistency: Consistency
}

const READ: readonly OptionName[] = ['signal', 'timeout', 'consistency']
const PUT: readonly OptionName[] = ['signal', 'timeout', 'ifRevision', 'ttl']
const CHANGE: readonly OptionName[] = ['signal', 'timeout', 'ifRevision']
const NO_PREFIX = new Uint8Array(0)
/** Keys that are not UTF-8 show replacement characters. */
const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

/** What carries the calls: a driver, or a node that has one. */
export type Carrier = Pick<ClientDriver, 'call' | 'close'>

/** The programming interface over a started carrier. Closing it closes the carrier. */
export function openKeyMesh<V = unknown>(
  driver: Carrier,
  defaults: Defaults,
  codec: Codec<V> = json<V>()
): KeyMesh<V> {
  return new View(driver, defaults, codec, NO_PREFIX)
}

/** The keys that begin with a prefix, through one codec. */
class View<V> implements KeyMesh<V> {
  readonly #driver: Carrier
  readonly #defaults: Defaults
  readonly #codec: Codec<V>
  readonly #prefix: Uint8Array

  constructor(driver: Carrier, defaults: Defaults, codec: Codec<V>, prefix: Uint8Array) {
    this.#driver = driver
    this.#defaults = defaults
    this.#codec = codec
    this.#prefix = prefix
  }

  async get<T extends V = V>(key: Key, options?: ReadOptions): Promise<T | undefined> {
    return (await this.getEntry<T>(key, options))?.value
  }

  async getEntry<T extends V = V>(key: Key, options?: ReadOptions): Promise<Entry<T> | undefined> {
    const keyBytes = keyPart(key).slice()
    const record = await this.#read(key, options)
    if (record === undefined) return undefined
    const text = typeof key === 'string' ? key : lenient.decode(keyBytes)
    const { revision, expiresInMs } = record
    // Codecs may keep what they get, and the frame should not live as long.
    const stored = new Uint8Array(record.value)
    let value: T
    try {
      value = this.#codec.decode(stored) as T
    } catch (cause) {
      throw new UndecodableError(text, { bytes: stored, revision }, cause)
    }
    const expiry = expiresInMs === undefined ? {} : { expiresIn: expiresInMs }
    return { key: text, keyBytes, value, revision, ...expiry }
  }

  async has(key: Key, options?: ReadOptions): Promise<boolean> {
    return (await this.#read(key, options)) !== undefined
  }

  async put<T extends V>(key: Key, value: T, options?: PutOptions): Promise<Written> {
    const checked = checkOptions(options, PUT)
    const whole = checkKey(this.#prefix, key)
    const ttl = checked.ttl === undefined ? {} : { ttlMs: checked.ttl }
    const bytes = checkValue(this.#codec, value)
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
    const whole = checkKey(this.#prefix, key)
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
    const whole = checkKey(this.#prefix, key)
    const step = checkStep(by)
    const operation = { type: 'increment', key: whole, by: step, ...condition(checked) } as const
    const result = await this.#mutate(operation, checked)
    if (result.type !== 'counted') throw unexpected(result.type)
    return { value: result.value, revision: result.revision }
  }

  async touch(key: Key, ttl: number | null, options?: PutOptions): Promise<Written> {
    const checked = checkOptions(options, CHANGE)
    const whole = checkKey(this.#prefix, key)
    const expiry = ttl === null ? {} : { ttlMs: checkTtl(ttl) }
    const operation = { type: 'touch', key: whole, ...condition(checked), ...expiry } as const
    const result = await this.#mutate(operation, checked)
    if (result.type === 'absent') throw errorOf(failure('not_found', CODES.not_found.advice))
    if (result.type !== 'written') throw unexpected(result.type)
    return { revision: result.revision }
  }

  namespace<W = V>(prefix: Key, options?: { codec?: Codec<W> }): KeyMesh<W> {
    if (options !== undefined) checkNames(options, ['codec'])
    const whole = new Uint8Array([...this.#prefix, ...keyPart(prefix)])
    // Without a codec of its own W is V: the type parameter's default.
    const codec = checkCodec(options?.codec) ?? (this.#codec as unknown as Codec<W>)
    return new View(this.#driver, this.#defaults, codec, whole)
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#driver.close(resolve))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #read(key: Key, options: ReadOptions | undefined): Promise<ReadRecord | undefined> {
    const checked = checkOptions(options, READ)
    const consistency = checked.consistency ?? this.#defaults.consistency
    const whole = checkKey(this.#prefix, key)
    const outcome = await this.#call({ kind: 'get', key: whole, consistency }, checked)
    if (outcome.kind !== 'get') throw unexpected(outcome.kind)
    return outcome.record
  }

  /** The result of a mutation that was carried out; its refusals are thrown. */
  async #mutate(operation: Operation, checked: Checked): Promise<Result> {
    const outcome = await this.#call({ kind: 'mutate', operation }, checked)
    if (outcome.kind !== 'mutate') throw unexpected(outcome.kind)
    const { result } = outcome
    if (result.type === 'conflict') throw new ConflictError(result.revision, checked.ifRevision)
    if (result.type === 'not-a-number') {
      throw errorOf(failure('not_a_number', CODES.not_a_number.advice))
    }
    if (result.type === 'refused') throw invalid(result.reason)
    return result
  }

  #call(operation: CallOperation, checked: Checked): Promise<CallOutcome & { ok: true }> {
    const { signal } = checked
    if (signal?.aborted) return Promise.reject(signal.reason)
    const timeoutMs = checked.timeout ?? this.#defaults.timeoutMs
    return new Promise((resolve, reject) => {
      let over = false
      const cancel = this.#driver.call(operation, { timeoutMs }, (outcome) => {
        over = true
        signal?.removeEventListener('abort', cancel)
        if (outcome.ok) resolve(outcome)
        else reject(signal?.aborted ? abortion(outcome, signal) : errorOf(outcome.failure))
      })
      if (!over) signal?.addEventListener('abort', cancel, { once: true })
    })
  }
}

function condition({ ifRevision }: Checked): { ifRevision?: number } {
  return ifRevision === undefined ? {} : { ifRevision }
}

/** What an aborted call rejects with: the reason, unless the call may have changed something. */
function abortion(outcome: CallOutcome & { ok: false }, signal: AbortSignal): unknown {
  if (outcome.failure.outcome === 'not_applied') return signal.reason
  return errorOf(outcome.failure, { cause: signal.reason })
}

function unexpected(kind: string): Error {
  return errorOf(failure('internal', `an answer of another kind: ${kind}`, 'unknown'))
}
