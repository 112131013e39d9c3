import { expect, test } from 'vitest'
import { utf8 } from '../../../src/wire/bytes.ts'
import type { Work } from '../../../src/wire/transaction.ts'
import {
  A,
  ABORT,
  aborted,
  add,
  B,
  C,
  COMMIT,
  create,
  drop,
  ended,
  exists,
  forget,
  prepare,
  put,
  resolve,
  revision,
  Site,
  touch,
  transact,
  works
} from './transaction-site.ts'

// Goal: one group's share of a transaction, whatever comes in whatever order: it is decided once,
// holds what it must until then, and leaves nothing but what somebody may still ask for.

test('at the anchor: created, committed and forgotten, each time with the same answer', () => {
  const on = new Site()
  const work = works([add('n')])
  const vote = { group: 1, applied: 1, results: [{ type: 'counted', value: 1, revision: 1 }] }
  for (let i = 0; i < 2; i++) {
    expect(on.result(1, create(work))).toEqual({ type: 'prepared', vote })
    expect(on.outcome(1)).toEqual({ type: 'pending' })
    expect(on.left).toEqual([1, 1])
    on.restart()
  }
  expect(on.text('n')).toBeUndefined()
  for (let i = 0; i < 2; i++) {
    expect(on.result(1, COMMIT)).toEqual({ type: 'transacted', votes: [vote] })
    expect([on.text('n'), on.outcome(1), on.left]).toEqual(['1', ended(true), [0, 1]])
    on.restart()
  }
  expect(on.result(1, create(work))).toEqual({ type: 'transacted', votes: [vote] })
  expect(on.result(1, ABORT)).toEqual({ type: 'transacted', votes: [vote] })
  for (let i = 0; i < 2; i++) {
    expect(on.result(1, forget(1))).toEqual({ type: 'done' })
    expect([on.outcome(1), on.left]).toEqual([ended(true), [0, 0]])
    on.restart()
  }
  expect(on.result(1, create(work))).toEqual({ type: 'transacted', votes: [vote] })
  // Its client has its answer: all that is left is that it has.
  on.run(2, add('m'), { ackedUpTo: 1 })
  expect(on.outcome(1)).toEqual({ type: 'gone' })
  expect(on.result(1, ABORT)).toEqual({ type: 'gone' })
  expect(on.run(1, create(work))).toMatchObject({ type: 'rejected', code: 'stale_request' })
  expect([on.text('n'), on.left]).toEqual(['1', [0, 0]])
})

test('at another participant: prepared, resolved, and a memo until it is acknowledged', () => {
  for (const committed of [true, false]) {
    const on = new Site()
    const work = works([put('k', 'new')], [exists('other', false)])
    on.run(9, put('k', 'old'))
    for (let i = 0; i < 2; i++) {
      expect(on.result(1, prepare(work))).toMatchObject({ type: 'prepared', vote: { applied: 2 } })
      on.restart()
    }
    for (let i = 0; i < 2; i++) {
      expect(on.result(1, resolve(committed))).toEqual(ended(committed))
      expect([on.text('k'), on.left]).toEqual([committed ? 'new' : 'old', [0, 0]])
      on.restart()
    }
    expect(on.result(1, prepare(work))).toEqual(ended(committed))
    // Nobody may turn it round.
    on.run(1, resolve(!committed))
    expect(on.result(1, prepare(work))).toEqual(ended(committed))
    on.run(2, add('m'), { ackedUpTo: 1 })
    expect(on.run(1, prepare(work))).toMatchObject({ code: 'stale_request' })
    on.run(1, resolve(!committed))
    expect([on.text('k'), on.left]).toEqual([committed ? 'new' : 'old', [0, 0]])
  }
})

test('only a pending record of that term is committed', () => {
  const on = new Site()
  expect(on.result(1, COMMIT)).toEqual({ type: 'gone' })
  on.run(1, create(works([add('n')])))
  expect(on.result(1, { ...COMMIT, term: 2 })).toEqual({ type: 'pending' })
  expect(on.result(1, forget(1))).toEqual({ type: 'done' })
  expect(on.left).toEqual([1, 1])
  expect(on.result(1, ABORT)).toEqual(ended(false))
  expect(on.result(1, COMMIT)).toEqual(aborted('ended'))
  expect(on.result(1, create(works([add('n')])))).toEqual(aborted('ended'))
  expect([on.text('n'), on.left, on.outcome(1)]).toEqual([undefined, [0, 1], ended(false)])
})

