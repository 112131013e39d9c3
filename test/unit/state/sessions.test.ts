import { expect, test } from 'vitest'
import { encodeBody } from '../../../src/state/entry-body.ts'
import { loadSaved, NO_ROWS } from '../../../src/state/meta.ts'
import type { SessionLimits } from '../../../src/state/sessions.ts'
import { type Answer, StateMachine } from '../../../src/state/state-machine.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { encodeCommand } from '../../../src/wire/command.ts'
import { MapTable } from './fixture.ts'

// Goal: a command runs once whatever copies of it come, sessions stay bounded, and none goes while
// a copy that could run again may be on its way (design §7, Exactly once).

const LIMITS: SessionLimits = {
  sessionsMax: 2,
  sessionResultsMax: 3,
  resultsMax: 5,
  basisWindow: 10,
  unusedMsMin: 100
}

const id = (name: string): string => name.repeat(32)
const [A, B, C] = [id('a'), id('b'), id('c')] as const

class Group {
  readonly table = new MapTable()
  machine: StateMachine
  time = 1_000

  constructor(limits = LIMITS) {
    const options = { group: 1, table: this.table, limits }
    this.machine = new StateMachine(options, loadSaved(undefined, NO_ROWS))
  }

  /** One more entry, holding one copy of increment (session, seq). */
  send(session: string, seq: number, more: { acked?: number; basis?: number } = {}): Answer {
    const { acked = 0, basis = this.machine.applied.index } = more
    const operation = { type: 'increment', key: utf8('n'), by: 1 } as const
    const command = encodeCommand({ session, seq, ackedUpTo: acked, basis, operation })
    const index = this.machine.applied.index + 1
    return this.machine.apply(index, 1, encodeBody(this.time, [command]))[0] as Answer
  }

  skip(entries: number): void {
    for (let i = 0; i < entries; i++) this.machine.skip(this.machine.applied.index + 1, 1)
  }

  restart(backwards = false): void {
    this.machine.prepareFlush()
    const options = { group: 1, table: this.table, limits: LIMITS }
    this.machine = new StateMachine(options, this.table.saved(backwards))
  }

  get value(): string {
    return new TextDecoder().decode(this.machine.read(utf8('n'))?.value)
  }
}

const counted = (value: number, revision: number) => ({
  type: 'result',
  result: { type: 'counted', value, revision }
})
const rejected = (code: string, applied: number) => ({ type: 'rejected', code, applied })

test('a copy gets the first answer and changes nothing, over restarts too', () => {
  const on = new Group()
  expect(on.machine.lookup(A, 1)).toBeUndefined()
  expect(on.send(A, 1, { basis: 0 })).toEqual(counted(1, 1))
  expect(on.send(A, 2, { basis: 0 })).toEqual(counted(2, 2))
  expect(on.send(A, 1, { basis: 0 })).toEqual(counted(1, 1))
  on.restart()
  expect(on.send(A, 1, { basis: 0 })).toEqual(counted(1, 1))
  expect(on.machine.lookup(A, 2)).toEqual(counted(2, 2))
  expect(on.value).toBe('2')
  expect(on.machine.counter).toBe(4)
})

test('commands of one session may come in any order', () => {
  const on = new Group()
  expect(on.send(A, 3)).toEqual(counted(1, 1))
  expect(on.send(A, 1)).toEqual(counted(2, 2))
  expect(on.send(A, 2)).toEqual(counted(3, 3))
})

test('what was acknowledged is refused, its result gone', () => {
  const on = new Group()
  on.send(A, 1)
  on.send(A, 2)
  on.send(A, 4, { acked: 2 })
  expect(on.send(A, 1)).toEqual(rejected('stale_request', 4))
  expect(on.machine.lookup(A, 2)).toEqual(rejected('stale_request', 4))
  expect(on.machine.lookup(A, 3)).toBeUndefined()
  expect(on.send(B, 5, { acked: 5 })).toEqual(rejected('stale_request', 5))
  expect(on.value).toBe('3')
})

test('an acknowledgement far ahead frees all before it', () => {
  const on = new Group()
  on.send(A, 1)
  on.send(A, 2)
  on.send(A, 2 ** 50 + 1, { acked: 2 ** 50 })
  expect(on.send(A, 2 ** 50 + 2, { acked: 2 ** 50 })).toEqual(counted(4, 4))
  expect(on.send(A, 2 ** 50 + 3, { acked: 2 ** 50 })).toEqual(counted(5, 5))
  expect(on.send(A, 2 ** 50 + 4, { acked: 2 ** 50 })).toEqual(rejected('overloaded', 6))
})

test('an unknown session is opened only near its basis', () => {
  const on = new Group()
  on.skip(10)
  expect(on.send(A, 1, { basis: 0 })).toEqual(rejected('session_expired', 11))
  expect(on.send(A, 1, { basis: 2 })).toEqual(counted(1, 2))
  expect(on.send(B, 1, { basis: 14 })).toEqual(rejected('session_expired', 13))
  expect(on.machine.sessionCount).toBe(1)
})

test('a session that is known may use an old basis as long as it likes', () => {
  const on = new Group()
  on.send(A, 1, { basis: 0 })
  on.skip(100)
  expect(on.send(A, 2, { basis: 1 })).toEqual(counted(2, 2))
})

