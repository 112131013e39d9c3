import { expect, test } from 'vitest'
import { API } from '../../../src/gateway/api.ts'
import { conditionOf, names } from '../../../src/gateway/conditions.ts'
import { headerReader } from '../../../src/gateway/parameters.ts'

const read = headerReader(API.put.headers, [])

test('a change depends on one strong tag, or on there being no such key', () => {
  expect(conditionOf(read({}))).toEqual({})
  expect(conditionOf(read({ 'if-match': '"17"' }))).toEqual({ ifRevision: 17 })
  expect(conditionOf(read({ 'if-match': '"0"' }))).toEqual({ ifRevision: 0 })
  expect(conditionOf(read({ 'if-none-match': '*' }))).toEqual({ ifRevision: 0 })
})

test.each(['17', '*', '"01"', '"00"', 'W/"17"', '"1", "2"', '"x"', '"9999999999999999"', ''])(
  'If-Match: %s is refused',
  (header) => {
    expect(() => conditionOf(read({ 'if-match': header }))).toThrow(/If-Match must be/)
  }
)

test.each(['"17"', '', '**', '*, "1"'])('If-None-Match: %s is refused on a change', (header) => {
  expect(() => read({ 'if-none-match': header })).toThrow('If-None-Match must be * with a change')
})

test('a read may name several tags, weak ones too', () => {
  expect(names('"1", W/"17"', 17)).toBe(true)
  expect(names('*', 17)).toBe(true)
  expect(names('"1", "7"', 17)).toBe(false)
})
