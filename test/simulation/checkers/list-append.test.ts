import { expect, test } from 'vitest'
import { seededRandom } from '../../../src/world/random.ts'
import { dependencies } from './dependency-graph.ts'
import { generateTransactions } from './generated-transactions.ts'
import { checkListAppend } from './list-append.ts'
import { Lists } from './lists.ts'
import { mutate } from './mutated-transactions.ts'
import { hasStrictOrder } from './order-search.ts'
import { BAD_TRANSACTIONS, GOOD_TRANSACTIONS } from './planted-transactions.ts'
import { parseTransactions, type Transaction } from './transactions.ts'

// Goal: the check of transactions names each anomaly by its class, and accuses no store that is
// strictly serializable.

const named = (history: readonly Transaction[]): string[] =>
  checkListAppend(history)
    .map(({ kind, shape }) => (shape === undefined ? kind : `${kind}, ${shape}`))
    .sort()

test.each(BAD_TRANSACTIONS)('planted: $found: $name', ({ history, found }) => {
  expect(named(parseTransactions(history))).toEqual(found)
})

test.each(GOOD_TRANSACTIONS)('innocent: $name', ({ history }) => {
  expect(checkListAppend(parseTransactions(history))).toEqual([])
})

test('accuses no store that is strictly serializable by construction', () => {
  const count = { ok: 0, failed: 0, unknown: 0 }
  for (let seed = 0; seed < 10_000; seed++) {
    const random = seededRandom(`transactions-${seed}`)
    const history = generateTransactions(random, {
      clients: 1 + random.below(8),
      transactions: 5 + random.below(40),
      keys: 1 + random.below(6),
      stepsMax: 1 + random.below(6),
      unknownPercent: random.below(30),
      failedPercent: random.below(20),
      checked: 'all'
    })
    expect(checkListAppend(history), `seed ${seed}`).toEqual([])
    for (const { outcome } of history) count[outcome]++
  }
  expect(count.ok).toBeGreaterThan(100_000)
  expect(Math.min(count.failed, count.unknown)).toBeGreaterThan(20_000)
})

test('accuses just the histories that no order explains', () => {
  const count = { good: 0, bad: 0 }
  const kinds = new Set<string>()
  for (let seed = 0; seed < 20_000; seed++) {
    const random = seededRandom(`few-${seed}`)
    let history = generateTransactions(random, {
      clients: 1 + random.below(4),
      transactions: 3 + random.below(4),
      keys: 1 + random.below(3),
      stepsMax: 1 + random.below(4),
      unknownPercent: random.below(40),
      failedPercent: random.below(20),
      checked: (['all', 'appended', 'nothing'] as const)[random.below(3)] ?? 'all'
    })
    for (let i = random.below(12); i > 0; i--) history = mutate(random, history)
    const isGood = hasStrictOrder(history)
    const found = named(history)
    expect(found.length === 0, `seed ${seed}: ${found.join('; ')}`).toBe(isGood)
    for (const name of found) kinds.add(name)
    count[isGood ? 'good' : 'bad']++
  }
  expect(Math.min(count.good, count.bad)).toBeGreaterThan(5_000)
  // Three or four of just the right steps, which chance hardly draws: planted above.
  const rare = ['G2-item, long fork', 'G-single-realtime, causal reverse']
  for (const name of rare) kinds.add(name)
  const planted = BAD_TRANSACTIONS.flatMap(({ found }) => found)
  expect(planted.filter((name) => !kinds.has(name))).toEqual([])
})

// What a commit that looks at too little lets through, and what it does not.
test.each([
  ['appended', ['G2-item', 'G2-item, write skew'], ['G0', 'G-single, lost update']],
  ['nothing', ['G-single', 'G-single, lost update', 'G2-item, write skew'], ['G0', 'G1c']]
] as const)('finds out a store that checks %s of what was read', (checked, some, never) => {
  const kinds = new Set<string>()
  for (let seed = 0; seed < 500; seed++) {
    const random = seededRandom(`weak-${seed}`)
    const shape = { clients: 4, transactions: 20, keys: 4, stepsMax: 4, checked }
    const percents = { unknownPercent: 10, failedPercent: 10 }
    const history = generateTransactions(random, { ...shape, ...percents })
    for (const name of named(history)) kinds.add(name)
  }
  expect(some.filter((name) => !kinds.has(name))).toEqual([])
  expect(never.filter((name) => kinds.has(name))).toEqual([])
})

test('finds the one fault among 100,000 transactions, by a graph that grows as they do', () => {
  const history = generateTransactions(seededRandom('long'), {
    clients: 50,
    transactions: 100_000,
    keys: 10_000,
    stepsMax: 5,
    unknownPercent: 5,
    failedPercent: 5,
    checked: 'all'
  })
  const { happened, byKey } = new Lists(history)
  const steps = history.reduce((sum, one) => sum + one.steps.length, 0)
  const graph = dependencies(history, happened, byKey.values())
  expect(graph.from.length).toBeLessThan(4 * steps)

  const middle = history[50_000]?.called ?? 0
  const skew = parseTransactions('a 0-9 x[] y+1\n b 0-9 y[] x+2').map((one) => ({
    ...one,
    called: middle,
    returned: middle + 1
  }))
  expect(named(history.toSpliced(50_000, 0, ...skew))).toEqual(['G2-item, write skew'])
})

test('the shortest cycle is told of, in whatever order they stand', () => {
  const [a, b, c, d] = parseTransactions(
    'a 0-9 x+1 z+1 y+5\n b 0-9 x[1] z[] w+2\n c 0-9 w[2] y[]\n d 10-11 y[5]'
  ) as [Transaction, Transaction, Transaction, Transaction]
  for (const history of [
    [a, b, c, d],
    [a, c, b, d],
    [b, a, c, d],
    [b, c, a, d],
    [c, a, b, d],
    [c, b, a, d]
  ]) {
    const [anomaly, ...others] = checkListAppend(history)
    expect(others).toEqual([])
    expect(new Set(anomaly?.transactions)).toEqual(new Set([a, b]))
  }
})

test('a report says who did what to which key', () => {
  const history = parseTransactions('a 0-1 x+1\n b 2-3 y[] x+2 y+3\n c 4-9 x[]\n d 4-9 x[1 2]')
  expect(checkListAppend(history).map(({ message }) => message)).toEqual([
    [
      'G-single-realtime, stale read:',
      '  c [4, 9] read x without 1, which a [0, 1] appended',
      '  a [0, 1] returned before c [4, 9] was called'
    ].join('\n')
  ])
})

test('a history that makes no sense is refused', () => {
  expect(() => checkListAppend(parseTransactions('a 0-1 x+1\n b 2-3 x+1'))).toThrow(/twice/)
  expect(() => checkListAppend(parseTransactions('a 0- x+1'))).toThrow(/without a time/)
  expect(() => parseTransactions('a 0-1 x+1 x(2)')).toThrow(/not the steps/)
  expect(() => parseTransactions('a x+1')).toThrow(/not a transaction/)
})
