import { expect, test } from 'vitest'
import { type Random, seededRandom } from '../../../src/world/random.ts'
import { type Append, checkGuarded, checkTenures, type Tenure } from './locks.ts'

// Goal: the checks of locks find each kind of breach, and accuse no lock that is one. Planted
// grants are `OWNER [shared] [ticket T] token N: called C, heard H, until U[, lost L][, released
// R]`.

const HEAD = /^(\w+)( shared)?(?: ticket (\d+))? token (\d+): (\d+)-(\d+)/
const END = / until (\d+)(?: lost (\d+))?(?: released (\d+))?$/
const FORM = new RegExp(HEAD.source + END.source)

function tenure(line: string): Tenure {
  const found = FORM.exec(line.trim())
  if (found === null) throw new Error(`cannot read ${line}`)
  const [, owner = '', shared, ...numbers] = found
  const [ticket, token, called, heard, until, lostAt, releasedAt] = numbers.map((text) =>
    text === undefined ? undefined : Number(text)
  )
  return {
    lock: 'l',
    owner,
    shared: shared !== undefined,
    ticket,
    token: token as number,
    called: called as number,
    heard: heard as number,
    until: until as number,
    lostAt,
    releasedAt
  }
}

const wrongs = (text: string): string => checkTenures(text.split('\n').map(tenure)).join('; ')

test.each([
  ['two tokens of one acquire', 'a token 1: 0-1 until 5\na token 2: 0-9 until 12', /was granted 1/],
  ['one token of two', 'a token 1: 0-1 until 5\nb token 1: 0-9 until 12', /have one token/],
  [
    'a waiter that was overtaken',
    'a ticket 3 token 9: 0-30 until 40\nb ticket 5 token 7: 0-10 until 20',
    /came behind/
  ],
  ['a token that fell', 'a token 9: 0-1 until 5\nb token 7: 6-8 until 12', /has the lower token/],
  ['two holders', 'a token 1: 0-1 until 10\nb token 2: 0-9 until 12', /both hold it at 9/],
  [
    'a writer among readers',
    'a shared token 1: 0-1 until 10\nb token 2: 0-9 until 12',
    /both hold/
  ],
  ['a lock that was lost too soon', 'a token 1: 0-1 until 10 lost 9', /lost at 9 what it held/]
])('finds %s', (_, text, wrong) => {
  expect(wrongs(text)).toMatch(wrong)
})

test.each([
  ['one after the other', 'a token 1: 0-1 until 10\nb token 2: 0-11 until 12'],
  ['readers together', 'a shared token 1: 0-1 until 10\nb shared token 2: 0-5 until 12'],
  ['a lease that ran out', 'a token 1: 0-1 until 10 lost 11\nb token 2: 0-11 until 12'],
  ['what was given up', 'a token 1: 0-1 until 5 lost 9 released 5\nb token 2: 0-6 until 12'],
  ['a waiter whose place expired', 'a ticket 5 token 7: 0-10 until 20\nb token 9: 0-30 until 40']
])('allows %s', (_, text) => {
  expect(wrongs(text)).toBe('')
})

const append = (element: string, token: number, outcome: Append['outcome'] = 'ok'): Append => {
  return { element, token, outcome }
}

test.each([
  ['a lost element', 'a', [append('a', 1), append('b', 2)], /b was written and is lost/],
  ['one of nobody', 'a x', [append('a', 1)], /x is of nobody/],
  ['one that was refused', 'a b', [append('a', 1), append('b', 2, 'failed')], /was refused/],
  ['one that is there twice', 'a a', [append('a', 1)], /a is there twice/],
  ['a stale token', 'b a', [append('a', 1), append('b', 2)], /a, of token 1, stands behind token 2/]
])('finds in a guarded list %s', (_, list, appends, wrong) => {
  expect(checkGuarded(list.split(' '), appends).join('; ')).toMatch(wrong)
})

test('a guarded list may have or lack what nobody knows of', () => {
  const appends = [append('a', 1), append('b', 1, 'unknown'), append('c', 3)]
  expect(checkGuarded(['a', 'c'], appends)).toEqual([])
  expect(checkGuarded(['a', 'b', 'c'], appends)).toEqual([])
})

/** Grants of a lock that is one by construction, with whatever its holders may not know. */
function correct(random: Random): Tenure[] {
  const tenures: Tenure[] = []
  let [now, token] = [0, 0]
  for (let i = 0; i < 2 + random.below(12); i++) {
    const shared = random.below(3) === 0
    const count = shared ? 1 + random.below(3) : 1
    let end = now
    for (let j = 0; j < count; j++) {
      const heard = now + random.below(50)
      const until = heard + random.below(60)
      const isReleased = random.below(2) === 0
      end = Math.max(end, until)
      token += 1 + random.below(3)
      tenures.push({
        lock: 'l',
        owner: `${i}.${j}`,
        shared,
        ticket: random.below(2) === 0 ? undefined : token * 2,
        token,
        called: now - random.below(30),
        heard,
        until,
        lostAt: random.below(4) === 0 ? until + random.below(9) : undefined,
        releasedAt: isReleased ? until : undefined
      })
    }
    now = end + random.below(20)
  }
  return tenures
}

test('accuses no lock that has one holder at a time', () => {
  for (let seed = 0; seed < 10_000; seed++) {
    expect(checkTenures(correct(seededRandom(`locks-${seed}`))), `seed ${seed}`).toEqual([])
  }
})
