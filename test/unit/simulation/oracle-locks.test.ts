import { expect, test } from 'vitest'
import { LocksOracle } from '../../../src/simulation/oracle-locks.ts'
import { encodeBody } from '../../../src/state/entry-body.ts'
import type { Place } from '../../../src/state/lock-record.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { encodeCommand, type Operation } from '../../../src/wire/command.ts'
import { A, Site } from '../state/transaction-site.ts'

// Goal: the oracle of locks sees every breach at the entry that makes it. Method: a true state, run
// by commands, and breaches made behind its back.

const LOCK = { guard: false, key: utf8('k') }

class Scene {
  readonly site = new Site()
  readonly #oracle = new LocksOracle()
  #seq = 0

  /** Runs it, then `meddle`, then the oracle looks. */
  run(operation: Operation, meddle: () => void = () => {}): void {
    const { machine } = this.site
    const seq = ++this.#seq
    const answer = this.site.run(seq, operation)
    meddle()
    const numbers = { session: A, seq, ackedUpTo: 0, basis: 0 }
    const data = encodeBody(1, [encodeCommand({ ...numbers, operation })])
    const { index } = machine.applied
    const entry = { index, term: 1, kind: 'command', data } as const
    this.#oracle.ran({ group: 1, state: machine }, entry, [answer])
  }

  acquire(how: { shared?: boolean; owner?: string } = {}, meddle?: () => void): void {
    const { shared = false, owner = '' } = how
    const more = { shared, wait: true, ttlMs: 1_000, owner }
    this.run({ type: 'acquire', ...LOCK, ...more }, meddle)
  }

  /** By the order of their acquires. */
  get places(): Place[] {
    const places = [...this.site.machine.locks.places()].map(([, place]) => place)
    return places.sort((a, b) => a.ticket - b.ticket)
  }

  get lock() {
    const [first] = this.site.machine.locks.places()
    if (first === undefined) throw new Error('nobody holds it')
    return first[0]
  }

  get token(): number {
    return this.lock.token
  }
}

const TICK = { type: 'tick' } as const

test('allows what is right', () => {
  const on = new Scene()
  on.acquire({ shared: true })
  on.acquire({ shared: true })
  on.acquire()
  on.acquire({ shared: true })
  for (const place of on.places.slice(0, 2)) {
    on.run({ type: 'release', ...LOCK, token: place.token })
  }
  const checks = [{ type: 'lock', ...LOCK, token: on.token }] as const
  const writes = [{ type: 'increment', key: utf8('n'), by: 1 }] as const
  on.run({ type: 'transact', inOrder: false, parts: [{ group: 1, basis: 0, checks, writes }] })
  const [holder, waiter] = on.places
  on.run({ type: 'leave', ...LOCK, ticket: waiter?.ticket ?? 0 })
  on.run({ type: 'renew', places: [{ ...LOCK, number: holder?.token ?? 0 }] })
  on.run({ type: 'expire', places: [{ ...LOCK, number: holder?.token ?? 0, renewals: 1 }] })
  expect(on.places).toEqual([])
})

test('sees two who hold what they do not share', () => {
  const on = new Scene()
  on.acquire()
  on.acquire()
  const both = (): void => {
    on.lock.holders.push({ ...(on.lock.queue.shift() as Place), token: 9 })
    on.lock.token = 9
  }
  expect(() => on.run(TICK, both)).toThrow(/2 hold a lock that not all of them share/)
})

test('sees a token that falls, and a queue out of order', () => {
  const on = new Scene()
  on.acquire()
  const fall = (): void => void Object.assign(on.places[0] as Place, { ticket: 99, token: 1 })
  expect(() => on.run(TICK, fall)).toThrow(/token 1 after 2/)
  const queue = new Scene()
  for (let i = 0; i < 3; i++) queue.acquire()
  expect(() => queue.run(TICK, () => queue.lock.queue.reverse())).toThrow(/wait in this order/)
})

test('sees one that overtakes, and an acquire with two places', () => {
  const on = new Scene()
  on.acquire({ shared: true })
  on.acquire()
  const pass = (): void => {
    on.lock.token = 50
    on.lock.holders.push({ ...(on.places[0] as Place), ticket: 49, token: 50 })
  }
  expect(() => on.run(TICK, pass)).toThrow(/shared ticket 49 overtook/)
  const twice = new Scene()
  twice.acquire({ owner: 'once me' })
  expect(() => twice.acquire({ owner: 'once me' })).toThrow(/once me has two places/)
})

test('sees a place that is gone for nothing, or in spite of a renewal', () => {
  const on = new Scene()
  on.acquire()
  on.acquire()
  expect(() => on.run(TICK, () => on.lock.queue.pop())).toThrow(/nobody gave it up/)
  const renewed = new Scene()
  renewed.acquire()
  renewed.acquire()
  const ticket = renewed.places[1]?.ticket ?? 0
  renewed.run({ type: 'renew', places: [{ ...LOCK, number: ticket }] })
  const stale: Operation = { type: 'expire', places: [{ ...LOCK, number: ticket, renewals: 0 }] }
  expect(() => renewed.run(stale, () => renewed.lock.queue.pop())).toThrow(/as if it were fewer/)
})

test('sees a stale fence, and a lock that leaves who relies on it', () => {
  const on = new Scene()
  on.acquire()
  const checks = [{ type: 'lock', ...LOCK, token: on.token }] as const
  const prepare = { type: 'prepare', anchor: 2, anchorBasis: 0 } as const
  on.run({ ...prepare, work: { checks, writes: [] } })
  const gone = (): void => void on.site.machine.locks.release(LOCK, on.token, USE)
  expect(() => on.run(TICK, gone)).toThrow(/relies on it/)
  const stale = new Scene()
  stale.acquire()
  const { token } = stale
  const become = (number: number) => (): void => {
    Object.assign(stale.places[0] as Place, { token: number })
    stale.lock.token = number
  }
  stale.run(TICK, become(40))
  become(token)()
  const late: Operation = { ...prepare, work: { checks, writes: [] } }
  expect(() => stale.run(late, become(40))).toThrow(/a fence of token 2 let through/)
})

const USE = { index: 1, time: 1, number: 1 }
