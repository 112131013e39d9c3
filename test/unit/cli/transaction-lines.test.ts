import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readLines } from '../../../src/cli/transaction-lines.ts'
import { requestOf } from '../../../src/cli/txn.ts'
import type { TransactionRequest } from '../../../src/client/transactor-types.ts'
import { utf8 } from '../../../src/wire/bytes.ts'

const read = (text: string, isBase64url = false): TransactionRequest => readLines(text, isBase64url)

describe('goal: each line says one thing, and that alone', () => {
  test('conditions, operations, and the other branch', () => {
    const text = `
# A comment, and an empty line.

if a revision 5
if b exists   # behind a line, too
  if b absent
if c = "two words"
put k 'it # is "so"' ttl 1500ms
put k "it's \\"so\\"\\n"
put {"x":1} #nothing`
    expect(() => read(text)).toThrow(
      /^line 10: a quote inside a word; put quotes around all of it$/
    )
    expect(
      read(`${text.split('\n').slice(0, -1).join('\r\n')}
delete k
get a#b
increment n
increment n -3
else
get k`)
    ).toEqual({
      if: [
        { type: 'revision', key: utf8('a'), revision: 5 },
        { type: 'exists', key: utf8('b'), exists: true },
        { type: 'exists', key: utf8('b'), exists: false },
        { type: 'value', key: utf8('c'), value: utf8('two words') }
      ],
      steps: [
        { type: 'put', key: utf8('k'), value: utf8('it # is "so"'), ttlMs: 1_500 },
        { type: 'put', key: utf8('k'), value: utf8('it\'s "so"\n') },
        { type: 'delete', key: utf8('k') },
        { type: 'get', key: utf8('a#b') },
        { type: 'increment', key: utf8('n'), by: 1 },
        { type: 'increment', key: utf8('n'), by: -3 }
      ],
      otherwise: [{ type: 'get', key: utf8('k') }]
    })
  })

  test('words that mean something elsewhere are keys where a key stands', () => {
    expect(read('put put ttl ttl 5s\nget else\nif if = =')).toEqual({
      if: [{ type: 'value', key: utf8('if'), value: utf8('=') }],
      steps: [
        { type: 'put', key: utf8('put'), value: utf8('ttl'), ttlMs: 5_000 },
        { type: 'get', key: utf8('else') }
      ],
      otherwise: []
    })
    expect(read("put a ''").steps).toEqual([{ type: 'put', key: utf8('a'), value: utf8('') }])
  })

  test('any text is a key and a value in quotes', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(text, text, (key, value) => {
        const line = `put ${JSON.stringify(key)} ${JSON.stringify(value)}`
        // A line ends where the file says so, not inside of quotes.
        expect(read(line).steps).toEqual([{ type: 'put', key: utf8(key), value: utf8(value) }])
      })
    )
  })

  test('keys in base64url', () => {
    expect(read('put _w _w', true).steps).toEqual([
      { type: 'put', key: Uint8Array.of(0xff), value: utf8('_w') }
    ])
    expect(() => read('\nget a', true)).toThrow('line 2: "a" is not base64url without padding')
  })
})

test.each([
  ['gte a', /^line 1: "gte" is no operation; there are if, put/],
  ['get', 'line 1: KEY is missing'],
  ['get ""', 'line 1: a key has at least 1 byte'],
  [`get ${'k'.repeat(4_097)}`, /^line 1: a key has at most 4096 bytes/],
  ['put a', 'line 1: VALUE is missing'],
  ['put a b c', 'line 1: too much: "c"; quote what has spaces'],
  ['put a b ttl', 'line 1: the TIME of ttl is missing'],
  ['put a b ttl 10', /^line 1: not a time as in/],
  ['put a b ttl 0s', /^line 1: not a time as in/],
  ['put a b ttl 9999999999d', /^line 1: not a time as in/],
  ['increment n 1.5', 'line 1: not a whole number: 1.5'],
  ['increment n 9007199254740992', /^line 1: not a whole number/],
  ['if a', /^line 1: after the key of a condition comes revision R/],
  ['if a is b', /^line 1: after the key of a condition comes/],
  ['if a revision', 'line 1: R is missing'],
  ['if a revision -1', 'line 1: not a revision: -1'],
  ['if a exists b', /^line 1: too much: "b"/],
  ['else\nelse', 'line 2: a second else'],
  ['else get a', /^line 1: too much: "get"/],
  ['else\nif a exists', 'line 2: conditions stand before else'],
  ['put a "b', /^line 1: a quote is open/],
  ["put a 'b", /^line 1: a quote is open/],
  ["put it's b", /^line 1: (a quote|.*open)/],
  ['put "a"b c', /^line 1: a quote inside a word/],
  ['put a "\\x"', /^line 1: "\\x" has an escape that JSON has not/],
  ['put a "\\ud800"', 'line 1: half a surrogate pair is not UTF-8']
])('goal: what makes no sense is told with its line: %j', (text, message) => {
  expect(() => read(text)).toThrow(message)
})

describe('goal: a file is lines or the JSON of HTTP, told by its first character', () => {
  const ofLines = (text: string | Uint8Array) =>
    requestOf(typeof text === 'string' ? utf8(text) : text, false)

  test('both say the same', () => {
    const json = ' {"if":[{"key":"a","exists":true}],"ops":[{"get":"a"}],"else":[]}\n'
    expect(ofLines(json)).toEqual(ofLines('\ufeffif a exists\nget a\nelse\n'))
    expect(requestOf(utf8('{"ops":[{"get":"_w"}]}'), true).steps).toEqual([
      { type: 'get', key: Uint8Array.of(0xff) }
    ])
  })

  test('what is neither, nothing or too much is refused', () => {
    expect(() => ofLines('[]')).toThrow('line 1: "[]" is no operation')
    expect(() => ofLines('{"ops":[{}]}')).toThrow('ops.0 must be one operation')
    expect(() => ofLines(Uint8Array.of(0xff))).toThrow('a transaction is text in UTF-8')
    expect(() => ofLines('# nothing')).toThrow('a transaction has at least one operation')
  })
})
