import { concatBytes, utf8 } from '../wire/bytes.ts'
import { failure } from '../wire/failure.ts'
import { KEY_BYTES_MAX, TIMEOUT_MS_MAX, TTL_MS_MAX, VALUE_BYTES_MAX } from '../wire/limits.ts'
import type { Codec, Consistency, Fence, Key } from './api.ts'
import { errorOf, invalid, KeyMeshError } from './errors.ts'

/** What a caller may say about a call, checked. */
export interface Checked {
  readonly signal: AbortSignal | undefined
  readonly timeout: number | undefined
  readonly consistency: Consistency | undefined
  readonly ttl: number | undefined
  readonly ifRevision: number | undefined
  readonly fence: Fence | undefined
}

export type OptionName = keyof Checked

const NONE: Checked = {
  signal: undefined,
  timeout: undefined,
  consistency: undefined,
  ttl: undefined,
  ifRevision: undefined,
  fence: undefined
}

/**
 * Options that are not `allowed` are refused, not passed over: who writes `{ ifRevison: 3 }` or
 * asks for what this version has not must not get an unconditional write.
 */
export function checkOptions(options: object | undefined, allowed: readonly OptionName[]): Checked {
  if (options === undefined) return NONE
  checkNames(options, allowed)
  const given = options as Partial<Record<OptionName, unknown>>
  if ('ifRevision' in given && given.ifRevision === undefined) {
    throw invalid(
      'ifRevision is undefined: leave it out for an unconditional write, use 0 for a new key'
    )
  }
  if ('fence' in given && given.fence === undefined) {
    throw invalid('fence is undefined: leave it out for a write that depends on no lock')
  }
  return {
    signal: checkSignal(given.signal),
    timeout: checkTimeout(given.timeout),
    consistency: checkConsistency(given.consistency),
    ttl: checkInteger(given.ttl, 'ttl', 1, TTL_MS_MAX),
    ifRevision: checkInteger(given.ifRevision, 'ifRevision', 0),
    fence: given.fence === undefined ? undefined : checkFence(given.fence)
  }
}

/** Throws invalid_argument unless `fence` is a lock, or has its key and token. */
export function checkFence(fence: unknown): Fence {
  const { key, token } = (fence ?? {}) as Partial<Fence>
  const isKey = typeof key === 'string' || key instanceof Uint8Array
  if (!isKey || !Number.isSafeInteger(token) || (token as number) < 1) {
    throw invalid('a fence is a lock, or the key and the token of one')
  }
  return fence as Fence
}

/** Throws invalid_argument unless `options` is an object of `allowed` names. */
export function checkNames(options: unknown, allowed: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw invalid('options want an object')
  for (const name of Object.keys(options)) {
    if (!allowed.includes(name)) {
      throw invalid(`there is no option ${name} here; there are: ${allowed.join(', ')}`)
    }
  }
}

export function checkCodec<V>(codec: Codec<V> | undefined): Codec<V> | undefined {
  if (codec === undefined) return undefined
  const { encode, decode } = (codec ?? {}) as Partial<Codec<V>>
  if (typeof encode === 'function' && typeof decode === 'function') return codec
  throw invalid('codec is an object with the functions encode and decode, as json()')
}

/** A key with the prefix of its namespace before it. A copy: the caller may change its array. */
export function checkKey(prefix: Uint8Array, key: Key): Uint8Array {
  const whole = concatBytes([prefix, keyPart(key)])
  if (whole.length === 0) throw invalid('a key has at least one byte')
  if (whole.length > KEY_BYTES_MAX) {
    throw errorOf(failure('too_large', `a key of ${whole.length} bytes; ${KEY_BYTES_MAX} may be`))
  }
  return whole
}

/** The bytes of a key or of a part of one; it may be empty. */
export function keyPart(key: Key): Uint8Array {
  if (key instanceof Uint8Array) return key
  if (typeof key !== 'string') throw invalid('a key is a string or a Uint8Array')
  if (!key.isWellFormed()) throw invalid('the key has half a surrogate pair: not UTF-8')
  return utf8(key)
}

/** Encoded by `codec`, as a copy that nobody else changes. */
export function checkValue<V>(codec: Codec<V>, value: V): Uint8Array {
  let encoded: unknown
  try {
    encoded = codec.encode(value)
  } catch (cause) {
    if (cause instanceof KeyMeshError) throw cause
    throw invalid(`the codec could not encode the value: ${String(cause)}`, { cause })
  }
  if (!(encoded instanceof Uint8Array)) throw invalid('the codec made no Uint8Array')
  if (encoded.length > VALUE_BYTES_MAX) {
    const message = `a value of ${encoded.length} bytes; ${VALUE_BYTES_MAX} may be`
    throw errorOf(failure('too_large', message))
  }
  return new Uint8Array(encoded)
}

export function checkStep(by: unknown): number {
  if (Number.isSafeInteger(by)) return by as number
  throw invalid(`increment goes by a safe integer, not ${String(by)}`)
}

/** A ttl that must be there. */
export function checkTtl(ttl: unknown): number {
  const checked = checkInteger(ttl, 'ttl', 1, TTL_MS_MAX)
  if (checked === undefined) throw invalid('ttl is missing: milliseconds, or null for no expiry')
  return checked
}

export function checkTimeout(timeout: unknown): number | undefined {
  if (timeout === undefined) return undefined
  const good = typeof timeout === 'number' && timeout > 0 && timeout <= TIMEOUT_MS_MAX
  if (!good) throw invalid(`timeout is more than 0 and at most ${TIMEOUT_MS_MAX} ms`)
  return timeout
}

export function checkConsistency(consistency: unknown): Consistency | undefined {
  switch (consistency) {
    case undefined:
    case 'strong':
    case 'session':
    case 'eventual':
      return consistency
    default:
      throw invalid('consistency is strong, session or eventual')
  }
}

export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal
  throw invalid('signal wants an AbortSignal')
}

export function checkInteger(
  value: unknown,
  name: string,
  min: number,
  max = Number.MAX_SAFE_INTEGER
): number | undefined {
  if (value === undefined) return undefined
  const fits = Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
  if (fits) return value as number
  throw invalid(`${name} is a whole number from ${min} to ${max}, not ${String(value)}`)
}
