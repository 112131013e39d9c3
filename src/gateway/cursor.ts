import { compareBytes, concatBytes, utf8 } from '../wire/bytes.ts'
import type { KeySpan } from '../wire/scan.ts'
import { BadRequest } from './bad-request.ts'
import { base64urlDecoded } from './url-key.ts'

// A cursor is where the next page begins, and nothing else: the nodes keep nothing for it, and any
// of them goes on with it. In base64url, of the bytes:
//
//   version 01 · direction 00 forward, 01 in reverse · the bound of what is left
//
// Forward the bound is the first key that may come; in reverse, the one behind it.

const VERSION = 1
const HEAD_BYTES = 2

/** Where `rest` begins. Requires: in reverse it has an end. */
export function cursorOf(rest: KeySpan, reverse: boolean): string {
  const bound = (reverse ? rest.end : rest.start) ?? new Uint8Array(0)
  const bytes = concatBytes([Uint8Array.of(VERSION, reverse ? 1 : 0), bound])
  return Buffer.from(bytes).toString('base64url')
}

/** What is left of `span` at `cursor`. Throws BadRequest unless it is one of such a scan. */
export function spanFrom(span: KeySpan, cursor: string, reverse: boolean): KeySpan {
  const bytes = base64urlDecoded(utf8(cursor), 'the cursor')
  const [version, direction] = bytes
  if (bytes.length < HEAD_BYTES || version !== VERSION || (direction ?? 2) > 1) {
    throw new BadRequest('cursor must be one as we gave it')
  }
  if (direction !== (reverse ? 1 : 0)) {
    throw new BadRequest('the cursor is of a scan in the other direction')
  }
  const bound = bytes.slice(HEAD_BYTES)
  const { start, end } = span
  const isIn = compareBytes(bound, start) >= 0 && (!end || compareBytes(bound, end) <= 0)
  if (!isIn) throw new BadRequest('the cursor is of a scan of another range')
  return reverse ? { start, end: bound } : { start: bound, end }
}
