import { expect, test } from 'vitest'
import { commitModel } from './commit.ts'
import { RULES, type Rules, type Weather } from './commit-state.ts'
import { type Explored, explore } from './explore.ts'

// Goal: the commit protocol is right as a whole, and it is known of each rule what goes wrong
// without it. Method: all states it can reach, with each rule and without, under the weather that
// shows what it is for.

const run = (weather: Weather, without: Partial<Rules> = {}): Explored =>
  explore(commitModel({ ...RULES, ...without }, weather))

const ALONE: Weather = { others: 1 }
const LEADERS: Weather = { others: 1, secondLeader: true }
const EVICTIONS: Weather = { others: 1, evictions: true }
const LATE: Weather = { others: 1, secondLeader: true, evictions: true }
const REPEAT: Weather = { others: 1, repeat: true, patient: true }
const REPEAT_IDLE: Weather = { ...REPEAT, idleAnchor: true }
const REPEAT_LEADERS: Weather = { ...REPEAT_IDLE, secondLeader: true }
const WORST: Weather = { ...LATE, refusals: true, full: true }

const WHOLE: readonly (readonly [string, Weather, readonly string[]])[] = [
  ['one coordinator', ALONE, ['told committed', 'told aborted', 'a tombstone', 'forgotten']],
  ['two leaders', LEADERS, ['the second leader', 'committed, and nobody knows']],
  ['a reader beside them', { ...LEADERS, reader: true }, ['read after the answer', 'absent']],
  ['three groups', { others: 2 }, ['told committed', 'forgotten']],
  ['the next try', { others: 1, again: true, evictions: true }, ['the second committed']],
  [
    'a repeat through another node',
    REPEAT_LEADERS,
    ['a repeat is told', 'the first is told what its repeat did', 'both are told otherwise']
  ],
  ['a repeat, its anchor without work', REPEAT_IDLE, ['a repeat is told']],
  ['a repeat, and its key is forgotten', { ...REPEAT, forgets: true }, ['the key is forgotten']],
  ['a repeat, and sessions are', { ...REPEAT, evictions: true }, ['a repeat is told']],
  ['all at once', WORST, ['a late copy', 'committed, and nobody knows', 'the second leader']]
]

for (const [name, weather, marks] of WHOLE) {
  test(`all or nothing, and never unknown for ever: ${name}`, () => {
    const explored = run(weather)
    expect([...explored.found]).toEqual([])
    for (const mark of marks) expect(explored.marks.get(mark), mark).toBeGreaterThan(0)
  })
}

const WITHOUT: readonly (readonly [Partial<Rules>, Weather, string])[] = [
  [{ tombstone: false }, ALONE, 'an intent for ever'],
  [{ tombstoneFits: false }, LATE, 'told aborted, and committed'],
  [{ memo: false }, ALONE, 'applied twice'],
  [{ createRefusedIsAborted: false }, { ...LEADERS, refusals: true }, 'torn'],
  [{ ackFence: false }, ALONE, 'applied twice'],
  [{ basisFence: false }, EVICTIONS, 'applied twice'],
  [{ sameBasis: false }, LATE, 'applied twice'],
  [{ goneAborts: false }, ALONE, 'an intent for ever'],
  [{ resolveDecided: false }, LEADERS, 'torn'],
  [{ commitIsCas: false }, ALONE, 'torn'],
  [{ tellAfterAbort: false }, LEADERS, 'told aborted, and committed'],
  [{ forgetLast: false }, ALONE, 'torn'],
  [{ namesDiffer: false }, { others: 1, again: true }, 'torn'],
  [{ rereadAbsent: false }, { others: 1, reader: true }, 'read old after the answer'],
  [{ roomReserved: false }, { others: 1, full: true }, 'applied twice'],
  [{ fullIsNoAnswer: false }, { others: 1, full: true }, 'torn'],
  [{ asksKey: false }, REPEAT, 'done twice'],
  [{ asksUnderWay: false }, REPEAT_IDLE, 'done twice'],
  [{ answerWithCommit: false }, REPEAT, 'done twice'],
  [{ keyRefusedIsAborted: false }, REPEAT_LEADERS, 'torn'],
  [{ lateRefused: false }, { ...REPEAT, forgets: true }, 'done twice'],
  [{ otherwiseAsks: false }, REPEAT, 'told otherwise, and committed'],
  [{ otherwiseKept: false }, REPEAT, 'told otherwise, and committed']
]

for (const [without, weather, what] of WITHOUT) {
  test(`without ${Object.keys(without).join(' and ')}: ${what}`, () => {
    expect([...run(weather, without).found.keys()]).toContain(what)
  })
}

// These make less work, or guard against what another rule guards against, too.
const SPARE: Partial<Rules> = {
  earlyMemo: false,
  refusalMemo: false,
  termCas: false,
  pinned: false
}

test('without all spare rules nothing goes wrong', () => {
  expect([...run(LATE, SPARE).found]).toEqual([])
})

test('every rule is left out once', () => {
  const left = [SPARE, ...WITHOUT.map(([without]) => without)].flatMap(Object.keys)
  expect(Object.keys(RULES).filter((rule) => !left.includes(rule))).toEqual([])
})

test('what is wrong comes with a shortest way there', () => {
  expect(run(ALONE, { tombstone: false }).found.get('an intent for ever')).toEqual([
    'begin 0',
    'prepare 0 1'
  ])
  // Who is told "aborted" by a tombstone that was left long after all of it was forgotten.
  expect(run(LATE, { tombstoneFits: false }).found.get('told aborted, and committed')).toEqual([
    'begin 0',
    'time-out 0',
    'begin 1',
    'create 1',
    'prepare 1 1',
    'decide 1',
    'die 1',
    'commit 1',
    'recover 0',
    'resolve 0 C at 1',
    'forget 0',
    'evict 0',
    'abort 0'
  ])
})

test('a search that cannot be finished proves nothing', () => {
  expect(() => explore(commitModel(RULES, ALONE), 100)).toThrow('more than 100 states')
})
