// What JSON.parse does not tell: that a name stood twice in an object, of which it keeps the last,
// and how much memory a short text is about to take.

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const BRACKET = 0x5b
const BRACE = 0x7b

export interface JsonParts {
  /** Fields of all objects, as they stand in the text. */
  readonly fields: number
  /** Fields, items and beginnings of objects and arrays: no value takes less than one of them. */
  readonly marks: number
}

/** Counts the parts of `text`, which may be no JSON at all: then the counts mean nothing. */
export function partsOf(text: Uint8Array): JsonParts {
  let fields = 0
  let others = 0
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case QUOTE:
        i = endOfString(text, i)
        break
      case COLON:
        fields++
        break
      case COMMA:
      case BRACKET:
      case BRACE:
        others++
        break
    }
  }
  return { fields, marks: fields + others }
}

/** Where the string ends that begins at `start`, or the text does. */
function endOfString(text: Uint8Array, start: number): number {
  for (let i = start + 1; ; i++) {
    i = text.indexOf(QUOTE, i)
    if (i < 0) return text.length
    let first = i
    while (text[first - 1] === BACKSLASH) first--
    if ((i - first) % 2 === 0) return i
  }
}

/** Fields of all objects in `value`, which was parsed from JSON. */
export function fieldsIn(value: unknown): number {
  let fields = 0
  const open: unknown[] = [value]
  while (open.length > 0) {
    const one = open.pop()
    if (typeof one !== 'object' || one === null) continue
    const inside: readonly unknown[] = Object.values(one)
    if (!Array.isArray(one)) fields += inside.length
    for (const next of inside) open.push(next)
  }
  return fields
}
