import { utf8 } from '../wire/bytes.ts'
import type { Codec } from './api.ts'
import { invalid } from './errors.ts'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * JSON. Refuses what would not come back as it was: undefined, bigint, NaN, infinities, functions,
 * symbols, holes, cycles, all objects but arrays and plain ones (Map, Set, Date, Uint8Array, …).
 * -0 is stored as 0.
 */
export function json<V = unknown>(): Codec<V> {
  return {
    encode: (value) => {
      check(value, 'the value', new Set())
      return utf8(JSON.stringify(value))
    },
    decode: (bytes) => JSON.parse(strict.decode(bytes)) as V
  }
}

/** Text as UTF-8. Refuses strings with half a surrogate pair, which UTF-8 cannot hold. */
export const text: Codec<string> = {
  encode: (value) => {
    if (typeof value !== 'string') throw invalid(`text wants a string, not ${nameOf(value)}`)
    if (!value.isWellFormed()) throw invalid('the text has half a surrogate pair: not UTF-8')
    return utf8(value)
  },
  decode: (bytes) => strict.decode(bytes)
}

/** Bytes as they are. */
export const bytes: Codec<Uint8Array> = {
  encode: (value) => {
    if (!(value instanceof Uint8Array)) {
      throw invalid(`bytes wants a Uint8Array, not ${nameOf(value)}`)
    }
    return value
  },
  decode: (stored) => stored
}

/** Throws at the first part of `value` that JSON would change. `within`: the objects around it. */
function check(value: unknown, path: string, within: Set<object>): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw spoiled(path, String(value))
    return
  }
  if (typeof value !== 'object') throw spoiled(path, nameOf(value))
  if (within.has(value)) throw spoiled(path, 'part of itself')
  within.add(value)
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], `${path}[${i}]`, within)
  } else {
    if (!isPlain(value)) throw spoiled(path, nameOf(value))
    for (const name of Reflect.ownKeys(value)) {
      if (typeof name === 'symbol') throw spoiled(path, 'an object with symbols for names')
      check((value as Record<string, unknown>)[name], `${path}.${name}`, within)
    }
  }
  within.delete(value)
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function spoiled(path: string, what: string): Error {
  return invalid(
    `${path} is ${what}, which JSON cannot bring back; convert it first or use another codec`
  )
}

function nameOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  const maker = (value as { constructor?: { name?: string } }).constructor
  return `a ${maker?.name || 'object'}`
}
