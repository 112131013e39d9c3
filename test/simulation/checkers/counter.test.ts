import { expect, test } from 'vitest'
import { seededRandom } from '../../../src/world/random.ts'
import { checkCounter, type Increment } from './counter.ts'

// Goal: the counter check names every count lost, doubled or shared, and no correct life of a
// counter.

const counted = (value: number, by = 1): Increment => ({
  client: `to-${value}`,
  by,
  outcome: { type: 'ok', answer: { type: 'counted', value, revision: value } }
})
const unknown = (by = 1): Increment => ({ client: 'u', by, outcome: { type: 'unknown' } })
const failed = (by = 1): Increment => ({ client: 'f', by, outcome: { type: 'failed' } })

const BAD: readonly (readonly [string, readonly Increment[], number])[] = [
  ['an acknowledged one is lost', [counted(1), counted(2)], 1],
  ['one applied twice', [counted(1)], 2],
  ['an unknown one applied twice', [counted(1), unknown()], 3],
  ['a failed one applied', [counted(1), failed()], 2],
  ['two counted to one number', [counted(1), counted(1), unknown()], 2],
  ['an update covered another', [counted(3, 3), counted(5, 3)], 6],
  ['a count beyond the end', [counted(1), counted(3), unknown(), unknown()], 2],
  ['a count below its own amount', [counted(2, 3), unknown(9)], 5],
  ['nothing asked, something there', [], 1],
  [
    'an answer of another kind',
    [{ client: 'a', by: 1, outcome: { type: 'ok', answer: { type: 'absent' } } }],
    1
  ]
]

test.each(BAD)('finds: %s', (_name, increments, final) => {
  expect(checkCounter(increments, final).length).toBeGreaterThan(0)
})

test('accuses no counter that counted right', () => {
  for (let seed = 0; seed < 10_000; seed++) {
    const random = seededRandom(`counter-${seed}`)
    const increments: Increment[] = []
    let value = 0
    for (let i = 0; i < 30; i++) {
      const by = random.below(4) + 1
      const fate = random.below(10)
      if (fate === 0) increments.push(failed(by))
      else if (fate < 3) {
        if (random.below(2) === 0) value += by
        increments.push(unknown(by))
      } else {
        value += by
        increments.push(counted(value, by))
      }
    }
    expect(checkCounter(increments, value), `seed ${seed}`).toEqual([])
  }
})

test('an amount that cannot be told apart is refused', () => {
  expect(() => checkCounter([unknown(0)], 0)).toThrow()
})
