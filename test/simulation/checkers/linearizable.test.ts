import { expect, test } from 'vitest'
import { seededRandom } from '../../../src/world/random.ts'
import { correctHistory, type Shape } from './generated.ts'
import { checkLinearizable, type Operation } from './linearizable.ts'
import { parseHistory } from './notation.ts'
import { ALLOWED, PLANTED } from './planted.ts'
import { EMPTY, type Register, step, stepUnseen } from './register.ts'

// Goal: the checker accuses every bad history and no good one. Method: planted histories; thousands
// from a store that is correct by construction; and small ones of any kind, judged a second time by
// trying every order there is.

test.each(PLANTED)('finds: $name', ({ history }) => {
  expect(checkLinearizable(parseHistory(history)).type).toBe('violation')
})

test('forty planted histories at least, each once', () => {
  expect(new Set(PLANTED.map(({ history }) => history)).size).toBe(PLANTED.length)
  expect(PLANTED.length).toBeGreaterThanOrEqual(40)
})

test.each(ALLOWED)('allows: $name', ({ history }) => {
  expect(checkLinearizable(parseHistory(history)).type).toBe('linearizable')
})

test('finds a planted history among much that is good, and says where', () => {
  const good = correctHistory(seededRandom('good'), { ...SMALL, operations: 60 })
  const bad = parseHistory('a 10-11 put x = @1\n b 20-21 get = absent', 'other')
  const verdict = checkLinearizable([...good, ...bad])
  expect(verdict.type).toBe('violation')
  if (verdict.type === 'violation') expect(verdict.operation).toBe(bad[1])
})

test('too little budget is no verdict', () => {
  const many = Array.from({ length: 12 }, (_, i) => `c${i} 0-99 put v${i} = @${i + 1}`)
  const history = parseHistory([...many, 'a 100-101 get = v11@12'].join('\n'))
  expect(checkLinearizable(history, { stepsMax: 20 }).type).toBe('undecided')
  expect(checkLinearizable(history).type).toBe('linearizable')
})

test('counts unseen writes that no answer names, and need not tell them apart', () => {
  const puts = Array.from({ length: 40 }, (_, i) => `u${i} 0- put v${i} ?`)
  // Each finds a value that somebody wrote and nobody read.
  const deletes = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => `a ${10 * i + 1}-${10 * i + 5} del = @${10 * i + 9}`)
  const verdict = (count: number): string =>
    checkLinearizable(parseHistory([...puts, ...deletes(count)].join('\n'))).type
  expect(verdict(40)).toBe('linearizable')
  expect(verdict(41)).toBe('violation')
})

const SMALL: Shape = { clients: 3, operations: 20, unknownPercent: 10, failedPercent: 5 }

test('accuses no history of a correct store', () => {
  const shapes: readonly Shape[] = [
    SMALL,
    { clients: 2, operations: 8, unknownPercent: 40, failedPercent: 20 },
    { clients: 5, operations: 60, unknownPercent: 10, failedPercent: 5 },
    { clients: 8, operations: 120, unknownPercent: 5, failedPercent: 5 },
    { clients: 5, operations: 200, unknownPercent: 8, failedPercent: 5 }
  ]
  for (let seed = 0; seed < 10_000; seed++) {
    const shape = shapes[seed % shapes.length] ?? SMALL
    const history = correctHistory(seededRandom(`correct-${seed}`), shape)
    const verdict = checkLinearizable(history)
    if (verdict.type !== 'linearizable') expect.fail(`seed ${seed}: ${verdict.message}`)
  }
})

test('agrees with trying every order, on small histories good and bad', () => {
  const verdicts = new Map<string, number>()
  for (let seed = 0; seed < 8_000; seed++) {
    const random = seededRandom(`small-${seed}`)
    const unknownPercent = random.below(70)
    const shape = { clients: 4, operations: 7, unknownPercent, failedPercent: 5 }
    const history = correctHistory(random, shape)
    // Answers of one operation given to another: often wrong, sometimes still right.
    const mixed = random.below(3) === 0 ? history : exchanged(history, random.below(7))
    const verdict = checkLinearizable(mixed).type
    expect(verdict, `seed ${seed}`).toBe(everyOrder(mixed) ? 'linearizable' : 'violation')
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
  }
  expect(verdicts.get('linearizable')).toBeGreaterThan(500)
  expect(verdicts.get('violation')).toBeGreaterThan(500)
})

function exchanged(history: readonly Operation[], at: number): Operation[] {
  const changed = [...history]
  const first = changed[at]
  const rest = changed.findIndex(
    (other, index) => index > at && other.call.type === first?.call.type
  )
  const second = changed[rest]
  if (first === undefined || second === undefined) return changed
  changed[at] = { ...first, outcome: second.outcome }
  changed[rest] = { ...second, outcome: first.outcome }
  return changed
}

/** The definition itself: is there any order of any choice of the unseen that fits? */
function everyOrder(history: readonly Operation[]): boolean {
  const open = history.filter(({ outcome }) => outcome.type !== 'failed')
  return search(EMPTY, open)
}

function search(register: Register, open: readonly Operation[]): boolean {
  if (open.every(({ outcome }) => outcome.type === 'unknown')) return true
  return open.some((operation) => {
    const { outcome, call, called } = operation
    const tooEarly = open.some(
      (other) => other.outcome.type === 'ok' && (other.returned ?? Infinity) < called
    )
    if (tooEarly) return false
    const next =
      outcome.type === 'ok' ? step(register, call, outcome.answer) : stepUnseen(register, call)
    return next !== undefined && search(next, without(open, operation))
  })
}

function without(operations: readonly Operation[], gone: Operation): Operation[] {
  return operations.filter((operation) => operation !== gone)
}
