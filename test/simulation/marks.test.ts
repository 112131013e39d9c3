import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sometimes, watchMarks } from '../../src/world/sometimes.ts'
import { filesUnder } from '../tidy/source.ts'
import { MarkTally, marksOf } from './marks.ts'

const ROOMS = 'raft|state|partition|transaction|storage|node|client|keyspace|wire|gateway'

test('every mark is named once, by its room and what happens', () => {
  const marks = marksOf()
  expect(marks.length).toBeGreaterThanOrEqual(80)
  expect(marks.filter((mark, i) => marks.indexOf(mark) !== i)).toEqual([])
  for (const mark of marks) expect(mark).toMatch(new RegExp(`^(${ROOMS}): [a-z].{8,}$`))
})

test('every mark stands in its room, and its name is a literal', () => {
  for (const path of filesUnder('src').filter((file) => file.endsWith('.ts'))) {
    if (path === 'src/world/sometimes.ts') continue
    const text = readFileSync(path, 'utf8')
    const calls = [...text.matchAll(/\bsometimes\(/g)].length
    const named = [...text.matchAll(/\bsometimes\('(\w+): [^']+'\)/g)].map(([, room]) => room)
    expect([path, named.length]).toEqual([path, calls])
    for (const room of named) expect(path.split('/')[1]).toBe(room)
  }
})

test('marks are noted while somebody watches, by the last who does', () => {
  sometimes('nobody watches')
  const first = watchMarks()
  sometimes('one')
  sometimes('one')
  const second = watchMarks()
  sometimes('two')
  expect([[...first], [...second]]).toEqual([['one'], ['two']])
})

test('a tally tells what was never reached, and what hardly was', () => {
  const tally = new MarkTally(['a', 'b', 'c'])
  tally.add(['a', 'b'])
  tally.add(['a'])
  expect(tally.never).toEqual(['c'])
  expect(tally.report()).toEqual([
    '2 of 3 marks of rare paths reached',
    '  never: c',
    '  by 1 seeds: b',
    '  by 2 seeds: a'
  ])
})
