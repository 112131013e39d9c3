import { expect, test } from 'vitest'
import type { Told } from '../../../src/transaction/ports.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { refused, SESSION, Stage, transfer } from './stage.ts'

// Goal: a coordinator decides once, tells its client nothing but what is decided, and leaves
// nothing behind, whatever of its commands is lost, refused or answered late. Method: true groups
// without replicas, and a test that has every command in its hand.

const ABSENT = [{ type: 'exists', key: utf8('gone'), exists: true }] as const
const results = (told: readonly Told[]) =>
  told.map((one) => (one.type === 'result' ? one.result : one))

/** Nothing of any transaction is left, and `n` is the same everywhere. */
function expectSettled(stage: Stage, value: string | undefined): void {
  for (const [group, state] of stage.groups) {
    expect(state.transactions.counts, `group ${group}`).toEqual({ parts: 0, records: 0 })
    expect(stage.value(group), `group ${group}`).toBe(value)
  }
  expect(stage.coordinator.running).toBe(0)
}

/** Ticks until nothing more happens. */
function settle(stage: Stage): void {
  for (let i = 0; i < 4; i++) {
    stage.tick(1_000)
    stage.deliverAll()
  }
}

test('one that is not disturbed commits in two steps, then resolves and is forgotten', () => {
  const stage = new Stage()
  const told = stage.begin(transfer(1, [1, 2, 3]))
  expect(stage.onTheWay).toEqual(['create@1', 'prepare@2', 'prepare@3'])
  stage.take('prepare', 3).deliver()
  stage.take('create').deliver()
  expect(stage.onTheWay).toEqual(['prepare@2'])
  stage.take('prepare', 2).deliver()
  expect(stage.onTheWay).toEqual(['commit@1'])
  expect(told).toEqual([])
  stage.take('commit').deliver()
  const votes = [1, 2, 3].map((group) => {
    return { group, applied: 1, results: [{ type: 'counted', value: 1, revision: 1 }] }
  })
  expect(results(told)).toEqual([{ type: 'transacted', votes }])
  expect(stage.onTheWay).toEqual(['resolve@2', 'resolve@3'])
  expect([stage.value(1), stage.value(2)]).toEqual(['1', undefined])
  stage.deliverAll()
  expect(stage.group(1).transactions.counts).toEqual({ parts: 0, records: 1 })
  stage.tick(1_000)
  expect(stage.onTheWay).toEqual(['forget@1'])
  stage.deliverAll()
  expectSettled(stage, '1')
  const { counts } = stage.coordinator
  expect([counts.started, counts.committed, counts.recovered]).toEqual([1, 1, 0])
})

test('a part that is refused aborts all of it, and its reason is told once', () => {
  for (const first of ['create', 'prepare'] as const) {
    const stage = new Stage()
    const command = transfer(1, [1, 2, 3])
    const [own, second, third] = command.operation.parts
    if (own === undefined || second === undefined || third === undefined) throw new Error('parts')
    const parts = [own, { ...second, checks: ABSENT }, third]
    const told = stage.begin({ ...command, operation: { ...command.operation, parts } })
    if (first === 'create') stage.take('create').deliver()
    stage.take('prepare', 2).deliver()
    expect(told).toEqual([])
    stage.deliverAll()
    expect(results(told)).toEqual([{ type: 'aborted', why: 'moved' }])
    settle(stage)
    expectSettled(stage, undefined)
    expect([...stage.coordinator.counts.aborted]).toEqual([['moved', 1]])
    expect(stage.begin(command)).toMatchObject([{ result: { type: 'aborted', why: 'moved' } }])
  }
})

