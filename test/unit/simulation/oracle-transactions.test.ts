import { beforeEach, expect, test } from 'vitest'
import { TransactionsOracle } from '../../../src/simulation/oracle-transactions.ts'
import { encodeBody } from '../../../src/state/entry-body.ts'
import type { Answer } from '../../../src/state/state-machine.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { encodeCommand, type Operation } from '../../../src/wire/command.ts'
import type { DataOperation } from '../../../src/wire/data-operation.ts'
import type { KeyResult, Result } from '../../../src/wire/result.ts'
import type { Check } from '../../../src/wire/transaction.ts'

// Goal: each rule of the commit protocol that is broken is seen at the step that breaks it. Method:
// the steps of two groups are told to the oracle one by one, as replicas would run them: a good
// course is left alone, and one with a single wrong step is accused there.

const SESSION = '00'.repeat(16)
const [ANCHOR, OTHER] = [3, 7] as const
const ID = { session: SESSION, seq: 9 }
const ABORT = { type: 'abort', why: 'ended', basis: 0 } as const
const COMMIT = { type: 'commit', term: 1, votes: [] } as const
const ABORTED: Result = { type: 'ended', committed: false }
const FORGET = { type: 'forget', transactions: [ID] } as const

let oracle: TransactionsOracle
let isKept: boolean
let counters: Map<number, number>
let sequence: number
/** Numbers that each command draws besides its own. */
let draws: number

beforeEach(() => {
  oracle = new TransactionsOracle()
  isKept = true
  counters = new Map()
  sequence = 100
  draws = 0
})

/** One entry of `group` with one command, which is answered with `result` of its number. */
function run(
  group: number,
  operation: Operation,
  result: Result | ((number: number) => Result),
  seq: number = ID.seq
): void {
  const number = (counters.get(group) ?? 0) + 1
  counters.set(group, number + draws)
  const command = encodeCommand({ session: SESSION, seq, ackedUpTo: 0, basis: 0, operation })
  const entry = { index: number, term: 1, kind: 'command', data: encodeBody(0, [command]) } as const
  const told = typeof result === 'function' ? result(number) : result
  const kept: Answer = { type: 'result', result: told }
  const lookup = (): Answer | undefined => (isKept ? kept : undefined)
  const state = { counter: number + draws, lookup: lookup as never }
  oracle.ran({ group, state }, entry, { answers: [kept], isSound: true })
}

const put = (key: string): DataOperation => ({ type: 'put', key: utf8(key), value: utf8('v') })
const absent = (key: string): Check => ({ type: 'exists', key: utf8(key), exists: false })
const written = (revision: number): KeyResult => ({ type: 'written', revision })
const plainPut = (group: number, key: string): void =>
  run(group, put(key), (number) => written(number), ++sequence)

function prepared(group: number, writes: number): (number: number) => Result {
  return (number) => {
    const results = Array.from({ length: writes }, () => written(number))
    return { type: 'prepared', vote: { group, applied: number, results } }
  }
}

const create = (checks: readonly Check[] = []): void => {
  const operation = {
    type: 'create',
    others: [OTHER],
    work: { checks, writes: [put('a')] }
  } as const
  run(ANCHOR, operation, prepared(ANCHOR, 1))
}
const prepare = (checks: readonly Check[] = [], key = 'b', seq = ID.seq): void => {
  const work = { checks, writes: [put(key)] }
  const operation = { type: 'prepare', anchor: ANCHOR, anchorBasis: 0, work } as const
  run(OTHER, operation, prepared(OTHER, 1), seq)
}
const commit = (): void => run(ANCHOR, COMMIT, { type: 'transacted', votes: [] })
const resolve = (committed: boolean): void =>
  run(OTHER, { type: 'resolve', committed }, { type: 'ended', committed })
const forget = (): void => run(ANCHOR, FORGET, { type: 'done' })

test('a transaction that is committed, resolved and forgotten', () => {
  create([absent('c')])
  prepare()
  prepare()
  const asked = oracle.asks()
  oracle.shown([['a', 0]], asked)
  commit()
  resolve(true)
  resolve(true)
  forget()
  plainPut(OTHER, 'b')
  oracle.told(ID, 'committed')
  oracle.shown(
    [
      ['a', 1],
      ['b', 5]
    ],
    asked
  )
})

test('one that is aborted, and a copy of its CREATE that comes late', () => {
  create()
  run(ANCHOR, ABORT, ABORTED)
  resolve(false)
  run(
    ANCHOR,
    { type: 'create', others: [OTHER], work: { checks: [], writes: [put('a')] } },
    ABORTED
  )
  oracle.told(ID, 'aborted')
})

test('COMMIT without a part', () => {
  create()
  expect(commit).toThrow(/is committed without its part in group 7/)
})