test('a session goes by itself only after both entries and time unused', () => {
  const on = new Group({ ...LIMITS, sessionsMax: 3 })
  on.send(A, 1)
  on.send(B, 1)
  on.skip(8)
  on.time += 101
  expect(on.send(C, 1)).toEqual(counted(3, 3))
  expect(on.machine.lookup(A, 1)).toEqual(counted(1, 1))
  expect(on.send(C, 2)).toEqual(counted(4, 4))
  expect(on.machine.lookup(A, 1)).toBeUndefined()
  expect(on.machine.lookup(B, 1)).toEqual(counted(2, 2))
  on.skip(20)
  on.time += 100
  expect(on.send(A, 2)).toEqual(counted(5, 5))
  expect(on.machine.lookup(B, 1)).toBeUndefined()
  expect(on.machine.lookup(C, 1)).toEqual(counted(3, 3))
})

test('who goes first is the same after a restart, whatever the order of the records', () => {
  for (const backwards of [false, true]) {
    const on = new Group()
    on.send(A, 1)
    on.skip(2)
    on.send(B, 1)
    on.restart(backwards)
    on.skip(7)
    on.time += 101
    expect(on.send(C, 1)).toEqual(counted(3, 3))
    expect(on.machine.lookup(A, 1)).toBeUndefined()
    expect(on.machine.lookup(B, 1)).toEqual(counted(2, 2))
  }
})

test('unused time alone does not make a session go, nor do entries alone', () => {
  const on = new Group({ ...LIMITS, sessionsMax: 3 })
  on.send(A, 1)
  on.time += 1_000_000
  on.send(B, 1)
  expect(on.machine.lookup(A, 1)).toEqual(counted(1, 1))
  const slow = new Group()
  slow.send(A, 1)
  slow.send(B, 1)
  slow.skip(1_000)
  expect(slow.send(C, 1)).toEqual(rejected('overloaded', 1_003))
})

test('where all places are taken one unused for long makes room, however few entries', () => {
  const on = new Group()
  on.send(A, 1)
  on.send(B, 1)
  on.time += 100
  expect(on.send(C, 1)).toEqual(rejected('overloaded', 3))
  expect(on.machine.sessionsKept).toBe(2)
  on.time += 1
  expect(on.send(C, 1)).toEqual(counted(3, 4))
  expect(on.machine.sessionsKept).toBe(0)
  expect(on.machine.lookup(A, 1)).toBeUndefined()
  expect(on.machine.lookup(B, 1)).toEqual(counted(2, 2))
  expect(on.machine.sessionCount).toBe(2)
})

test('no copy from before a session made room runs again, whoever comes and goes after', () => {
  const on = new Group()
  on.send(A, 1, { basis: 0 })
  on.send(B, 1)
  on.time += 101
  expect(on.send(C, 1)).toEqual(counted(3, 3))
  expect(on.send(A, 1, { basis: 0 })).toEqual(rejected('session_expired', 4))
  on.time += 101
  expect(on.send(A, 2)).toEqual(counted(4, 5))
  expect(on.send(A, 1, { basis: 0 })).toEqual(rejected('session_expired', 6))
  on.restart()
  expect(on.send(A, 1, { basis: 0 })).toEqual(rejected('session_expired', 7))
  // Places are free again: what made room is remembered all the same.
  on.skip(3)
  on.time += 101
  expect(on.send(B, 9, { acked: 8 })).toEqual(counted(5, 8))
  expect(on.send(A, 1, { basis: 0 })).toEqual(rejected('session_expired', 12))
  expect(on.value).toBe('5')
})

test('a session opened anew refuses copies from before it went', () => {
  const on = new Group()
  on.send(A, 1, { basis: 0 })
  on.skip(20)
  on.time += 200
  expect(on.send(A, 2)).toEqual(counted(2, 2))
  expect(on.send(A, 1, { basis: 0 })).toEqual(rejected('session_expired', 23))
  on.restart()
  expect(on.send(A, 1, { basis: 0 })).toEqual(rejected('session_expired', 24))
  expect(on.value).toBe('2')
})

test('a copy keeps its session young, a refused command does not', () => {
  const on = new Group()
  on.send(A, 1)
  on.send(B, 1)
  on.send(B, 2, { acked: 1 })
  on.skip(8)
  on.time += 60
  on.send(A, 1)
  on.send(B, 1)
  on.skip(8)
  on.time += 60
  on.send(C, 1)
  expect(on.machine.lookup(A, 1)).toEqual(counted(1, 1))
  expect(on.machine.lookup(B, 2)).toBeUndefined()
})

test('unacknowledged results are bounded per session and in all', () => {
  const on = new Group()
  for (let seq = 1; seq <= 3; seq++) on.send(A, seq)
  expect(on.send(A, 4)).toEqual(rejected('overloaded', 4))
  for (let seq = 1; seq <= 2; seq++) on.send(B, seq)
  expect(on.send(B, 3)).toEqual(rejected('overloaded', 7))
  on.restart()
  expect(on.send(B, 3)).toEqual(rejected('overloaded', 8))
  expect(on.send(A, 4, { acked: 1 })).toEqual(counted(6, 9))
  expect(on.value).toBe('6')
})

test('a session that goes takes its record along', () => {
  const on = new Group()
  on.send(A, 1)
  on.machine.prepareFlush()
  const kept = on.table.records.size
  on.skip(20)
  on.time += 200
  on.send(B, 1)
  on.machine.prepareFlush()
  expect(on.table.records.size).toBe(kept)
  on.skip(20)
  on.time += 200
  on.send(A, 2)
  on.restart()
  expect(on.machine.lookup(A, 1)).toBeUndefined()
  expect(on.machine.lookup(A, 2)).toEqual(counted(3, 3))
  expect(on.machine.sessionCount).toBe(1)
})
