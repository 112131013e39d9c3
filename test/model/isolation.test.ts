import { expect, test } from 'vitest'
import { type Explored, explore } from './explore.ts'
import { IsolationModel, type Key, type Plan, RULES, type Rules } from './isolation.ts'

// Goal: whatever transactions do to each other, those that committed can be put in one order that
// fits what each read and what came before what in time; and no rule can be left out.

const plan = (reads: string, writes: string): Plan => ({
  reads: [...reads] as Key[],
  writes: [...writes] as Key[]
})

const run = (plans: readonly Plan[], without: Partial<Rules> = {}): Explored =>
  explore(new IsolationModel({ ...RULES, ...without }, plans))

const SKEW = [plan('x', 'y'), plan('y', 'x')]
const UPDATES = [plan('x', 'x'), plan('x', 'x')]
const PLAIN_READS = [plan('', 'xy'), plan('x', ''), plan('y', '')]
const LONG_FORK = [plan('', 'x'), plan('', 'y'), plan('xy', ''), plan('yx', '')]
const SNAPSHOT = [plan('', 'xy'), plan('xy', '')]

const WHOLE: readonly (readonly [string, readonly Plan[]])[] = [
  ['write skew', SKEW],
  ['lost updates', UPDATES],
  ['plain reads', PLAIN_READS],
  ['a long fork', LONG_FORK],
  ['a snapshot', SNAPSHOT],
  ['write skew beside a snapshot', [...SKEW, plan('xy', '')]],
  ['writers of both keys beside a snapshot', [plan('xy', 'xy'), plan('x', 'xy'), plan('yx', '')]]
]

for (const [name, plans] of WHOLE) {
  test(`strictly serializable: ${name}`, () => {
    const explored = run(plans)
    expect([...explored.found]).toEqual([])
    expect(explored.marks.get(`${plans.length} committed`), 'all committed').toBeGreaterThan(0)
  })
}

test('a plain read needs no second look', () => {
  expect([...run(PLAIN_READS, { secondCollect: false }).found]).toEqual([])
})

const UNORDERED = 'not serializable'
const LATE = 'not in the order of real time'
const WITHOUT: readonly (readonly [string, readonly Plan[], Partial<Rules>, string])[] = [
  ['write skew', SKEW, { readLocks: false }, UNORDERED],
  ['lost updates', UPDATES, { checkRevisions: false }, UNORDERED],
  ['plain reads', PLAIN_READS, { askRecord: false, secondCollect: false }, LATE],
  ['a snapshot', SNAPSHOT, { secondCollect: false }, UNORDERED],
  ['a long fork', LONG_FORK, { secondCollect: false }, UNORDERED],
  ['a snapshot', SNAPSHOT, { collectMeetsIntents: false }, UNORDERED],
  ['a long fork', LONG_FORK, { collectMeetsIntents: false }, LATE]
]

for (const [name, plans, without, what] of WITHOUT) {
  test(`without ${Object.keys(without).join(' and ')}, ${name}: ${what}`, () => {
    expect([...run(plans, without).found.keys()]).toContain(what)
  })
}
