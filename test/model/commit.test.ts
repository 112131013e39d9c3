import { expect, test } from 'vitest'
import { commitModel } from './commit.ts'
import { RULES, type Rules, type Weather } from './commit-state.ts'
import { type Explored, explore } from './explore.ts'

// Goal: the commit protocol is right as a whole, and no rule of it can be left out. Method: all
// states it can reach, with each rule and without, under the weather that shows what it is for.

const run = (weather: Weather, without: Partial<Rules> = {}): Explored =>
  explore(commitModel({ ...RULES, ...without }, weather))

const WHOLE: readonly (readonly [string, Weather, readonly string[]])[] = [
  ['one coordinator', { others: 1 }, ['told committed', 'told aborted', 'a tombstone']],
  ['a reader beside it', { others: 1, reader: true }, ['read after the answer', 'absent']],
  ['a takeover', { others: 1, takeover: true }, ['committed, and nobody knows']],
  ['a second attempt', { others: 1, secondAttempt: true }, ['the second committed']],
  ['evicted sessions', { others: 1, evictions: true }, ['told committed']],
  ['three partitions', { others: 2, reader: true }, ['told committed', 'read after the answer']],
  [
    'a takeover, a second attempt and evictions',
    { others: 1, takeover: true, secondAttempt: true, evictions: true },
    ['the second committed', 'committed, and nobody knows']
  ]
]

for (const [name, weather, marks] of WHOLE) {
  test(`all or nothing, and never unknown for ever: ${name}`, () => {
    const explored = run(weather)
    expect([...explored.found]).toEqual([])
    for (const mark of marks) expect(explored.marks.get(mark), mark).toBeGreaterThan(0)
  })
}

const WITHOUT: readonly (readonly [Partial<Rules>, Weather, string])[] = [
  [{ tombstone: false }, { others: 1 }, 'an intent for ever'],
  [{ memo: false }, { others: 1 }, 'applied twice'],
  [{ ackFence: false }, { others: 1 }, 'applied twice'],
  [{ evictionFence: false }, { others: 1, evictions: true }, 'applied twice'],
  [{ goneAborts: false }, { others: 1 }, 'an intent for ever'],
  [{ commitIsCas: false }, { others: 1 }, 'torn'],
  [{ forgetLast: false }, { others: 1 }, 'torn'],
  [{ attemptsDiffer: false }, { others: 1, secondAttempt: true }, 'torn'],
  [{ rereadAbsent: false }, { others: 1, reader: true }, 'read old after the answer'],
  [
    { tellAfterAbort: false, successorAborts: false },
    { others: 1, takeover: true },
    'told aborted, and committed'
  ]
]

for (const [without, weather, what] of WITHOUT) {
  test(`without ${Object.keys(without).join(' and ')}: ${what}`, () => {
    expect([...run(weather, without).found.keys()]).toContain(what)
  })
}

test('what is wrong comes with a shortest way there', () => {
  expect(run({ others: 1 }, { tombstone: false }).found.get('an intent for ever')).toEqual([
    'begin 0',
    'prepare 0 1'
  ])
})

test('a search that cannot be finished proves nothing', () => {
  expect(() => explore(commitModel(RULES, { others: 1 }), 100)).toThrow('more than 100 states')
})
