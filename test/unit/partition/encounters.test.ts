import { expect, test } from 'vitest'
import type { Answered, Asker } from '../../../src/partition/answer.ts'
import { Encounters, type Fate } from '../../../src/partition/encounters.ts'
import { encodeBody } from '../../../src/state/entry-body.ts'
import type { KeyRecord } from '../../../src/state/keys.ts'
import { loadSaved, NO_ROWS } from '../../../src/state/meta.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import { encodeCommand, type Operation } from '../../../src/wire/command.ts'
import type { AnchoredTransaction } from '../../../src/wire/transaction.ts'
import { MapTable, SESSION } from '../state/fixture.ts'

// Goal: who meets a transaction goes on when it is over, once, and no sooner; a read is told the
// old value or the new one as the record says, and begins anew where nothing is known.

const KEY = utf8('k')

class Scene {
  readonly state = new StateMachine(
    { group: 1, table: new MapTable() },
    loadSaved(undefined, NO_ROWS)
  )
  now = 0
  readonly asked: { readonly of: AnchoredTransaction; readonly hear: (fate: Fate) => void }[] = []
  readonly settled: number[] = []
  readonly log: string[] = []
  readonly encounters = new Encounters(
    { group: 1, state: this.state },
    {
      waitedForMsMax: 2_000,
      ask: (of, hear) => void this.asked.push({ of, hear }),
      settle: ({ seq }) => void this.settled.push(seq)
    },
    () => this.now
  )

  run(seq: number, operation: Operation): void {
    const { index } = this.state.applied
    const numbers = { session: SESSION, seq, ackedUpTo: 0, basis: index }
    const body = encodeBody(1_000 + this.now, [encodeCommand({ ...numbers, operation })])
    this.state.apply(index + 1, 1, body)
  }

  /** `k` is `old`, and transaction `seq` wants it to be `new`. */
  prepare(seq: number, ttlMs?: number): AnchoredTransaction {
    this.run(100, { type: 'put', key: KEY, value: utf8('old') })
    const ttl = ttlMs === undefined ? {} : { ttlMs }
    const put = { type: 'put', key: KEY, value: utf8('new'), ...ttl } as const
    this.run(seq, {
      type: 'prepare',
      anchor: 2,
      anchorBasis: 0,
      work: { checks: [], writes: [put] }
    })
    return { session: SESSION, seq, anchor: 2, basis: 0 }
  }

  resolve(seq: number, committed: boolean): void {
    this.run(seq, { type: 'resolve', committed })
    this.encounters.applied()
  }

