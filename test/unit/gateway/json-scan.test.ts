import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fieldsIn, partsOf } from '../../../src/gateway/json-scan.ts'
import { utf8 } from '../../../src/wire/bytes.ts'

test('goal: a text has as many fields as its value, whatever stands in its strings', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.boolean(), (text, spaced) => {
      const value: unknown = JSON.parse(text)
      const written = JSON.stringify(value, null, spaced ? 2 : undefined)
      expect(partsOf(utf8(written)).fields).toBe(fieldsIn(value))
    })
  )
})

test('goal: of a name that stands twice the value keeps one', () => {
  for (const text of ['{"a":1,"a":2}', '[{"a":{"b":1,"\\u0062":[]}}]', '{"\\\\":1,"\\\\":":{"}']) {
    const value: unknown = JSON.parse(text)
    expect(partsOf(utf8(text)).fields).toBe(fieldsIn(value) + 1)
  }
})

test('goal: quotes and backslashes in strings end them as JSON says', () => {
  for (const inside of ['', '\\"', '\\\\', '\\\\\\"', '{[,:', '\\":\\\\', 'ü:']) {
    const text = `{"${inside}":["${inside}"]}`
    expect(partsOf(utf8(text))).toEqual({ fields: 1, marks: 3 })
  }
  expect(partsOf(utf8('{"a'))).toEqual({ fields: 0, marks: 1 })
})
