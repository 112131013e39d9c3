import { utf8 } from '../wire/bytes.ts'
import type { Codec } from './api.ts'
import { invalid } from './errors.ts'
import { type Format, nameOf, refuseSpoiled } from './spoiled.ts'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const JSON_FORMAT: Format = {
  name: 'JSON',
  keeps: (value) => {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return true
      case 'number':
        return Number.isFinite(value)
      case 'object':
        return value === null ? true : undefined
      default:
        return false
    }
  }
}

/**
 * JSON. Refuses what would not come back as it was: undefined, bigint, NaN, infinities, functions,
 * symbols, holes, cycles, all objects but arrays and plain ones (Map, Set, Date, Uint8Array, …).
 * -0 is stored as 0, which equals it.
 */
export function json<V = unknown>(): Codec<V> {
  return {
    encode: (value) => {
      refuseSpoiled(value, JSON_FORMAT)
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