test('the own part of the anchor is refused: those that were prepared are let go', () => {
  const stage = new Stage(2)
  const command = transfer(1, [1, 2])
  const [own, other] = command.operation.parts
  if (own === undefined || other === undefined) throw new Error('parts')
  const parts = [{ ...own, checks: ABSENT }, other]
  const told = stage.begin({ ...command, operation: { ...command.operation, parts } })
  stage.take('prepare').deliver()
  stage.take('create').deliver()
  expect(results(told)).toEqual([{ type: 'aborted', why: 'moved' }])
  settle(stage)
  expectSettled(stage, undefined)
})

test('in order: no group is asked before the one below it has answered', () => {
  const stage = new Stage()
  const told = stage.begin(transfer(1, [1, 2, 3], { inOrder: true }))
  for (const step of ['create@1', 'prepare@2', 'prepare@3', 'commit@1']) {
    expect(stage.onTheWay).toEqual([step])
    stage.sent.shift()?.deliver()
  }
  expect(results(told)).toMatchObject([{ type: 'transacted' }])
  settle(stage)
  expectSettled(stage, '1')
  const second = stage.begin(transfer(2, [1, 2, 3], { inOrder: true }))
  stage.take('create').deliver()
  stage.take('prepare', 2).refuse()
  stage.deliverAll()
  expect(results(second)).toEqual([{ type: 'aborted', why: 'overloaded' }])
  settle(stage)
  expectSettled(stage, '1')
})

test('what is refused before anybody was asked is told as it is', () => {
  const stage = new Stage(2)
  const told = stage.begin(transfer(1, [1, 2], { inOrder: true }))
  stage.take('create').refuse('not_leader')
  expect(told).toEqual([refused('not_leader')])
  expect(stage.onTheWay).toEqual([])
  expectSettled(stage, undefined)
})

test('what is refused at once is not sent to the other groups', () => {
  const stage = new Stage()
  stage.atOnce = ({ operation }) => {
    return operation.type === 'create' ? refused('overloaded') : undefined
  }
  const told = stage.begin(transfer(1, [1, 2, 3]))
  stage.atOnce = undefined
  expect(told).toEqual([refused('overloaded')])
  expect(stage.onTheWay).toEqual([])
  expectSettled(stage, undefined)
})

test('a group that is not the anchor refuses', () => {
  const stage = new Stage()
  const told: Told[] = []
  stage.coordinator.begin(stage.anchor(3), transfer(1, [1, 2]), (one) => told.push(one))
  expect(told).toMatchObject([{ type: 'refused', code: 'invalid_argument' }])
  expect(stage.onTheWay).toEqual([])
  expectSettled(stage, undefined)
})

test('while it runs, copies of it wait for the same answer', () => {
  const stage = new Stage(2)
  const command = transfer(1, [1, 2])
  const first = stage.begin(command)
  const second = stage.begin(command)
  stage.deliverAll()
  expect(results(first)).toMatchObject([{ type: 'transacted' }])
  expect(second).toEqual(first)
  expect(stage.begin(command)).toEqual([{ ...first[0], applied: expect.any(Number) }])
  settle(stage)
  expectSettled(stage, '1')
})

test.each(['create', 'prepare', 'commit', 'resolve', 'forget', 'abort'] as const)(
  'a lost %s, or its lost answer, is made good',
  (type) => {
    for (const how of ['lose', 'loseReply', 'refuse'] as const) {
      const stage = new Stage()
      const command = transfer(1, [1, 2, 3])
      // An abort is needed for one to be lost.
      const told = stage.begin(command)
      if (type === 'abort') stage.take('prepare', 3).refuse()
      let lost = 0
      for (let i = 0; i < 40; i++) {
        const next = stage.sent.shift()
        if (next === undefined) stage.tick(500)
        else if (next.type === type && lost++ === 0) next[how]()
        else next.deliver()
      }
      expect(lost, how).toBeGreaterThan(0)
      expect(told.length, how).toBe(1)
      const isCommitted = stage.value(1) !== undefined
      // Whoever prepared in vain is found by those who hold the parts.
      for (const [group, state] of stage.groups) {
        for (const { ref } of state.transactions.parts()) stage.resolver.settle(ref, group)
      }
      stage.deliverAll()
      settle(stage)
      expectSettled(stage, isCommitted ? '1' : undefined)
      const [one] = told
      if (one?.type === 'result') {
        expect(one.result.type, how).toBe(isCommitted ? 'transacted' : 'aborted')
      } else expect(one, how).toEqual({ type: 'unknown' })
    }
  }
)

