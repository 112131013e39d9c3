import { expect, test } from 'vitest'
import { type CoinEvent, checkCoin } from './coin.ts'

// Goal: a coin that is seen twice, not at all, or as it was before, is told; a sound history is
// not.

const look = (called: number, returned: number, ...moves: readonly number[]): CoinEvent => {
  return { type: 'look', client: 'a', called, returned, moves }
}
const move = (
  called: number,
  returned: number | undefined,
  moves: number,
  outcome: 'ok' | 'failed' | 'unknown' = 'ok'
): CoinEvent => ({ type: 'move', client: 'b', called, returned, moves, outcome })

test('a sound history passes, whatever overlaps', () => {
  expect(checkCoin([look(0, 0)])).toBeUndefined()
  const history = [
    look(0, 1),
    move(1, 5, 1),
    look(2, 6),
    look(3, 4, 1),
    move(5, 9, 2),
    move(5, 9, 2, 'failed'),
    move(10, undefined, 3, 'unknown'),
    look(12, 13, 2),
    look(20, 21, 3)
  ]
  expect(checkCoin(history)).toBeUndefined()
})

test.each<[string, string, readonly CoinEvent[]]>([
  ['two coins', 'several places', [move(0, 1, 1), look(2, 3, 1, 2)]],
  ['none', 'after move 1', [move(0, 1, 1), look(2, 3), look(4, 5, 1)]],
  ['an old one', 'after move 2', [move(0, 1, 1), move(2, 3, 2), look(4, 5, 1), look(6, 7, 2)]],
  [
    'older than another saw',
    'after move 1',
    [move(0, 9, 1), look(1, 2, 1), look(3, 4), look(10, 11, 1)]
  ],
  ['one move twice', 'same move', [move(0, 1, 1), move(0, 1, 1), look(2, 3, 1)]],
  [
    'a move from the past',
    'after move 2',
    [move(0, 1, 1), move(2, undefined, 2, 'unknown'), look(4, 5, 2), move(6, 7, 2), look(8, 9, 2)]
  ],
  ['a move lost', 'were made', [move(2, 3, 1), look(3, 4)]],
  ['a move that failed', 'were made', [move(0, 1, 1, 'failed'), look(2, 3, 1)]],
  ['no end', 'nobody looked', [move(0, 1, 1)]]
])('%s is told', (_, words, history) => {
  expect(checkCoin(history)).toContain(words)
})