test('COMMIT behind ABORT, and ABORT behind COMMIT', () => {
  create()
  prepare()
  run(ANCHOR, ABORT, ABORTED)
  expect(commit).toThrow(/is said to be committed by its anchor, and it is aborted/)
  oracle = new TransactionsOracle()
  counters.clear()
  create()
  prepare()
  commit()
  expect(() => run(ANCHOR, ABORT, ABORTED)).toThrow(/is said to be aborted by its anchor/)
})

test('a caller who is told something else', () => {
  create()
  prepare()
  expect(() => oracle.told(ID, 'committed')).toThrow(
    /told that it is committed, and it is undecided/
  )
  oracle.told(ID, 'aborted')
  expect(commit).toThrow(/is said to be committed by its anchor, and it is aborted/)
})

test('CREATE behind a tombstone, and behind `gone`', () => {
  run(ANCHOR, ABORT, ABORTED)
  expect(() => create()).toThrow(/is created, and was aborted/)
  oracle = new TransactionsOracle()
  counters.clear()
  run(ANCHOR, ABORT, { type: 'gone' })
  expect(() => create()).toThrow(/is created, and its anchor had said that it is gone/)
})

test('PREPARE behind RESOLVE, and behind a refusal', () => {
  run(ANCHOR, ABORT, ABORTED)
  resolve(false)
  expect(() => prepare()).toThrow(/is prepared in group 7, and was over there/)
  oracle = new TransactionsOracle()
  counters.clear()
  const work = { checks: [], writes: [put('b')] }
  const operation = { type: 'prepare', anchor: ANCHOR, anchorBasis: 0, work } as const
  run(OTHER, operation, { type: 'aborted', why: 'moved' })
  expect(() => prepare()).toThrow(/is prepared in group 7, and was over there/)
})

test('a decision that nobody can find again', () => {
  prepare()
  isKept = false
  expect(() => run(ANCHOR, ABORT, ABORTED)).toThrow(/is aborted, and group 3 does not remember/)
  expect(() => resolve(false)).toThrow(/is aborted, and group 7 does not remember/)
  // Without a part there may be no room for it, and so for a copy of PREPARE neither.
  expect(() => resolve(false)).not.toThrow()
})

test('RESOLVE of what is not decided, or decided otherwise', () => {
  create()
  prepare()
  expect(() => resolve(false)).toThrow(/resolved in group 7 as aborted, and it is undecided/)
  expect(() => resolve(true)).toThrow(/resolved in group 7 as committed, and it is undecided/)
  commit()
  expect(() => resolve(false)).toThrow(/resolved in group 7 as aborted, and it is committed/)
})

test('FORGET before RESOLVE', () => {
  create()
  prepare()
  commit()
  expect(forget).toThrow(/is forgotten, and is not resolved in group 7/)
})

test('a key that is taken from who holds it', () => {
  create([absent('c')])
  prepare([absent('d')])
  plainPut(ANCHOR, 'd')
  expect(() => plainPut(ANCHOR, 'a')).toThrow(/takes a, of which transaction .* holds some/)
  expect(() => plainPut(ANCHOR, 'c')).toThrow(/takes c/)
  expect(() => prepare([absent('b')], 'x', 10)).toThrow(/takes x, b/)
  expect(() => prepare([], 'd', 11)).toThrow(/takes d/)
  prepare([absent('d')], 'y', 12)
})

test('COMMIT on what does not hold', () => {
  plainPut(ANCHOR, 'c')
  create([absent('c')])
  prepare()
  expect(commit).toThrow(/what it relies on does not hold: c has 1/)
})

test('a read of what is not committed, and of what was over', () => {
  create()
  prepare()
  expect(() => oracle.shown([['a', 1]], oracle.asks())).toThrow(/which nobody has committed/)
  commit()
  oracle.shown([['a', 1]], oracle.asks())
  expect(() => oracle.shown([['b', 0]], oracle.asks())).toThrow(/nothing under b, which was over/)
})

test('commands that draw several numbers, and copies of them', () => {
  draws = 2
  plainPut(ANCHOR, 'a')
  const asked = oracle.asks()
  run(ANCHOR, put('a'), written(1), sequence)
  oracle.shown([['a', 1]], asked)
  plainPut(ANCHOR, 'a')
  oracle.shown([['a', 7]], oracle.asks())
})

test('a replica with another state than it should have is not believed', () => {
  const state = { counter: 1, lookup: () => undefined }
  const data = encodeBody(0, [])
  const entry = { index: 1, term: 1, kind: 'command', data } as const
  oracle.ran({ group: ANCHOR, state }, entry, { answers: [], isSound: false })
  counters.set(ANCHOR, 1)
  isKept = false
  run(ANCHOR, ABORT, ABORTED)
})