test('an abort of what is not known keeps it from ever being created', () => {
  const on = new Site()
  expect(on.result(1, ABORT)).toEqual(ended(false))
  expect(on.result(1, ABORT)).toEqual(aborted('ended'))
  on.restart()
  expect(on.result(1, create(works([add('n')])))).toEqual(aborted('ended'))
  on.run(2, add('m'), { ackedUpTo: 1 })
  expect(on.result(1, ABORT)).toEqual({ type: 'gone' })
  expect(on.machine.lookup(A, 1)).toMatchObject({ code: 'stale_request' })
})

test('a tombstone without room for a session is no decision', () => {
  const on = new Site()
  for (const session of [B, C]) on.run(1, add('n'), { session })
  expect(on.result(1, ABORT)).toMatchObject({ type: 'refused' })
  expect(on.machine.sessionCount).toBe(2)
  on.time += 101
  expect(on.result(1, ABORT)).toEqual(ended(false))
})

test('what was refused is refused for ever, and holds nothing', () => {
  const on = new Site()
  on.run(9, put('text', 'x'))
  const cases: [Work, string][] = [
    [works([add('n')], [revision('text', 7)]), 'moved'],
    [works([add('n')], [exists('gone', true)]), 'moved'],
    [works([], [{ type: 'value', key: utf8('text'), value: utf8('y') }]), 'moved'],
    [works([add('n'), add('text')]), 'not_a_number'],
    [works([add('n'), touch('gone')]), 'absent']
  ]
  for (const [i, [work, why]] of cases.entries()) {
    for (const [kind, of] of [create, prepare, transact].entries()) {
      const seq = 10 + i * 3 + kind
      const acked = { ackedUpTo: seq - 1 }
      expect(on.result(seq, of(work), acked)).toEqual(aborted(why))
      on.run(1_000 + seq, put('text', 'x'), acked)
      expect(on.result(seq, of(works([add('n')])), acked), 'a copy').toEqual(aborted(why))
    }
  }
  expect([on.text('n'), on.left]).toEqual([undefined, [0, 0]])
})

test('what is only checked is locked against writes, and not against other checks', () => {
  const on = new Site()
  on.run(90, put('k', '1'))
  const reads = works([], [revision('k', 1)])
  const absent = works([], [exists('gone', false)])
  expect(on.result(1, prepare(reads))).toMatchObject({ type: 'prepared' })
  expect(on.result(2, create(reads))).toMatchObject({ type: 'prepared' })
  expect(on.result(3, prepare(absent))).toMatchObject({ type: 'prepared' })
  on.restart()
  expect(on.result(4, transact(reads))).toMatchObject({ type: 'transacted' })
  for (const [seq, write] of [put('k', '2'), drop('k'), touch('k'), put('gone', '')].entries()) {
    expect(on.result(10 + seq, prepare(works([write])))).toEqual(aborted('blocked'))
    expect(on.run(20 + seq, write)).toMatchObject({ type: 'blocked' })
    expect(on.run(30 + seq, transact(works([write])))).toMatchObject({ type: 'blocked' })
  }
  on.run(1, resolve(true))
  expect(on.run(20, put('k', '2'))).toMatchObject({ type: 'blocked', by: { seq: 2, anchor: 1 } })
  on.run(2, ABORT)
  expect(on.result(20, put('k', '2'))).toMatchObject({ type: 'written' })
  on.run(3, resolve(false))
  expect(on.result(23, put('gone', ''))).toMatchObject({ type: 'written' })
})

test('an intent stands in the way of checks and writes, and its own checks do not', () => {
  const on = new Site()
  on.run(90, put('k', '1'))
  const both = works([put('k', '2')], [revision('k', 1), exists('k', true)])
  expect(on.result(1, prepare(both))).toMatchObject({ type: 'prepared' })
  on.restart()
  expect(on.result(2, prepare(works([], [exists('k', true)])))).toEqual(aborted('blocked'))
  expect(on.run(3, transact(works([], [exists('k', true)])))).toMatchObject({ type: 'blocked' })
  expect(on.machine.transactions.intentOn(utf8('k'))?.part.ref.seq).toBe(1)
  expect(on.text('k')).toBe('1')
  on.run(1, resolve(true))
  expect(on.machine.transactions.intentOn(utf8('k'))).toBeUndefined()
  expect(on.text('k')).toBe('2')
})

test('a command that was blocked did not run: the same runs later, once', () => {
  const on = new Site()
  on.run(1, prepare(works([add('n', 10)])))
  expect(on.run(2, add('n'))).toMatchObject({ type: 'blocked' })
  expect(on.run(3, transact(works([add('n')])))).toMatchObject({ type: 'blocked' })
  expect(on.machine.lookup(A, 2)).toBeUndefined()
  on.restart()
  on.run(1, resolve(true))
  for (let i = 0; i < 2; i++) {
    expect(on.result(2, add('n'))).toMatchObject({ type: 'counted', value: 11 })
    expect(on.result(3, transact(works([add('n')])))).toMatchObject({ type: 'transacted' })
  }
  expect(on.text('n')).toBe('12')
})

