import { Malformed } from './bytes.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Up to this length ASCII is read byte by byte, which is faster than a call of the decoder. */
const SHORT_TEXT = 48

/** The UTF-8 text of `length` bytes from `start`. Throws Malformed. Requires: they are there. */
export function textAt(bytes: Uint8Array, start: number, length: number): string {
  if (length === 0) return ''
  const end = start + length
  if (length <= SHORT_TEXT) {
    const units = new Array<number>(length)
    let i = start
    for (; i < end; i++) {
      const byte = bytes[i] as number
      if (byte >= 0x80) break
      units[i - start] = byte
    }
    // At once: a text that grows by one is a tree of texts, flattened by its first reader.
    if (i === end) return String.fromCharCode(...units)
  }
  try {
    return decoder.decode(bytes.subarray(start, end))
  } catch {
    throw new Malformed('text is not UTF-8')
  }
}
