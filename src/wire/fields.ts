import { Malformed } from './bytes.ts'

/**
 * Checks for the elements of an unpacked head, which may be anything. Each returns its argument
 * with its type, or throws Malformed.
 */

export function asArray(value: unknown, lengthMax: number, lengthMin = 0): readonly unknown[] {
  if (!Array.isArray(value)) throw new Malformed('not an array')
  if (value.length < lengthMin || value.length > lengthMax) {
    throw new Malformed(`${value.length} elements`)
  }
  return value
}

/** An array of exactly `length` elements. */
export function asTuple(value: unknown, length: number): readonly unknown[] {
  return asArray(value, length, length)
}

/** A safe integer in [min, max]; minus zero is refused, so that equal integers have equal bytes. */
export function asInteger(value: unknown, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new Malformed('not an integer')
  const integer = value as number
  if (integer < min || integer > max) throw new Malformed('integer out of range')
  return integer
}

/** Text of at most `lengthMax` UTF-16 units. */
export function asText(value: unknown, lengthMax: number, lengthMin = 0): string {
  if (typeof value !== 'string') throw new Malformed('not text')
  if (value.length < lengthMin || value.length > lengthMax) {
    throw new Malformed(`text of ${value.length}`)
  }
  return value
}

const HEX_ID = /^[0-9a-f]{32}$/

/** The text form of 16 bytes: cluster, store and session ids. */
export function asHexId(value: unknown): string {
  if (value === lastId) return lastId
  if (typeof value !== 'string' || !HEX_ID.test(value)) throw new Malformed('not a hex id')
  lastId = value
  return value
}

/** Nearly every request bears the id of the one cluster there is. */
let lastId = '0'.repeat(32)

/** A libp2p PeerId in text form; base58 or base32, so letters and digits only. */
export function asPeerId(value: unknown): string {
  const text = asText(value, 128, 1)
  if (!/^[0-9A-Za-z]+$/.test(text)) throw new Malformed('not a peer id')
  return text
}

/** A view into the decoded input: copy what outlives it. */
export function asBytes(value: unknown, lengthMax: number, lengthMin = 0): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Malformed('not bytes')
  if (value.length < lengthMin || value.length > lengthMax) {
    throw new Malformed(`${value.length} bytes`)
  }
  return value
}

export function asBoolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Malformed('not a boolean')
  return value
}

/** The member of `choices` at index `value`: how closed unions of text travel as small numbers. */
export function asChoice<T>(value: unknown, choices: readonly T[]): T {
  return choices[asInteger(value, 0, choices.length - 1)] as T
}
