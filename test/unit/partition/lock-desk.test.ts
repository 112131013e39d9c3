import { expect, test } from 'vitest'
import { type Answered, type Asker, rejected } from '../../../src/partition/answer.ts'
import { GroupTime } from '../../../src/partition/group-time.ts'
import { LockDesk } from '../../../src/partition/lock-desk.ts'
import { ByteReader, ByteWriter, utf8 } from '../../../src/wire/bytes.ts'
import { decodeCommand, type Operation } from '../../../src/wire/command.ts'
import { writeLockName, writeLockPlace } from '../../../src/wire/lock.ts'
import { decodeLockView } from '../../../src/wire/lock-result.ts'
import { readResult } from '../../../src/wire/result.ts'
import { Site } from '../state/transaction-site.ts'

// Goal: a leader lets go of what nobody renews, and of nothing else; who waits for a grant hears of
// it when it is applied; a new leader gives everybody the full ttl.

const TTL = 1_000
const LOCK = { guard: false, key: utf8('k') }

/** A replica that leads or does not, and applies at once whatever is proposed. */
class Scene {
  readonly site = new Site()
  now = 0
  isLeader = true
  readonly log: string[] = []
  readonly desk: LockDesk
  #seq = 0

  constructor() {
    const clock = { monotonic: () => this.now, wall: () => 0 }
    const trusted = { now: () => 0, fit: false, likely: () => 0 }
    const scene = this
    this.desk = new LockDesk(
      {
        group: 1,
        time: new GroupTime(clock, trusted, 1_000),
        get state() {
          return scene.site.machine
        },
        get isLeader() {
          return scene.isLeader
        },
        notLeader: () => rejected('not_leader', ''),
        mutate: (bytes) => this.run(decodeCommand(bytes).operation)
      },
      () => this.now
    )
    this.desk.attach(this.site.machine)
    this.desk.leadershipChanged()
  }

