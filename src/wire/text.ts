import { Malformed } from './bytes.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Up to this length ASCII is read byte by byte, which is faster than a call of the decoder. */
const SHORT_TEXT = 48

/** The UTF-8 text of `length` bytes from `start`. Throws Malformed. Requires: they are there. */
export function textAt(bytes: Uint8Array, start: number, length: number): string {
  const end = start + length
  if (length <= SHORT_TEXT) {
    let text = ''
    let i = start
    for (; i < end; i++) {
      const byte = bytes[i] as number
      if (byte >= 0x80) break
      text += String.fromCharCode(byte)
    }
    if (i === end) return text
  }
  try {
    return decoder.decode(bytes.subarray(start, end))
  } catch {
    throw new Malformed('text is not UTF-8')
  }
}
