import { expect, test } from 'vitest'
import { seededRandom } from '../../../src/world/random.ts'
import { checkWatch, type SeenChange, type Shown } from './watch.ts'

// Goal: the check of watches accuses each way to break a promise by its name, and no watch that was
// shown what happened. Method: planted histories, and thousands drawn by chance, right and spoiled.

const change = (position: number, key: string, more: Partial<SeenChange> = {}): SeenChange => {
  return { position, place: 0, key, revision: position, value: 'v', expired: false, ...more }
}

const HAPPENED: readonly SeenChange[] = [
  change(2, 'a'),
  change(3, 'b'),
  change(5, 'a', { value: undefined }),
  change(7, 'a', { revision: 6 }),
  change(7, 'b', { revision: 6, place: 1 }),
  change(9, 'a', { value: undefined, expired: true }),
  change(9, 'a', { place: 1, revision: 10 })
]

const wrongs = (shown: Partial<Shown>, watches = (_: string): boolean => true): string[] => {
  const whole = { group: 1, from: 0, changes: HAPPENED, upTo: 10, partly: 0, ...shown }
  return checkWatch({ name: 'w', watches, shown: [whole] }, new Map([[1, HAPPENED]]))
}

const without = (i: number): readonly SeenChange[] => HAPPENED.toSpliced(i, 1)
const twice = (i: number): readonly SeenChange[] =>
  HAPPENED.toSpliced(i, 0, HAPPENED[i] as SeenChange)

test('allows what happened, from anywhere, to anywhere', () => {
  expect(wrongs({})).toEqual([])
  expect(wrongs({ from: 3, changes: HAPPENED.slice(2) })).toEqual([])
  expect(wrongs({ upTo: 6, changes: HAPPENED.slice(0, 3) })).toEqual([])
  expect(wrongs({ upTo: 6, partly: 1, changes: HAPPENED.slice(0, 4) })).toEqual([])
  const ofB = HAPPENED.filter(({ key }) => key === 'b')
  expect(wrongs({ changes: ofB }, (key) => key === 'b')).toEqual([])
})

test.each([
  ['a change missed in the middle', { changes: without(2) }, 'was next'],
  ['the last one missed', { changes: without(6) }, 'missed'],
  ['one behind the cursor', { upTo: 6, changes: HAPPENED.slice(0, 4) }, 'not to be'],
  ['one before the beginning', { from: 3 }, 'not to be'],
  ['a change shown twice', { changes: twice(1) }, 'shown twice'],
  ['half of a transaction', { upTo: 7, changes: HAPPENED.slice(0, 4) }, 'missed'],
  ['a bookmark too early', { upTo: 10, changes: HAPPENED.slice(0, 5) }, 'missed'],
  ['what never was', { changes: [change(2, 'a', { value: 'x' })], upTo: 2 }, 'not to be'],
  [
    'an expiry told as a delete',
    { changes: HAPPENED.with(5, change(9, 'a', { value: undefined })) },
    'not to be'
  ],
  [
    'another order',
    { changes: [...HAPPENED.slice(0, 3), ...HAPPENED.slice(3, 5).reverse(), ...HAPPENED.slice(5)] },
    'was next'
  ]
])('finds %s', (_, shown, word) => {
  expect(wrongs(shown).join()).toContain(word)
})

test('finds revisions of a key that do not rise', () => {
  const changes = [change(1, 'a', { revision: 5 }), change(2, 'a', { revision: 5 })]
  const shown = [{ group: 1, from: 0, changes, upTo: 2, partly: 0 }]
  const run = { name: 'w', watches: () => true, shown }
  expect(checkWatch(run, new Map([[1, changes]])).join()).toContain('does not rise')
})

test('accuses no right watch, and finds one that is spoiled', () => {
  for (let seed = 0; seed < 5_000; seed++) {
    const random = seededRandom(`watch-${seed}`)
    const all: SeenChange[] = []
    let position = 0
    for (let i = 0; i < 1 + random.below(30); i++) {
      position += 1 + random.below(3)
      const places = 1 + random.below(3)
      for (let place = 0; place < places; place++) {
        all.push(change(position, `k${place}`, { place, value: `${seed}-${i}` }))
      }
    }
    const watches = (key: string): boolean => random.fork(key).below(4) > 0
    const from = random.below(position + 1)
    const upTo = from + random.below(position - from + 1)
    const right = all.filter((one) => one.position > from && one.position <= upTo)
    const changes = right.filter(({ key }) => watches(key))
    const check = (shown: readonly SeenChange[]): string[] => {
      const one = { group: 1, from, changes: shown, upTo, partly: 0 }
      return checkWatch({ name: 'w', watches, shown: [one] }, new Map([[1, all]]))
    }
    expect(check(changes), `seed ${seed}`).toEqual([])
    if (changes.length === 0) continue
    const at = random.below(changes.length)
    expect(check(changes.toSpliced(at, 1)), `seed ${seed}`).not.toEqual([])
    const again = changes.toSpliced(at, 0, changes[at] as SeenChange)
    expect(check(again), `seed ${seed}`).not.toEqual([])
  }
})
