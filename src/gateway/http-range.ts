import { type Spanned, spanOf } from '../client/ranges.ts'
import { utf8 } from '../wire/bytes.ts'
import { KEY_BYTES_MAX } from '../wire/limits.ts'
import { BadRequest } from './bad-request.ts'
import { base64urlDecoded } from './url-key.ts'

type Encoding = 'base64url' | undefined

const NO_PREFIX = new Uint8Array(0)

/** The keys that a query names. Throws BadRequest. */
export function rangeOf(
  query: { readonly prefix?: string; readonly start?: string; readonly end?: string },
  encoding: Encoding
): Spanned {
  const { prefix, start, end } = query
  return spanOf(NO_PREFIX, {
    ...(prefix === undefined ? {} : { prefix: partOf(prefix, 'prefix', encoding) }),
    ...(start === undefined ? {} : { start: partOf(start, 'start', encoding) }),
    // Whoever fills in a form leaves it empty for no end.
    ...(end === undefined || end === '' ? {} : { end: partOf(end, 'end', encoding) })
  })
}

function partOf(text: string, name: string, encoding: Encoding): Uint8Array {
  // Bytes that were no UTF-8 have become that.
  if (text.includes('\ufffd')) {
    throw new BadRequest(`${name} is not UTF-8: send it with encoding=base64url`)
  }
  const part = encoding === undefined ? utf8(text) : base64urlDecoded(utf8(text), name)
  if (part.length <= KEY_BYTES_MAX) return part
  const message = `${name}: a key has at most ${KEY_BYTES_MAX} bytes, not ${part.length}`
  throw new BadRequest(message, 'too_large')
}
