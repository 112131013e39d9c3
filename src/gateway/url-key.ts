import { utf8, utf8Text } from '../wire/bytes.ts'
import { KEY_BYTES_MAX } from '../wire/limits.ts'
import { BadRequest, quote } from './bad-request.ts'

/** Neither empty nor a directory: a first character that is no dot. */
const PLAIN = /^[\x20-\x24\x26-\x2d\x2f-\x7e][\x20-\x24\x26-\x7e]*$/

/** The bytes of a key from its place in a URL. Throws BadRequest. */
export function keyOf(text: string, encoding: 'base64url' | undefined): Uint8Array {
  // Most keys stand as they are: ASCII, so of one byte a character, and UTF-8.
  if (encoding === undefined && PLAIN.test(text) && text.length <= KEY_BYTES_MAX) return utf8(text)
  const plain = percentDecoded(text)
  const key = encoding === undefined ? plain : base64urlDecoded(plain)
  if (key.length === 0) throw new BadRequest('a key has at least 1 byte')
  if (key.length > KEY_BYTES_MAX) {
    throw new BadRequest(`a key has at most ${KEY_BYTES_MAX} bytes, not ${key.length}`, 'too_large')
  }
  if (encoding === undefined) checkText(key)
  return key
}

/** The bytes of a key in a header, percent-encoded. Throws BadRequest. */
export function keyInHeader(name: string, text: string): Uint8Array {
  const key = percentDecoded(text)
  if (key.length > 0 && key.length <= KEY_BYTES_MAX) return key
  throw new BadRequest(`${name} has a key of ${key.length} bytes; 1 to ${KEY_BYTES_MAX} may be`)
}

/**
 * Other forms of such keys would not survive the libraries and proxies between here and a caller.
 */
function checkText(key: Uint8Array): void {
  const text = utf8Text(key)
  if (text === undefined)
    throw new BadRequest('the key is not UTF-8: send it with encoding=base64url')
  if (text === '.' || text === '..') {
    throw new BadRequest(`the key ${text} can only be named with encoding=base64url`)
  }
}

/** A request line is ASCII (Node.js refuses others), so each character is one byte. */
function percentDecoded(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '%') {
      bytes[length++] = text.charCodeAt(i)
      continue
    }
    const digits = text.slice(i + 1, i + 3)
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) {
      throw new BadRequest(`the key has a % without two hex digits: ${quote(text.slice(i, i + 3))}`)
    }
    bytes[length++] = Number.parseInt(digits, 16)
    i += 2
  }
  return bytes.subarray(0, length)
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const SIXES = new Map([...BASE64URL].map((digit, value) => [digit.charCodeAt(0), value]))

/** One text for each sequence of bytes: no padding, and no bits left over that are not 0. */
export function base64urlDecoded(text: Uint8Array, what = 'the key'): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8))
  let held = 0
  let bits = 0
  let length = 0
  for (const character of text) {
    const digit = SIXES.get(character)
    if (digit === undefined) throw new BadRequest(`${what} is not base64url (no padding)`)
    held = ((held << 6) | digit) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[length++] = (held >>> bits) & 0xff
  }
  if (text.length % 4 === 1 || (held & ((1 << bits) - 1)) !== 0) {
    throw new BadRequest(`${what} is not base64url in canonical form`)
  }
  return bytes
}
