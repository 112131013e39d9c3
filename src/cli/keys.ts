import { Buffer } from 'node:buffer'
import { checkKey } from '../client/arguments.ts'
import { InvalidOptions } from '../node/options.ts'
import { utf8 } from '../wire/bytes.ts'

const NO_PREFIX = new Uint8Array(0)

/** The bytes that the KEY of a command names. Throws InvalidOptions or KeyMeshError. */
export function keyOf(text: string, isBase64url: boolean): Uint8Array {
  const bytes = isBase64url ? decoded(text) : argumentBytes('KEY', text, 'name it by --base64url')
  return checkKey(NO_PREFIX, bytes)
}

/** The bytes that an option names, of which a key may be made. */
export function keyPartOf(name: string, text: string, isBase64url: boolean): Uint8Array {
  return isBase64url ? decoded(text, name) : argumentBytes(name, text, 'give it by --base64url')
}

/**
 * The UTF-8 of an argument. Node.js has put U+FFFD where the bytes of a command line were not
 * UTF-8: what was meant is lost, and another key or value must not be written in its place.
 */
export function argumentBytes(name: string, text: string, instead: string): Uint8Array {
  if (!text.includes('\ufffd') && text.isWellFormed()) return utf8(text)
  throw new InvalidOptions(`${name}: is not UTF-8, or has the character U+FFFD; ${instead}`)
}

function decoded(text: string, name = 'KEY'): Uint8Array {
  const bytes = base64urlBytes(text)
  if (bytes !== undefined) return bytes
  throw new InvalidOptions(`${name}: ${JSON.stringify(text)} is not base64url without padding`)
}

/**
 * One text for each sequence of bytes: no padding, and no bits left over that are not 0. Undefined:
 * `text` is none.
 */
export function base64urlBytes(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? new Uint8Array(bytes) : undefined
}
