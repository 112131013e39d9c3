import { expect, test } from 'vitest'
import { type Random, seededRandom } from '../../../src/world/random.ts'
import { checkBank } from './bank.ts'
import { explain, type Move } from './bank-explanation.ts'
import { correctBank } from './generated-bank.ts'
import { BAD_BANKS, GOOD_BANKS, parseBank } from './planted-bank.ts'

// Goal: the check of a bank names each way in which money comes, goes or moves of itself, and
// accuses no bank that is correct.

const kindsOf = (text: string): string[] => {
  const { bank, history } = parseBank(text)
  return [...new Set(checkBank(history, bank).map(({ kind }) => kind))].sort()
}

test.each(BAD_BANKS)('planted: $faults: $name', ({ history, faults }) => {
  expect(kindsOf(history)).toEqual(faults)
})

test.each(GOOD_BANKS)('innocent: $name', ({ history }) => {
  expect(kindsOf(history)).toEqual([])
})

test('accuses no bank that is correct by construction', () => {
  const count = { ok: 0, failed: 0, unknown: 0 }
  for (let seed = 0; seed < 10_000; seed++) {
    const random = seededRandom(`bank-${seed}`)
    const { bank, history } = correctBank(random, {
      accounts: 2 + random.below(6),
      clients: 1 + random.below(8),
      operations: 5 + random.below(80),
      amountMax: 1 + random.below(8),
      isGuarded: random.below(2) === 0
    })
    expect(checkBank(history, bank), `seed ${seed}`).toEqual([])
    for (const { outcome } of history) count[outcome]++
  }
  expect(count.ok).toBeGreaterThan(100_000)
  expect(Math.min(count.failed, count.unknown)).toBeGreaterThan(20_000)
})

const ONE = { count: 1, amountMax: 3 }

test('explains what can be, and nothing else', () => {
  const count = { explained: 0, unexplained: 0 }
  for (let seed = 0; seed < 3_000; seed++) {
    const random = seededRandom(`explain-${seed}`)
    const moves = drawMoves(random, 4, { count: random.below(9), amountMax: 3 })
    const made = [...moves.filter(() => random.below(2) === 0), ...drawMoves(random, 4, ONE)]
    const missing = new Map(['A0', 'A1', 'A2', 'A3'].map((name) => [name, changeOf(name, made)]))
    const isPossible = choices(moves).some((some) =>
      [...missing].every(([name, by]) => changeOf(name, some) === by)
    )
    const expected = isPossible ? 'explained' : 'unexplained'
    expect(explain(missing, moves), `seed ${seed}`).toBe(expected)
    count[expected]++
  }
  expect(Math.min(count.explained, count.unexplained)).toBeGreaterThan(500)
})

test('says so when it gave up', () => {
  const moves = Array.from({ length: 40 }, (_, i) => ({ from: 'A', to: 'B', amount: 1000 + 2 * i }))
  const missing = new Map([
    ['A', -20_001],
    ['B', 20_001]
  ])
  expect(explain(missing, moves, 1_000)).toBe('undecided')
})

test('explains hundreds of unknown transfers', () => {
  for (const amountMax of [1, 5, 100]) {
    const random = seededRandom(`many-${amountMax}`)
    const moves = drawMoves(random, 8, { count: 600, amountMax })
    const made = moves.filter(() => random.below(2) === 0)
    const names = Array.from({ length: 8 }, (_, i) => `A${i}`)
    const missing = new Map(names.map((name) => [name, changeOf(name, made)]))
    expect(explain(missing, moves)).toBe('explained')
  }
})

function drawMoves(
  random: Random,
  accounts: number,
  { count, amountMax }: { readonly count: number; readonly amountMax: number }
): Move[] {
  return Array.from({ length: count }, () => {
    const from = random.below(accounts)
    const to = (from + 1 + random.below(accounts - 1)) % accounts
    return { from: `A${from}`, to: `A${to}`, amount: 1 + random.below(amountMax) }
  })
}

/** All ways to make some of the moves. */
function choices(moves: readonly Move[]): Move[][] {
  let made: Move[][] = [[]]
  for (const move of moves) made = [...made, ...made.map((some) => [...some, move])]
  return made
}

function changeOf(account: string, made: readonly Move[]): number {
  return made.reduce(
    (sum, { from, to, amount }) =>
      sum + (to === account ? amount : 0) - (from === account ? amount : 0),
    0
  )
}
