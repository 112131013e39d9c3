import { expect, test } from 'vitest'
import { utf8 } from '../../../src/wire/bytes.ts'
import type { Operation } from '../../../src/wire/command.ts'
import type { Check } from '../../../src/wire/transaction.ts'
import {
  A,
  aborted,
  B,
  ended,
  exists,
  prepare,
  put,
  resolve,
  Site,
  transact,
  works
} from './transaction-site.ts'

// Goal: one lock, command by command: who holds it, who is next, and whom the store believes.
// Every test restarts the machine between commands: nothing may hang on what is not in the table.

const TTL = 1_000

/** A site that restarts after each command, and numbers them. */
class Desk {
  readonly site = new Site()
  #seq = 0

  do(operation: Operation): unknown {
    this.#seq++
    const result = this.site.result(this.#seq, operation)
    this.site.restart()
    return result
  }

  /** The same command once more. */
  again(operation: Operation): unknown {
    return this.site.result(this.#seq, operation)
  }

  acquire(how: { shared?: boolean; wait?: boolean; owner?: string; key?: string } = {}): Operation {
    const { shared = false, wait = true, owner = '', key = 'k' } = how
    return { type: 'acquire', guard: false, key: utf8(key), shared, wait, ttlMs: TTL, owner }
  }

  /** The token or ticket of who comes next. */
  come(how: Parameters<Desk['acquire']>[0] = {}): number {
    const result = this.do(this.acquire(how))
    return (result as { token?: number }).token ?? (result as { ticket: number }).ticket
  }

  view(key = 'k') {
    const { locks, time } = this.site.machine
    return locks.view({ guard: false, key: utf8(key) }, time, () => 7)
  }

  /** What became of these tickets. */
  verdicts(...numbers: number[]): unknown[] {
    const { verdicts } = this.do(renew(...numbers)) as { verdicts: { type: string }[] }
    return verdicts.map((one) => ('token' in one ? one.token : one.type))
  }
}

const lock = { guard: false, key: utf8('k') }
const renew = (...numbers: number[]): Operation => {
  return { type: 'renew', places: numbers.map((number) => ({ ...lock, number })) }
}
const release = (token: number): Operation => ({ type: 'release', ...lock, token })
const leave = (ticket: number): Operation => ({ type: 'leave', ...lock, ticket })
const expire = (number: number, renewals: number): Operation => {
  return { type: 'expire', places: [{ ...lock, number, renewals }] }
}
const requires = (token: number): Check => ({ type: 'lock', ...lock, token })
const granted = (token: number) => ({ type: 'granted', token, ttlMs: TTL })
const LOST = { type: 'lost' }

test('a free lock is granted at once, a held one in the order of those who wait', () => {
  const on = new Desk()
  expect(on.do(on.acquire({ owner: 'first' }))).toEqual(granted(2))
  on.site.time += 500
  const holder = { owner: 'first', heldMs: 500 }
  expect(on.do(on.acquire({ wait: false }))).toEqual({ type: 'locked', holder })
  expect(on.do(on.acquire())).toEqual({ type: 'waiting', ticket: 4, ahead: 0, holder })
  expect(on.do(on.acquire())).toEqual({ type: 'waiting', ticket: 5, ahead: 1, holder })
  expect(on.verdicts(2, 1, 4, 5, 99)).toEqual(['held', 2, 'queued', 'queued', 'lost'])
  expect(on.do(release(2))).toEqual({ type: 'released' })
  // The number of a grant is drawn for it: after that of the release.
  expect(on.verdicts(4, 5)).toEqual([8, 'queued'])
  expect(on.view()).toMatchObject({ token: 8, waiters: 1, holders: 1, held: { token: 8 } })
  expect(on.do(release(2))).toEqual(LOST)
  expect(on.do(release(4))).toEqual(LOST)
  expect(on.do(release(8))).toEqual({ type: 'released' })
  const { token } = on.view()
  expect(token).toBeGreaterThan(8)
  expect(on.do(release(token))).toEqual({ type: 'released' })
  expect(on.view()).toEqual({ token, waiters: 0, holders: 0 })
  expect(on.come()).toBeGreaterThan(token)
})

test('a copy of an acquire takes no second place', () => {
  const on = new Desk()
  const first = on.come()
  const waiting = on.do(on.acquire())
  expect(on.again(on.acquire())).toEqual(waiting)
  expect(on.view().waiters).toBe(1)
  on.do(release(first))
  expect(on.view()).toMatchObject({ waiters: 0, holders: 1 })
})

test('those who share come in together, and overtake nobody', () => {
  const on = new Desk()
  const readers = [on.come({ shared: true }), on.come({ shared: true })] as const
  const writer = on.come()
  const later = [on.come({ shared: true }), on.come({ shared: true, wait: false })]
  expect(on.view()).toMatchObject({ holders: 2, waiters: 2, held: { shared: true } })
  expect(later[1]).toBeUndefined()
  on.do(release(readers[0]))
  expect(on.verdicts(readers[0], readers[1], writer)).toEqual(['lost', 'held', 'queued'])
  on.do(release(readers[1]))
  const last = on.come({ shared: true })
  const [token] = on.verdicts(writer) as [number]
  expect(on.verdicts(later[0] as number, last)).toEqual(['queued', 'queued'])
  on.do(release(token))
  const [a, b] = on.verdicts(later[0] as number, last) as [number, number]
  expect(a).toBeGreaterThan(token)
  expect(b).toBeGreaterThan(a)
  expect(on.view()).toMatchObject({ holders: 2, waiters: 0, token: b, held: { token: a } })
})

test('a waiter that leaves lets those behind it in, and cannot leave what it was granted', () => {
  const on = new Desk()
  const reader = on.come({ shared: true, owner: 'reader' })
  const writer = on.come()
  const behind = on.come({ shared: true })
  expect(on.do(leave(writer))).toEqual({ type: 'left', holder: { owner: 'reader', heldMs: 0 } })
  expect(on.do(leave(writer))).toEqual(LOST)
  const [token] = on.verdicts(behind) as [number]
  expect(on.do(leave(behind))).toEqual(granted(token))
  on.do(release(token))
  expect(on.verdicts(reader, behind)).toEqual(['held', 'lost'])
})

test('what was renewed since does not expire, what was not does', () => {
  const on = new Desk()
  const first = on.come()
  const [second, third] = [on.come(), on.come()]
  on.do(renew(first))
  on.do(expire(first, 0))
  expect(on.view().held?.token).toBe(first)
  // Whoever waits is skipped when it is not there any more.
  on.do(expire(second, 0))
  on.do(expire(first, 1))
  expect(on.verdicts(first, second)).toEqual(['lost', 'lost'])
  const [token] = on.verdicts(third) as [number]
  // By a ticket, or with a count of before the grant, nothing ends that is held.
  on.do(expire(third, 1))
  on.do(expire(token, 0))
  expect(on.view().held?.token).toBe(token)
  on.do(expire(token, 1))
  expect(on.view()).toMatchObject({ holders: 0, token })
})

test('a renewal sets a new ttl', () => {
  const on = new Desk()
  const token = on.come()
  on.do({ type: 'renew', places: [{ ...lock, number: token, ttlMs: 5_000 }] })
  expect(on.site.machine.locks.place(lock, token)).toMatchObject({ ttlMs: 5_000, renewals: 1 })
})

test('what requires a lock happens while it is held with that token, and never after', () => {
  const on = new Desk()
  const first = on.come()
  const next = on.come()
  const write = (text: string, token: number) => {
    return on.do(transact(works([put('v', text)], [requires(token)])))
  }
  expect(write('one', first)).toMatchObject({ type: 'transacted' })
  expect(write('two', next)).toEqual(aborted('fenced'))
  on.do(release(first))
  expect(write('three', first)).toEqual(aborted('fenced'))
  const [token] = on.verdicts(next) as [number]
  expect(write('four', token)).toMatchObject({ type: 'transacted' })
  expect(on.site.text('v')).toBe('four')
})

test('a lock stays where it is while a prepared transaction relies on it', () => {
  for (const committed of [true, false]) {
    const on = new Desk()
    const first = on.come()
    const next = on.come()
    const { site } = on
    site.result(1, prepare(works([put('v', 'new')], [requires(first)])), { session: B })
    site.restart()
    expect(on.do(release(first))).toMatchObject({ type: 'blocked', by: { session: B, seq: 1 } })
    on.do(expire(first, 0))
    expect(on.verdicts(first, next)).toEqual(['held', 'queued'])
    site.result(1, resolve(committed), { session: B })
    expect(site.text('v')).toBe(committed ? 'new' : undefined)
    expect(on.do(release(first))).toEqual({ type: 'released' })
    expect(on.verdicts(first)).toEqual(['lost'])
    expect(site.result(2, prepare(works([], [requires(first)])), { session: B })).toEqual(
      aborted('fenced')
    )
    expect(site.result(1, resolve(committed), { session: B })).toEqual(ended(committed))
  }
})

test('several transactions may rely on one lock', () => {
  const on = new Desk()
  const token = on.come()
  for (const seq of [1, 2]) {
    const work = works([put(`v${seq}`, 'x')], [requires(token)])
    expect(on.site.result(seq, prepare(work), { session: B })).toMatchObject({ type: 'prepared' })
  }
  on.site.restart()
  on.site.result(1, resolve(true), { session: B })
  expect(on.do(release(token))).toMatchObject({ type: 'blocked', by: { seq: 2 } })
  on.site.result(2, resolve(true), { session: B })
  expect(on.do(release(token))).toEqual({ type: 'released' })
})

test('a lock and a group have so much room, and no more', () => {
  const on = new Desk()
  const first = on.come()
  for (let i = 0; i < 3; i++) on.come()
  expect(on.do(on.acquire())).toEqual({ type: 'crowded' })
  on.come({ key: 'other' })
  on.come({ key: 'third' })
  expect(on.do(on.acquire({ key: 'fourth' }))).toEqual({ type: 'crowded' })
  expect(on.site.machine.locks.counts).toEqual({ holders: 3, waiters: 3 })
  on.do(release(first))
  expect(on.do(on.acquire({ key: 'fourth' }))).toMatchObject({ type: 'granted' })
})

test('of free locks the last token is remembered, of the latest few', () => {
  const on = new Desk()
  const tokens = ['a', 'b', 'c'].map((key) => {
    const token = on.come({ key })
    on.do({ type: 'release', guard: false, key: utf8(key), token })
    return token
  })
  expect(['a', 'b', 'c'].map((key) => on.view(key).token)).toEqual([0, tokens[1], tokens[2]])
  // Whatever is forgotten, no token comes twice.
  expect(on.come({ key: 'a' })).toBeGreaterThan(tokens[2] as number)
})

test('a lock, a guard and a value of one name are three things', () => {
  const on = new Desk()
  on.do(put('k', 'value'))
  const token = on.come()
  const guard = on.do({
    type: 'acquire',
    guard: true,
    key: lock.key,
    shared: false,
    wait: false,
    ttlMs: TTL,
    owner: ''
  }) as { token: number }
  expect(guard).toMatchObject({ type: 'granted' })
  expect(on.site.text('k')).toBe('value')
  on.do(release(token))
  expect(on.site.machine.locks.isHeld({ ...lock, guard: true }, guard.token)).toBe(true)
})

test('the state tells the places of its locks to who listens, and what becomes of them', () => {
  const on = new Site()
  const desk = new Desk()
  on.result(1, desk.acquire())
  const heard: string[] = []
  const note = (what: string, { ticket, token }: { ticket: number; token: number }): void => {
    heard.push(`${what} ${ticket} ${token}`)
  }
  on.machine.locks.listen({
    began: (_, place) => note('began', place),
    granted: (_, place) => note('granted', place),
    ended: (place, why) => note(why, place)
  })
  on.result(2, desk.acquire())
  on.result(3, renew(1, 3))
  on.result(4, release(2), { session: A })
  expect(heard).toEqual([
    'began 1 2',
    'began 3 0',
    'began 1 2',
    'began 3 0',
    'given up 1 2',
    'granted 3 6'
  ])
})

test('a guarded key waits for its guard, and lets through who shows it', () => {
  const on = new Desk()
  const { site } = on
  const guard = { ...lock, guard: true }
  const how = { shared: false, wait: true, ttlMs: TTL, owner: '' }
  const { token } = on.do({ type: 'acquire', ...guard, ...how }) as { token: number }
  const shown: Check = { type: 'lock', ...guard, token }
  const blocked = { type: 'blocked', by: { guarded: lock.key } }
  expect(on.do(put('k', 'plain'))).toEqual(blocked)
  expect(on.do(transact(works([put('k', 'x')])))).toEqual(blocked)
  expect(on.do(transact(works([put('free', 'x')], [exists('k', false)])))).toEqual(blocked)
  expect(site.result(1, prepare(works([put('k', 'x')])), { session: B })).toEqual(
    aborted('blocked')
  )
  expect(on.do(put('free', 'x'))).toMatchObject({ type: 'written' })
  // A lock of that name is no guard, and shows nothing.
  const own = on.come()
  expect(on.do(transact(works([put('k', 'x')], [requires(own)])))).toEqual(blocked)
  expect(on.do(transact(works([put('k', 'mine')], [shown])))).toMatchObject({ type: 'transacted' })
  expect(site.result(2, prepare(works([put('k', 'two')], [shown])), { session: B })).toMatchObject({
    type: 'prepared'
  })
  site.result(2, resolve(true), { session: B })
  expect(on.do({ type: 'release', ...guard, token })).toEqual({ type: 'released' })
  expect(on.do(put('k', 'plain'))).toMatchObject({ type: 'written' })
  expect(on.do(transact(works([put('k', 'late')], [shown])))).toEqual(aborted('fenced'))
  expect(site.text('k')).toBe('plain')
})

test('a guard that expires lets others write', () => {
  const on = new Desk()
  const guard = { ...lock, guard: true }
  const how = { shared: false, wait: true, ttlMs: TTL, owner: '' }
  const { token } = on.do({ type: 'acquire', ...guard, ...how }) as { token: number }
  on.do({ type: 'acquire', ...guard, ...how })
  const next = on.site.machine.counter
  on.do({ type: 'expire', places: [{ ...guard, number: token, renewals: 0 }] })
  expect(on.do(put('k', 'x'))).toMatchObject({ type: 'blocked' })
  expect(on.site.machine.locks.isHeld(guard, token)).toBe(false)
  const [holder] = [...on.site.machine.locks.places()].map(([, place]) => place.token)
  expect(holder).toBeGreaterThan(next)
  on.do({ type: 'expire', places: [{ ...guard, number: holder as number, renewals: 0 }] })
  expect(on.site.machine.locks.hasGuards).toBe(false)
  expect(on.do(put('k', 'x'))).toMatchObject({ type: 'written' })
})
