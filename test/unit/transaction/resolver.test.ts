import { expect, test } from 'vitest'
import type { Told } from '../../../src/transaction/ports.ts'
import type { AnchoredTransaction } from '../../../src/wire/transaction.ts'
import { SESSION, Stage, transfer } from './stage.ts'

// Goal: who asks what became of a transaction hears what was true after it asked; a part is
// resolved by what the anchor says and by nothing else.

const REF: AnchoredTransaction = { session: SESSION, seq: 1, anchor: 1, basis: 0 }
const pending: Told = { type: 'result', result: { type: 'pending' }, applied: 1 }
const committed: Told = { type: 'result', result: { type: 'ended', committed: true }, applied: 2 }

test('nobody is told what was asked for before he came, and questions are shared', () => {
  const stage = new Stage()
  const told: string[] = []
  const hear = (name: string) => (one: Told) => {
    told.push(`${name} ${one.type === 'result' ? one.result.type : one.type}`)
  }
  stage.resolver.ask(REF, hear('a'))
  stage.resolver.ask(REF, hear('b'))
  stage.resolver.ask(REF, hear('c'))
  stage.resolver.ask({ ...REF, seq: 2 }, hear('other'))
  expect(stage.asked.map(({ of }) => of.seq)).toEqual([1, 2])
  stage.asked[0]?.hear(pending)
  expect(told).toEqual(['a pending'])
  stage.resolver.ask(REF, hear('d'))
  expect(stage.asked.map(({ of }) => of.seq)).toEqual([1, 2, 1])
  stage.asked[2]?.hear(committed)
  expect(told).toEqual(['a pending', 'b ended', 'c ended'])
  stage.asked[3]?.hear({ type: 'unknown' })
  stage.asked[1]?.hear(committed)
  expect(told.slice(3)).toEqual(['d unknown', 'other ended'])
  expect(stage.asked.length).toBe(4)
})

test('who asks again while he is told is told by another question', () => {
  const stage = new Stage()
  const told: Told[] = []
  stage.resolver.ask(REF, (one) => {
    told.push(one)
    stage.resolver.ask(REF, (two) => told.push(two))
  })
  stage.asked[0]?.hear(pending)
  expect(told).toEqual([pending])
  stage.asked[1]?.hear(committed)
  expect(told).toEqual([pending, committed])
})

/** Prepared in groups 2 and 3, at the anchor created or not. */
function orphaned(isCreated: boolean): Stage {
  const stage = new Stage()
  stage.begin(transfer(1, [1, 2, 3]))
  for (const group of [2, 3]) stage.take('prepare', group).loseReply()
  const create = stage.take('create')
  if (isCreated) create.loseReply()
  stage.sent = []
  stage.fall()
  return stage
}

test.each([true, false])(
  'a part nobody decides is aborted at its anchor first (record: %s)',
  (is) => {
    const stage = orphaned(is)
    stage.resolver.settle(REF, 2)
    stage.resolver.settle(REF, 2)
    expect(stage.onTheWay).toEqual(['abort@1'])
    expect(stage.group(2).transactions.counts.parts).toBe(1)
    stage.deliverAll()
    expect(stage.group(2).transactions.counts.parts).toBe(0)
    expect(stage.value(2)).toBeUndefined()
    // What comes late is refused by what it left.
    const late = stage.begin(transfer(1, [1, 2, 3]))
    expect(late).toMatchObject([{ result: { type: 'aborted', why: 'ended' } }])
    expect(stage.resolver.pushed).toBe(1)
  }
)

test('no answer, no decision: the part stays, and the next call asks again', () => {
  for (const how of ['lose', 'refuse'] as const) {
    const stage = orphaned(true)
    stage.resolver.settle(REF, 2)
    stage.take('abort')[how]()
    expect(stage.onTheWay).toEqual([])
    expect(stage.group(2).transactions.counts.parts).toBe(1)
    stage.resolver.settle(REF, 2)
    stage.take('abort').deliver()
    stage.take('resolve')[how]()
    expect(stage.group(2).transactions.counts.parts).toBe(1)
    stage.resolver.settle(REF, 2)
    stage.deliverAll()
    expect(stage.group(2).transactions.counts.parts).toBe(0)
  }
})

test('what is committed is resolved as that, also by who wanted it ended', () => {
  const stage = new Stage()
  stage.begin(transfer(1, [1, 2]))
  for (const type of ['create', 'prepare', 'commit'] as const) stage.take(type).deliver()
  stage.sent = []
  stage.resolver.settle(REF, 2)
  stage.deliverAll()
  expect(stage.value(2)).toBe('1')
})

test("an anchor's own part is resolved by its record alone", () => {
  const stage = orphaned(true)
  stage.resolver.settle(REF, 1)
  expect(stage.onTheWay).toEqual(['abort@1'])
  stage.deliverAll()
  expect(stage.group(1).transactions.counts).toEqual({ parts: 0, records: 1 })
})
