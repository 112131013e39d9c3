import { expect, test } from 'vitest'
import { LockTimers } from '../../../src/partition/lock-timers.ts'
import type { Place } from '../../../src/state/lock-record.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { LOCK_PLACES_AT_ONCE_MAX } from '../../../src/wire/limits.ts'

// Goal: a place is over when it was not renewed for its ttl, not sooner, and never for a time in
// which nobody could be heard.

const LOCK = { guard: false, key: utf8('k') }
const TICK = 100

const place = (ticket: number, ttlMs: number): Place => {
  return { ticket, token: 0, shared: false, owner: '', ttlMs, renewals: 0, since: 0 }
}

class Ticking {
  readonly timers = new LockTimers()
  now = 0

  /** The places that are over at each tick until `until`, as ticket@time. */
  runTo(until: number): string[] {
    const over: string[] = []
    while (this.now < until) {
      this.now += TICK
      for (const { number } of this.timers.due(this.now)) over.push(`${number}@${this.now}`)
    }
    return over
  }
}

test('a place is over after its ttl, and again a while later if it is still there', () => {
  const on = new Ticking()
  const [a, b] = [place(1, 1_000), place(2, 250)]
  on.timers.start(LOCK, a, 0)
  on.timers.start(LOCK, b, 0)
  expect([on.timers.leftMs(a, 400), on.timers.leftMs(b, 400)]).toEqual([600, 0])
  expect(on.runTo(900)).toEqual(['2@300', '2@800'])
  on.timers.stop(b)
  expect(on.runTo(1_400)).toEqual(['1@1000'])
  on.timers.stop(a)
  expect(on.runTo(5_000)).toEqual([])
})

test('a renewal starts its time anew, with the ttl it has then', () => {
  const on = new Ticking()
  const a = place(1, 1_000)
  on.timers.start(LOCK, a, 0)
  expect(on.runTo(900)).toEqual([])
  a.renewals++
  a.ttlMs = 500
  on.timers.start(LOCK, a, on.now)
  expect(on.runTo(1_300)).toEqual([])
  expect(on.runTo(1_500)).toEqual(['1@1400'])
})

test('what is held goes by its token, what waits by its ticket, each with its renewals', () => {
  const timers = new LockTimers()
  const [a, b] = [place(1, 100), place(2, 100)]
  Object.assign(a, { token: 9, renewals: 4 })
  timers.start(LOCK, a, 0)
  timers.start({ ...LOCK, guard: true }, b, 0)
  expect(timers.due(100)).toEqual([
    { ...LOCK, number: 9, renewals: 4 },
    { ...LOCK, guard: true, number: 2, renewals: 0 }
  ])
})

test('a leader that stood still gives everybody that time', () => {
  const on = new Ticking()
  const a = place(1, 1_000)
  on.timers.start(LOCK, a, 0)
  expect(on.runTo(500)).toEqual([])
  on.now += 60_000
  expect(on.runTo(on.now + 400)).toEqual([])
  expect(on.runTo(on.now + 300)).toEqual([`1@${61_100}`])
})

test('no more at once than one command may be about, and none is forgotten', () => {
  const timers = new LockTimers()
  const count = LOCK_PLACES_AT_ONCE_MAX + 10
  for (let i = 1; i <= count; i++) timers.start(LOCK, place(i, 100), 0)
  const first = timers.due(100)
  const second = timers.due(200)
  expect([first.length, second.length]).toEqual([LOCK_PLACES_AT_ONCE_MAX, 10])
  expect(new Set([...first, ...second].map(({ number }) => number)).size).toBe(count)
})