test('a leader that falls tells no more than it knows; the next ends what is pending', () => {
  const stage = new Stage(2)
  const told = stage.begin(transfer(1, [1, 2]))
  stage.take('create').deliver()
  stage.take('prepare').deliver()
  const { sent } = stage
  stage.sent = []
  stage.fall()
  expect(told).toEqual([{ type: 'unknown' }])
  stage.tick(1)
  expect(stage.onTheWay).toEqual(['abort@1'])
  // The commit of the leader before comes into the log behind it: nothing changes.
  stage.deliverAll()
  for (const late of sent) late.deliver()
  settle(stage)
  expectSettled(stage, undefined)
  expect(stage.coordinator.counts.recovered).toBe(1)
})

test('the next leader goes on with what is committed, and its client hears the answer', () => {
  const stage = new Stage(2)
  const command = transfer(1, [1, 2])
  stage.begin(command)
  stage.take('create').deliver()
  stage.take('prepare').deliver()
  stage.take('commit').loseReply()
  stage.fall()
  expect(stage.begin(command)).toMatchObject([{ result: { type: 'transacted' } }])
  settle(stage)
  expectSettled(stage, '1')
})

test('a copy that meets the record of an earlier leader is aborted with it', () => {
  const stage = new Stage(2)
  const command = transfer(1, [1, 2])
  stage.begin(command)
  stage.take('create').deliver()
  stage.take('prepare').deliver()
  stage.take('commit')
  stage.fall()
  const again = stage.begin(command)
  stage.deliverAll()
  expect(results(again)).toEqual([{ type: 'aborted', why: 'ended' }])
  settle(stage)
  expectSettled(stage, undefined)
})

test('a client that acknowledged it is told nothing of it any more', () => {
  const stage = new Stage(2)
  const command = transfer(1, [1, 2])
  stage.begin(command)
  stage.deliverAll()
  settle(stage)
  stage.begin(transfer(2, [1, 2]))
  stage.deliverAll()
  expect(stage.begin(command)).toEqual([refused('stale_request')])
  settle(stage)
  expectSettled(stage, '2')
})

test('a copy that comes while one is ended that nobody can tell of is answered', () => {
  const stage = new Stage(2)
  const command = transfer(1, [1, 2])
  const first = stage.begin(command)
  stage.atOnce = ({ operation: { type } }) =>
    type === 'abort' ? { type: 'result', result: { type: 'gone' }, applied: 9 } : undefined
  stage.take('create').refuse('session_expired')
  expect(stage.onTheWay).toEqual(['prepare@2', 'resolve@2'])
  const again = stage.begin(command)
  expect([first, again]).toEqual([[{ type: 'unknown' }], [{ type: 'unknown' }]])
})

test('records are forgotten together, and only those that are resolved', () => {
  const stage = new Stage(2)
  for (let seq = 1; seq <= 3; seq++) {
    stage.begin(transfer(seq, [1, 2], { ackedUpTo: 0 }))
    for (const type of ['create', 'prepare', 'commit'] as const) stage.take(type).deliver()
    if (seq < 3) stage.take('resolve').deliver()
  }
  stage.tick(1_000)
  const forget = stage.take('forget')
  expect(forget.command.operation).toEqual({
    type: 'forget',
    transactions: [1, 2].map((seq) => ({ session: SESSION, seq }))
  })
  // Not answered yet: asked again, and both may come.
  stage.tick(1_000)
  forget.deliver()
  stage.deliverAll()
  settle(stage)
  expectSettled(stage, '3')
})