  run(operation: Operation): unknown {
    const result = this.site.result(++this.#seq, operation)
    this.desk.applied()
    return result
  }

  acquire(): number {
    const how = { shared: false, wait: true, ttlMs: TTL, owner: 'o' }
    const told = this.run({ type: 'acquire', ...LOCK, ...how }) as Record<string, number>
    return (told.token ?? told.ticket) as number
  }

  renew(number: number): void {
    this.run({ type: 'renew', places: [{ ...LOCK, number }] })
  }

  await(number: number, name: string, until = Number.POSITIVE_INFINITY): void {
    const writer = new ByteWriter()
    writeLockPlace(writer, { ...LOCK, number })
    this.desk.awaitGrant(writer.finish(), this.#asker(name, until))
  }

  /** Ticks until `ms` later. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 100) {
      this.now += 100
      this.desk.tick()
    }
  }

  get holder(): number {
    return this.#view().held?.token ?? 0
  }

  get leftMs(): number {
    return this.#view().held?.expiresInMs ?? 0
  }

  #view() {
    const writer = new ByteWriter()
    writeLockName(writer, LOCK)
    const heard: Answered[] = []
    const asker: Asker = { respond: (answer) => heard.push(answer), isOver: () => false }
    this.desk.view(writer.finish(), asker)
    return decodeLockView(heard[0]?.body as Uint8Array)
  }

  #asker(name: string, until: number): Asker {
    const respond = ({ code, body }: Answered): void => {
      const result = code === '' ? readResult(new ByteReader(body)) : undefined
      const token = result?.type === 'granted' ? ` ${result.token}` : ''
      this.log.push(`${name} hears ${result?.type ?? code}${token}`)
    }
    return { respond, isOver: (now) => now >= until }
  }
}

test('a lock that is renewed stays, one that is not goes to the next who lives', () => {
  const on = new Scene()
  const first = on.acquire()
  const dead = on.acquire()
  const next = on.acquire()
  for (let i = 0; i < 5; i++) {
    on.pass(500)
    on.renew(first)
    on.renew(next)
  }
  expect(on.holder).toBe(first)
  expect(on.site.machine.locks.place(LOCK, dead)).toBeUndefined()
  on.pass(500)
  on.renew(next)
  on.pass(500)
  expect(on.holder).toBeGreaterThan(next)
  expect(on.leftMs).toBe(TTL)
  expect(on.desk.counts).toEqual({ granted: 2, expired: 2 })
})

test('who waits for a grant hears of it at once, and late or lost ones hear so', () => {
  const on = new Scene()
  const first = on.acquire()
  const [second, third] = [on.acquire(), on.acquire()]
  on.await(second, 'a')
  on.await(second, 'b')
  on.await(third, 'c')
  on.await(99, 'nobody')
  expect([on.log, on.desk.count]).toEqual([['nobody hears lost'], 3])
  on.run({ type: 'release', ...LOCK, token: first })
  const token = on.holder
  on.await(second, 'late')
  on.run({ type: 'leave', ...LOCK, ticket: third })
  const granted = ['a', 'b', 'late'].map((name) => `${name} hears granted ${token}`)
  expect(on.log).toEqual(['nobody hears lost', ...granted, 'c hears lost'])
  expect(on.desk.count).toBe(0)
})

test('who gave up is let go, and a leader that falls sends all others away', () => {
  const on = new Scene()
  on.acquire()
  const second = on.acquire()
  on.await(second, 'short', 300)
  on.await(second, 'long')
  on.pass(300)
  expect(on.desk.count).toBe(1)
  on.isLeader = false
  on.desk.leadershipChanged()
  expect([on.log, on.desk.count]).toEqual([['long hears not_leader'], 0])
})

test('who comes to wait where nobody leads any more is sent on', () => {
  const on = new Scene()
  on.acquire()
  const second = on.acquire()
  on.isLeader = false
  on.desk.leadershipChanged()
  on.await(second, 'late')
  expect([on.log, on.desk.count]).toEqual([['late hears not_leader'], 0])
})

test('a follower lets nothing expire, and gives all the full ttl when it leads', () => {
  const on = new Scene()
  const first = on.acquire()
  on.isLeader = false
  on.desk.leadershipChanged()
  on.pass(10 * TTL)
  expect(on.holder).toBe(first)
  on.isLeader = true
  on.desk.leadershipChanged()
  on.pass(TTL - 100)
  expect(on.holder).toBe(first)
  on.pass(100)
  expect(on.holder).toBe(0)
})

test('what is no name of a lock is refused', () => {
  const on = new Scene()
  const heard: string[] = []
  const asker: Asker = { respond: ({ code }) => void heard.push(code), isOver: () => false }
  on.desk.view(Uint8Array.of(7), asker)
  on.desk.awaitGrant(Uint8Array.of(0, 1, 107), asker)
  expect(heard).toEqual(['invalid_argument', 'invalid_argument'])
})

test('a write of a guarded key goes on when nobody guards it any more', () => {
  const on = new Scene()
  const how = { shared: false, wait: true, ttlMs: TTL, owner: '' }
  const guard = { ...LOCK, guard: true }
  const tokenOf = (): number => on.site.machine.locks.view(guard, 0, () => 0).held?.token ?? 0
  on.run({ type: 'acquire', ...guard, ...how })
  on.run({ type: 'acquire', ...guard, ...how })
  const asker = (name: string, until: number): Asker => ({
    respond: ({ code }) => void on.log.push(`${name} hears ${code}`),
    isOver: (now) => now >= until
  })
  on.desk.waitForGuard(LOCK.key, asker('short', 200), () => on.log.push('short goes on'))
  on.desk.waitForGuard(LOCK.key, asker('long', 9_000), () => on.log.push('long goes on'))
  on.run({ type: 'release', ...guard, token: tokenOf() })
  on.pass(200)
  expect([on.log, on.desk.count]).toEqual([[], 1])
  // The one who holds it now vanishes.
  on.pass(TTL)
  expect([on.log, on.desk.count]).toEqual([['long goes on'], 0])
})
