import { jsonBytes } from '../gateway/json-bytes.ts'

/** Of keys and values in a table; what is longer is cut there, and whole with --json. */
const SHOWN_MAX = 60

/** A word as `txn` reads it: plain where that is clear, else in quotes; bytes by their number. */
export function shown(bytes: Uint8Array): string {
  const text = jsonBytes(bytes)
  if (typeof text !== 'string') return `(${bytes.length} bytes)`
  const whole = /^[^\s"'#\p{Cc}\p{Cf}][^\s"'\p{Cc}\p{Cf}]*$/u.test(text) ? text : quoted(text)
  return whole.length <= SHOWN_MAX ? whole : `${whole.slice(0, SHOWN_MAX)}…`
}

/** All of it in one line that no terminal obeys: as it is where it can be, else in quotes. */
export function shownWhole(bytes: Uint8Array): string {
  const text = jsonBytes(bytes)
  if (typeof text !== 'string') return `(${bytes.length} bytes)`
  return /^[^"\p{Cc}\p{Cf}\u2028\u2029]*$/u.test(text) ? text : quoted(text)
}

/** JSON leaves characters as they are that a terminal obeys. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`
  )
}
