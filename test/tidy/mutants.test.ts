import { parse } from '@babel/parser'
import { expect, test } from 'vitest'
import { MUTANTS } from '../mutants/all.ts'
import { mutated } from '../mutants/apply.ts'

// Goal: `npm run mutants` can be trusted tomorrow. A mutant whose text is gone from the code would
// test nothing, so each is applied here, in memory, with every `npm test`.

/** What the issue of proof asks for: design §12, by number. */
const WANTED = [
  1, 2, 3, 4, 10, 11, 12, 13, 15, 16, 17, 18, 19, 20, 21, 26, 27, 28, 29, 31, 32, 33, 35, 36
]

const root = process.cwd()

test.each(MUTANTS)('$id still applies: it $does', (mutant) => {
  for (const [file, text] of mutated(root, mutant)) {
    expect(() => parse(text, { sourceType: 'module', plugins: ['typescript'] }), file).not.toThrow()
  }
})

test('every fault that was asked for has a mutant, and no id stands twice', () => {
  const numbers = new Set(MUTANTS.map(({ id }) => Number.parseInt(id.slice(1), 10)))
  expect(WANTED.filter((number) => !numbers.has(number))).toEqual([])
  expect(new Set(MUTANTS.map(({ id }) => id)).size).toBe(MUTANTS.length)
})

test('a mutant that is out of date is told', () => {
  const edit = { file: 'package.json', from: '"name": "keymesh"', to: '"name": "other"' }
  const mutant = { id: 'M0', does: 'nothing', edits: [edit] }
  expect(mutated(root, mutant).get('package.json')).toContain('"other"')
  const gone = { ...mutant, edits: [{ ...edit, from: 'what nobody ever wrote there' }] }
  expect(() => mutated(root, gone)).toThrow('0 times')
  const often = { ...mutant, edits: [{ ...edit, from: 'node' }] }
  expect(() => mutated(root, often)).toThrow('times, not once')
  const same = { ...mutant, edits: [{ ...edit, to: edit.from }] }
  expect(() => mutated(root, same)).toThrow('changes nothing')
})
