import { expect, test } from 'vitest'
import { type Explored, explore } from './explore.ts'
import { IsolationModel } from './isolation.ts'
import { type Key, type Plan, RULES, type Rules } from './isolation-state.ts'

// Goal: whatever transactions do to each other, and plain reads and writes beside them, those that
// committed can be put in one order that fits what each read and what came before what in time; and
// no rule can be left out.

/** `xy>y-z` reads x and y, puts y and deletes z; `!` before it: a plain one; `~`: an expiry. */
function plan(text: string): Plan {
  const [, mark, reads = '', puts = '', deletes = ''] =
    /^([!~]?)(\w*)>?(\w*)-?(\w*)$/.exec(text) ?? []
  const kind = mark === '!' ? 'plain' : mark === '~' ? 'expiry' : 'transaction'
  const keys = (names: string): readonly Key[] => [...names] as Key[]
  return { reads: keys(reads), puts: keys(puts), deletes: keys(deletes), kind }
}

interface Story {
  readonly name: string
  readonly plans: string
  /** Keys that are not there at first. */
  readonly absent?: string
  /** Keys of one group. */
  readonly together?: string
  /** Not all of them can commit. */
  readonly most?: number
}

function run({ plans, absent = '', together = '' }: Story, without: Partial<Rules> = {}): Explored {
  const world = {
    plans: plans.split(' ').map(plan),
    absent: [...absent] as Key[],
    together: [...together] as Key[]
  }
  return explore(new IsolationModel({ ...RULES, ...without }, world))
}

const SKEW = { name: 'write skew', plans: 'x>y y>x' }
const UPDATES = { name: 'lost updates', plans: 'x>x x>x' }
const PLAIN_READS = { name: 'plain reads', plans: '>xy !x !y' }
const SNAPSHOT = { name: 'a snapshot', plans: '>xy xy' }
const LONG_FORK = { name: 'a long fork', plans: '!>x !>y xy yx' }
const WRITE_UNDER_INTENT = { name: 'a plain write beside a snapshot', plans: '>xy !>x xy' }
const WRITE_UNDER_LOCK = { name: 'a plain write of what was read', plans: 'x>y !>x !y' }
const ONE_STEP = { name: 'one step beside several', plans: 'x>y >x !y' }
const SWAPS = { name: 'one of two keys, always', plans: 'xy >x-y >y-x', absent: 'x' }
const AGAIN = { name: 'a key made anew', plans: 'x>x !-x !>x' }
const EXPIRY = { name: 'a key that expires', plans: 'x>y ~-x xy' }

const WHOLE: readonly Story[] = [
  SKEW,
  UPDATES,
  PLAIN_READS,
  SNAPSHOT,
  LONG_FORK,
  WRITE_UNDER_INTENT,
  WRITE_UNDER_LOCK,
  ONE_STEP,
  SWAPS,
  AGAIN,
  EXPIRY,
  { name: 'write skew beside a snapshot', plans: 'x>y y>x xy' },
  { name: 'writers of both keys beside a snapshot', plans: 'xy>xy x>xy yx' },
  { name: 'keys that come and go', plans: '!>x !-x >xy xy', absent: 'xy' },
  { name: 'swaps in one group', plans: 'xy >x-y >y-x', absent: 'x', together: 'xy' },
  { name: 'swaps beside a plain write', plans: 'xy >x-y >y-x !>x', absent: 'x' },
  { name: 'two keys of one group', plans: 'x>y yz>x xz', together: 'yz' },
  { name: 'a ring of three', plans: 'x>y y>z z>x' },
  { name: 'three keys in a snapshot', plans: 'xyz >xy >yz' },
  { name: 'three keys and a plain write', plans: 'xyz >xyz !>y' },
  { name: 'write skew of three', plans: 'xyz>x xyz>y xyz>z', most: 3 }
]

for (const story of WHOLE) {
  const { name, plans, most = plans.split(' ').length } = story
  test(`strictly serializable: ${name}`, () => {
    const explored = run(story)
    expect([...explored.found]).toEqual([])
    expect(explored.marks.get(`${most} committed`), 'all committed').toBeGreaterThan(0)
  })
}

test('a plain read needs no second look', () => {
  expect([...run(PLAIN_READS, { secondCollect: false }).found]).toEqual([])
})

const UNORDERED = 'not serializable'
const LATE = 'not in the order of real time'
const WITHOUT: readonly (readonly [Story, Partial<Rules>, string])[] = [
  [SKEW, { readLocks: false }, UNORDERED],
  [UPDATES, { checkRevisions: false }, UNORDERED],
  [AGAIN, { revisionsNeverRepeat: false }, UNORDERED],
  [PLAIN_READS, { askRecord: false }, LATE],
  [PLAIN_READS, { rereadAbsent: false }, LATE],
  [SNAPSHOT, { rereadAbsent: false }, UNORDERED],
  [SNAPSHOT, { secondCollect: false }, UNORDERED],
  [LONG_FORK, { secondCollect: false }, UNORDERED],
  [SNAPSHOT, { collectAsks: false }, UNORDERED],
  [SWAPS, { quietSince: false }, UNORDERED],
  [SWAPS, { createdAtResolve: false }, UNORDERED],
  [WRITE_UNDER_INTENT, { writesMeetIntents: false }, LATE],
  [WRITE_UNDER_LOCK, { writesMeetLocks: false }, LATE],
  [ONE_STEP, { oneStepChecks: false }, LATE],
  [EXPIRY, { heldKeysStay: false }, UNORDERED]
]

for (const [story, without, what] of WITHOUT) {
  test(`without ${Object.keys(without).join(' and ')}, ${story.name}: ${what}`, () => {
    expect([...run(story, without).found.keys()]).toContain(what)
  })
}

test('every rule is left out once', () => {
  const left = WITHOUT.flatMap(([, without]) => Object.keys(without))
  expect(Object.keys(RULES).filter((rule) => !left.includes(rule))).toEqual([])
})

test('looks without records show a half of what is half resolved', () => {
  expect(run(SNAPSHOT, { collectAsks: false }).found.get(UNORDERED)).toEqual([
    'prepare 0 x',
    'read 1 y',
    'prepare 0 y',
    'commit 0',
    'resolve 0 x',
    'read 1 x',
    'look 1 x',
    'look 1 y',
    'resolve 0 y'
  ])
})