  wait(ref: AnchoredTransaction, name: string, until = Number.POSITIVE_INFINITY): void {
    this.encounters.wait(ref, this.#asker(name, until), () => this.log.push(`${name} goes on`))
  }

  read(name: string, until = Number.POSITIVE_INFINITY): void {
    const intent = this.state.transactions.intentOn(KEY)
    if (intent === undefined) throw new Error('no intent')
    const answer = (record: KeyRecord | undefined): void => {
      const text = record === undefined ? 'nothing' : utf8Text(record.value)
      this.log.push(`${name} sees ${text}`)
    }
    const again = (): void => void this.log.push(`${name} begins anew`)
    const met = { intent, old: this.state.read(KEY) }
    this.encounters.read(met, this.#asker(name, until), { answer, again })
  }

  #asker(name: string, until: number): Asker {
    return {
      respond: ({ code }: Answered) => void this.log.push(`${name} hears ${code}`),
      isOver: (now) => now >= until
    }
  }
}

const NOT_LEADER: Answered = {
  outcome: 'rejected',
  code: 'not_leader',
  message: '',
  applied: 0,
  leader: '',
  waitMs: 0,
  body: new Uint8Array(0)
}

test('writes go on in their order when the part is gone, not before', () => {
  const on = new Scene()
  const ref = on.prepare(1)
  on.wait(ref, 'a')
  on.wait(ref, 'b')
  on.run(2, { type: 'tick' })
  on.encounters.applied()
  expect([on.log, on.encounters.count]).toEqual([[], 2])
  on.resolve(1, true)
  expect([on.log, on.encounters.count]).toEqual([['a goes on', 'b goes on'], 0])
  on.encounters.applied()
  expect(on.log.length).toBe(2)
})

test('who goes on may meet the next one at once', () => {
  const on = new Scene()
  const first = on.prepare(1)
  const asker: Asker = { respond: () => {}, isOver: () => false }
  on.encounters.wait(first, asker, () => on.wait({ ...first, seq: 2 }, 'a'))
  on.run(1, { type: 'resolve', committed: true })
  on.prepare(2)
  on.encounters.applied()
  expect([on.log, on.encounters.count]).toEqual([[], 1])
  on.resolve(2, false)
  expect([on.log, on.encounters.count]).toEqual([['a goes on'], 0])
})

test('what is waited for too long is ended; who waits no more is let go', () => {
  const on = new Scene()
  const ref = on.prepare(1)
  on.wait(ref, 'a', 1_000)
  on.wait(ref, 'b')
  on.now = 1_999
  on.encounters.tick()
  expect([on.settled, on.encounters.count]).toEqual([[], 1])
  on.now = 2_000
  on.encounters.tick()
  expect(on.settled).toEqual([1])
  on.resolve(1, false)
  expect(on.log).toEqual(['b goes on'])
  const other = on.prepare(2)
  on.wait(other, 'c', 3_000)
  on.now = 9_000
  on.encounters.tick()
  expect([on.settled, on.encounters.count]).toEqual([[1], 0])
  on.resolve(2, false)
  expect(on.log).toEqual(['b goes on'])
})

test('who lost the lead refuses all who wait, once', () => {
  const on = new Scene()
  const ref = on.prepare(1)
  on.wait(ref, 'a')
  on.encounters.refuseAll(NOT_LEADER)
  expect([on.log, on.encounters.count]).toEqual([['a hears not_leader'], 0])
  on.resolve(1, true)
  expect(on.log).toEqual(['a hears not_leader'])
})

test('only so many wait', () => {
  const on = new Scene()
  const ref = on.prepare(1)
  for (let i = 0; i < 10_000; i++) on.wait(ref, 'early')
  on.wait(ref, 'late')
  expect([on.log, on.encounters.count]).toEqual([['late hears overloaded'], 10_000])
})

test.each<[Fate, string]>([
  ['pending', 'a sees old'],
  ['aborted', 'a sees old'],
  ['committed', 'a sees new']
])('a read that hears of %s', (fate, seen) => {
  const on = new Scene()
  on.prepare(1)
  on.read('a')
  expect(on.log).toEqual([])
  on.asked[0]?.hear(fate)
  expect(on.log).toEqual([seen])
})

test('what changed while the record was asked changes nothing of the answer', () => {
  for (const [fate, seen] of [
    ['pending', 'old'],
    ['committed', 'new']
  ] as const) {
    const on = new Scene()
    on.prepare(1)
    on.read('a')
    on.resolve(1, true)
    on.run(3, { type: 'delete', key: KEY })
    on.asked[0]?.hear(fate)
    expect(on.log).toEqual([`a sees ${seen}`])
  }
})

test('a read that hears nothing begins anew once the part is gone', () => {
  const on = new Scene()
  on.prepare(1)
  for (const name of ['a', 'b']) on.read(name)
  on.asked[0]?.hear('unknown')
  expect([on.log, on.encounters.count]).toEqual([[], 1])
  on.resolve(1, true)
  expect(on.log).toEqual(['a begins anew'])
  on.asked[1]?.hear('unknown')
  expect(on.log).toEqual(['a begins anew', 'b begins anew'])
})

test('a new value that expires is read where its time is known', () => {
  const on = new Scene()
  on.prepare(1, 500)
  on.read('a')
  on.asked[0]?.hear('committed')
  expect(on.log).toEqual([])
  on.resolve(1, true)
  expect(on.log).toEqual(['a begins anew'])
})

test('nobody is told who gave up', () => {
  const on = new Scene()
  on.prepare(1)
  on.read('a', 10)
  on.read('b', 10)
  on.now = 10
  on.asked[0]?.hear('committed')
  on.asked[1]?.hear('unknown')
  expect([on.log, on.encounters.count]).toEqual([[], 0])
})