test('several writes of one key see each other, and count as one change', () => {
  for (const of of [transact, prepare]) {
    const on = new Site()
    on.run(9, put('old', '7', 500))
    const writes = [
      put('n', '5'),
      add('n', 2),
      drop('old'),
      drop('old'),
      add('old'),
      put('brief', 'x', 50),
      touch('brief'),
      put('none', ''),
      drop('none')
    ]
    const kinds = ['written', 'counted', 'deleted', 'absent', 'counted', 'written', 'written']
    const results = [...kinds, 'written', 'deleted'].map((type) => ({ type }))
    const vote = { group: 1, applied: 2, results }
    const isWhole = of === transact
    expect(on.result(1, of(works(writes)))).toMatchObject(
      isWhole ? { type: 'transacted', votes: [vote] } : { type: 'prepared', vote }
    )
    if (!isWhole) on.run(1, resolve(true))
    expect(['n', 'old', 'brief', 'none'].map((key) => on.text(key))).toEqual([
      '7',
      '1',
      'x',
      undefined
    ])
    const record = on.machine.read(utf8('old'))
    expect([record?.revision, record?.created, record?.expiresAt]).toEqual([2, 2, undefined])
    expect(on.machine.keyCount).toBe(3)
    on.restart()
  }
})

test('a ttl counts from when its part was prepared', () => {
  const on = new Site()
  on.run(1, prepare(works([put('k', 'v', 100)])))
  on.time += 60
  on.run(1, resolve(true))
  expect(on.machine.read(utf8('k'))?.expiresAt).toBe(1_100)
  on.time += 40
  on.run(2, add('n'))
  expect(on.text('k')).toBeUndefined()
})

test('a key that is held does not expire, and nobody begins to hold it after its time', () => {
  const on = new Site()
  on.run(9, put('k', 'v', 100))
  on.run(1, prepare(works([], [exists('k', true)])))
  on.time += 110
  on.run(8, { type: 'tick' })
  expect(on.text('k')).toBe('v')
  for (const is of [true, false]) {
    const late = works([add('n')], [exists('k', is)])
    const seq = is ? 2 : 3
    expect(on.result(seq, prepare(late))).toEqual(aborted('blocked'))
    expect(on.run(seq + 10, transact(late))).toMatchObject({ type: 'blocked', by: { seq: 1 } })
  }
  on.restart()
  on.run(1, resolve(true))
  expect(on.text('k')).toBeUndefined()
  expect(on.result(4, prepare(works([], [exists('k', true)])))).toEqual(aborted('moved'))
  expect(on.result(13, transact(works([add('n')], [exists('k', false)])))).toMatchObject({
    type: 'transacted'
  })
})

test('where a key was created is where its transaction was resolved', () => {
  const on = new Site()
  on.run(1, prepare(works([put('k', 'v')])))
  expect(on.machine.quietSince(utf8('k'))).toBe(0)
  on.skip(3)
  on.run(1, resolve(true))
  expect(on.machine.quietSince(utf8('k'))).toBe(5)
})

test('a session whose transaction is not over does not go, for whatever reason', () => {
  for (const of of [create, prepare]) {
    const on = new Site()
    on.run(1, of(works([add('n')])))
    on.skip(20)
    on.time += 1_000
    on.run(1, add('m'), { session: B })
    expect(on.machine.sessionCount).toBe(2)
    on.restart()
    on.time += 1_000
    // B makes room though A is older.
    expect(on.result(1, add('m'), { session: C })).toMatchObject({ type: 'counted' })
    expect(on.machine.lookup(B, 1)).toBeUndefined()
    on.run(2, prepare(works([add('o')])), { session: C })
    on.time += 1_000
    expect(on.run(2, add('m'), { session: B })).toMatchObject({ code: 'overloaded' })
    expect(on.machine.sessionsKept).toBe(2)
    on.run(1, of === create ? ABORT : resolve(false))
    if (of === create) on.run(1, forget(1))
    on.time += 1_000
    expect(on.result(2, add('m'), { session: B })).toMatchObject({ type: 'counted' })
    expect(on.machine.lookup(A, 1)).toBeUndefined()
    // Nor does anybody learn that it was aborted: for all that is known it was not.
    expect(on.result(1, ABORT)).toEqual({ type: 'gone' })
    // The copy of a transaction of a session that went cannot come back.
    expect(on.run(1, of(works([add('n')])), { basis: 0 })).toMatchObject({ type: 'rejected' })
  }
})
