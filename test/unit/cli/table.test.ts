import { expect, test } from 'vitest'
import { type Column, table } from '../../../src/cli/table.ts'

// Goal: columns stand under their heads, whatever is in the cells and however many rows there are.

interface Row {
  readonly number: number
  readonly text: string
  readonly more: string
}

const COLUMNS: readonly Column<Row>[] = [
  { head: 'N', of: ({ number }) => number },
  { head: 'TEXT', of: ({ text }) => text },
  { head: 'MORE', of: ({ more }) => more }
]

test('numbers to the right, texts to the left, a dash for nothing', () => {
  expect(table(COLUMNS, [])).toBe('N  TEXT  MORE')
  const rows = [
    { number: 7, text: '', more: 'last' },
    { number: 123, text: 'longer', more: '' }
  ]
  expect(`\n${table(COLUMNS, rows)}\n`).toBe(`
  N  TEXT    MORE
  7  -       last
123  longer  -
`)
})

test('a cell of several lines makes its row as tall', () => {
  const rows = [
    { number: 1, text: 'a\nbb\nc', more: 'x\ny' },
    { number: 2, text: 'd', more: 'z' }
  ]
  expect(`\n${table(COLUMNS, rows)}\n`).toBe(`
N  TEXT  MORE
1  a     x
   bb    y
   c
2  d     z
`)
})

test('wide characters take two columns, marks none', () => {
  const rows = ['東京', 'cafe\u0301', '🙂', 'é'].map((text, number) => ({
    number,
    text,
    more: '|'
  }))
  const [, ...lines] = table(COLUMNS, rows).split('\n')
  expect(lines).toEqual(['0  東京  |', '1  cafe\u0301  |', '2  🙂    |', '3  é     |'])
})

test('as many rows as a cluster can have partitions', () => {
  const rows = Array.from({ length: 65_536 }, (_, number) => ({ number, text: 'on', more: 'a b' }))
  const began = performance.now()
  const lines = table(COLUMNS, rows).split('\n')
  expect(performance.now() - began).toBeLessThan(5_000)
  expect([lines.length, lines.at(-1)]).toEqual([65_537, '65535  on    a b'])
})
