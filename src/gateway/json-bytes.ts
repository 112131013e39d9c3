import { utf8, utf8Text } from '../wire/bytes.ts'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../wire/limits.ts'
import { assert } from '../world/assert.ts'
import { BadRequest } from './bad-request.ts'

/** Keys and values in JSON: a text stands for its UTF-8. */
export type JsonBytes = string | { readonly base64: string }

/** Text if they are UTF-8. */
export function jsonBytes(bytes: Uint8Array): JsonBytes {
  return utf8Text(bytes) ?? { base64: Buffer.from(bytes).toString('base64') }
}

/** Throws BadRequest. Requires: `json` is there, by its schema. */
export function bytesOf(json: JsonBytes | undefined, where: string): Uint8Array {
  assert(json !== undefined, `${where} passed the schema without its bytes`)
  if (typeof json === 'string') {
    if (json.isWellFormed()) return utf8(json)
    throw new BadRequest(`${where} has half a surrogate pair, which is not UTF-8: use base64`)
  }
  const bytes = Buffer.from(json.base64, 'base64')
  // Node.js passes over what is none.
  if (bytes.toString('base64') === json.base64) return bytes
  throw new BadRequest(`${where}.base64 must be base64 with padding, in canonical form`)
}

/** Throws BadRequest unless `bytes` can be a key or a value. */
export function sized(bytes: Uint8Array, what: 'key' | 'value', where: string): Uint8Array {
  const { length } = bytes
  const most = what === 'key' ? KEY_BYTES_MAX : VALUE_BYTES_MAX
  if (length > most) {
    throw new BadRequest(
      `${where}: a ${what} has at most ${most} bytes, not ${length}`,
      'too_large'
    )
  }
  if (what === 'key' && length === 0) throw new BadRequest(`${where}: a key has at least 1 byte`)
  return bytes
}
