import { expect, test } from 'vitest'
import { KeyMeshError, LockedError } from '../../../src/client/errors.ts'
import type { CallOperation } from '../../../src/client/inputs.ts'
import { lockAll } from '../../../src/client/lock-all.ts'
import { type Opened, open } from './open-model.ts'

/** Commands of locks that took effect, by their type. */
function types({ store }: Opened): string[] {
  return store.locks.applied.map(({ type }) => type)
}

function isOf(type: string): (operation: CallOperation) => boolean {
  return (operation) => operation.kind === 'lock' && operation.operation.type === type
}

async function disposed(lock: AsyncDisposable): Promise<void> {
  await lock[Symbol.asyncDispose]()
}

test('goal: a lock is granted, kept alive as long as it is held, and free after it', async () => {
  const opened = open()
  const { store, kv, end } = opened
  const lock = await end(kv.lock('job', { ttl: 3_000, owner: 'a' }))
  expect(lock.key).toBe('job')
  expect(lock.token).toBe(store.locks.tokens[0])
  store.run(60_000)
  expect(lock.signal.aborted).toBe(false)
  const held = { key: Buffer.from('job'), guard: false }
  expect(store.locks.view(held)).toMatchObject({ holders: 1, held: { owner: 'a' } })
  const renewals = types(opened).filter((type) => type === 'renew').length
  expect(renewals).toBeGreaterThan(55)
  expect(renewals).toBeLessThan(65)
  await end(lock.release())
  expect(store.locks.view(held)).toMatchObject({ holders: 0, token: lock.token })
  await end(lock.release())
  store.run(10_000)
  expect(types(opened).filter((type) => type === 'renew')).toHaveLength(renewals)
  expect(types(opened).filter((type) => type === 'release')).toHaveLength(1)
})

test('goal: `await using` gives it back', async () => {
  const { store, kv, end } = open()
  const block = async (): Promise<number> => {
    await using lock = await kv.lock('job')
    return lock.token
  }
  const token = await end(block())
  expect(store.locks.view({ key: Buffer.from('job'), guard: false })).toEqual({
    token,
    waiters: 0,
    holders: 0
  })
})

test('goal: one who waits gets it as soon as it is released, in the order they came', async () => {
  const { store, kv, end } = open()
  const first = await end(kv.lock('job'))
  const got: number[] = []
  const others = [1, 2, 3].map(async (number) => {
    const waiting = kv.lock('job', { wait: 60_000 })
    store.run(100)
    const lock = await waiting
    got.push(number)
    await lock.release()
  })
  store.run(20_000)
  for (let turns = 0; turns < 20; turns++) await Promise.resolve()
  expect(got).toEqual([])
  const began = store.world.now
  await end(first.release())
  await end(Promise.all(others))
  // Four hand-overs of a few ways each: nobody waits for a renewal to hear of its turn.
  expect(store.world.now - began).toBeLessThan(200)
  expect(got).toEqual([1, 2, 3])
})

test('goal: who does not get it in time is told who has it, and has left the line', async () => {
  const { store, kv, end } = open()
  const lock = await end(kv.lock('job', { owner: 'the first' }))
  store.run(500)
  const began = store.world.now
  const failed = await end(kv.lock('job', { wait: 2_000 }).catch((error: unknown) => error))
  expect(store.world.now - began).toBeGreaterThanOrEqual(2_000)
  expect(store.world.now - began).toBeLessThan(2_100)
  expect(failed).toBeInstanceOf(LockedError)
  expect(failed).toMatchObject({ code: 'locked', owner: 'the first', outcome: 'not_applied' })
  const wall = store.clock.wall()
  expect((failed as LockedError).since).toBeGreaterThan(wall - 3_000)
  expect((failed as LockedError).since).toBeLessThan(wall - 2_000)
  const view = store.locks.view({ key: Buffer.from('job'), guard: false })
  expect(view).toMatchObject({ waiters: 0, holders: 1 })
  const at = store.world.now
  await expect(end(kv.lock('job', { wait: 0 }))).rejects.toMatchObject({ code: 'locked' })
  expect(store.world.now - at).toBeLessThan(20)
  await end(lock.release())
})

test('goal: an abort ends the wait at once, and leaves no place and no lock behind', async () => {
  const { store, kv, end } = open()
  const lock = await end(kv.lock('job'))
  const controller = new AbortController()
  const waiting = kv.lock('job', { signal: controller.signal, wait: 60_000 })
  waiting.catch(() => {})
  store.run(1_000)
  const reason = new Error('enough')
  controller.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  store.run(100)
  const name = { key: Buffer.from('job'), guard: false }
  expect(store.locks.view(name)).toMatchObject({ waiters: 0 })
  await end(lock.release())
  // What had left already is given back when its answer comes.
  const early = new AbortController()
  const asking = kv.lock('job', { signal: early.signal })
  asking.catch(() => {})
  early.abort(reason)
  await expect(asking).rejects.toBe(reason)
  store.run(100)
  expect(store.locks.view(name)).toMatchObject({ holders: 0, waiters: 0 })
})

test('goal: a grant that crosses with the end of the wait is the caller’s', async () => {
  const opened = open()
  const { store, kv, end } = opened
  const first = await end(kv.lock('job'))
  // Nobody is told of the grant but by the answer to `leave`.
  store.isLost = (operation) => operation.kind === 'await-grant'
  const second = kv.lock('job', { wait: 1_000 })
  store.run(998)
  await end(first.release())
  const lock = await end(second)
  expect(lock.token).toBe(store.locks.tokens[1])
  expect(types(opened)).toContain('leave')
  store.run(30_000)
  expect(lock.signal.aborted).toBe(false)
  await end(lock.release())
})

test('goal: a grant nobody told of is found by the next renewal', async () => {
  const { store, kv, end } = open()
  const first = await end(kv.lock('job'))
  store.isLost = (operation) => operation.kind === 'await-grant'
  const second = kv.lock('job', { wait: 60_000, ttl: 3_000 })
  store.run(500)
  await end(first.release())
  const began = store.world.now
  const lock = await end(second)
  expect(store.world.now - began).toBeLessThan(1_100)
  await end(lock.release())
})

test('goal: without answers the signal is aborted before the lock can be another’s', async () => {
  const { store, kv, end } = open()
  const lock = await end(kv.lock('job', { ttl: 3_000 }))
  let abortedAt = Number.POSITIVE_INFINITY
  lock.signal.addEventListener('abort', () => {
    abortedAt = store.world.now
  })
  store.silent = true
  const key = { key: Buffer.from('job'), guard: false }
  while (store.locks.view(key).holders > 0) store.run(1)
  expect(abortedAt).toBeLessThan(store.world.now)
  expect(abortedAt).toBeGreaterThan(store.world.now - 1_000)
  const { reason } = lock.signal
  expect(reason).toBeInstanceOf(KeyMeshError)
  expect(reason).toMatchObject({ code: 'lock_lost', outcome: 'not_applied', retryable: false })
  store.silent = false
  await expect(end(lock.release())).rejects.toMatchObject({ code: 'lock_lost' })
  await end(disposed(lock))
})

test('goal: after a long pause a client sees at first sight that its lock is lost', async () => {
  const { store, kv, end } = open()
  const lock = await end(kv.lock('job', { ttl: 1_000 }))
  expect(lock.signal.aborted).toBe(false)
  store.life.pause(3_000)
  store.run(2_999)
  // No alarm has gone off yet: it is looked at, not waited for.
  expect(lock.signal.aborted).toBe(true)
  store.run(100)
  await expect(end(kv.put('a', 1, { fence: lock }))).rejects.toMatchObject({ code: 'fenced' })
})

test('goal: a lock that another was granted is lost, and its holder hears of it', async () => {
  const { store, kv, end } = open()
  const lock = await end(kv.lock('job', { ttl: 30_000 }))
  const { token } = lock
  store.locks.apply({ type: 'release', key: Buffer.from('job'), guard: false, token })
  store.run(11_000)
  expect(lock.signal.aborted).toBe(true)
  expect(lock.signal.reason).toMatchObject({ code: 'lock_lost' })
})

test('goal: a place in the queue that was lost is taken anew, at the end', async () => {
  const opened = open()
  const { store, kv, end } = opened
  const first = await end(kv.lock('job', { ttl: 60_000 }))
  store.isLost = isOf('renew')
  const waiting = kv.lock('job', { ttl: 1_000, wait: Number.POSITIVE_INFINITY })
  store.run(100)
  store.silent = true
  store.run(2_000)
  store.silent = false
  store.isLost = () => false
  store.run(2_000)
  await end(first.release())
  const lock = await end(waiting)
  expect(types(opened).filter((type) => type === 'acquire')).toHaveLength(3)
  await end(lock.release())
})

test('goal: all locks and places of one client are renewed by one command', async () => {
  const { store, kv, end } = open()
  const blocker = await end(kv.lock('w'))
  const locks = await end(Promise.all(['a', 'b', 'c'].map((key) => kv.lock(key))))
  const waiting = kv.lock('w', { wait: 60_000 })
  store.run(30_000)
  const renewals = store.locks.applied.filter(({ type }) => type === 'renew')
  const places = renewals.map((one) => (one.type === 'renew' ? one.places.length : 0))
  expect(Math.max(...places)).toBe(5)
  expect(renewals.length).toBeLessThan(12)
  await end(blocker.release())
  const last = await end(waiting)
  await end(Promise.all([...locks, last].map((lock) => lock.release())))
})

test('goal: more places than one command takes are all kept', async () => {
  const { store, kv, end } = open()
  const keys = Array.from({ length: 600 }, (_, i) => `key${i}`)
  const locks = await end(Promise.all(keys.map((key) => kv.lock(key, { ttl: 2_000 }))))
  store.run(20_000)
  expect(locks.filter((lock) => lock.signal.aborted)).toEqual([])
  await end(kv.close())
  expect(store.locks.nextEnd).toBe(Number.POSITIVE_INFINITY)
})

test('goal: those who share it hold it together; who does not waits for all of them', async () => {
  const { store, kv, end } = open()
  const readers = await end(
    Promise.all([1, 2, 3].map(() => kv.lock('doc', { shared: true, wait: 0 })))
  )
  const writer = kv.lock('doc', { wait: 60_000 })
  store.run(100)
  const late = kv.lock('doc', { shared: true, wait: 60_000 })
  const later = kv.lock('doc', { shared: true, wait: 60_000 })
  store.run(100)
  for (const reader of readers) await end(reader.release())
  const sole = await end(writer)
  expect(store.locks.view({ key: Buffer.from('doc'), guard: false })).toMatchObject({
    holders: 1,
    waiters: 2
  })
  await end(sole.release())
  const began = store.world.now
  const [one, two] = await end(Promise.all([late, later]))
  expect(store.world.now - began).toBeLessThan(100)
  expect(one?.token).toBeLessThan(two?.token ?? 0)
  await end(kv.close())
})

test('goal: within a lock its key can be locked again; it is released with the last', async () => {
  const opened = open()
  const { store, kv, end } = opened
  const outer = await end(kv.lock('job'))
  const inner = await end(kv.lock('job', { within: outer }))
  expect(inner.token).toBe(outer.token)
  await end(outer.release())
  expect(types(opened)).not.toContain('release')
  await expect(end(kv.lock('job', { within: outer }))).rejects.toMatchObject({ code: 'lock_lost' })
  const third = await end(kv.lock('job', { within: inner }))
  await end(inner.release())
  await end(third.release())
  expect(store.locks.view({ key: Buffer.from('job'), guard: false }).holders).toBe(0)
  const other = await end(kv.lock('other'))
  const invalid = { code: 'invalid_argument' }
  await expect(end(kv.lock('job', { within: other }))).rejects.toMatchObject(invalid)
  await expect(end(kv.lock('other', { within: other, ttl: 500 }))).rejects.toMatchObject(invalid)
})

test('goal: several keys are locked in order, and none is left if one cannot be had', async () => {
  const { store, kv, end } = open()
  const pairs = Array.from({ length: 20 }, async (_, i) => {
    const keys = i % 2 === 0 ? ['a', 'b', 'c'] : ['c', 'b', 'a']
    await using locks = await lockAll(kv, keys, { wait: 60_000 })
    expect(locks.all.map(({ key }) => new TextDecoder().decode(key as Uint8Array))).toEqual([
      'a',
      'b',
      'c'
    ])
    expect(locks.signal.aborted).toBe(false)
  })
  await end(Promise.all(pairs))
  const lock = await end(kv.lock('b'))
  await expect(end(lockAll(kv, ['c', 'b', 'a'], { wait: 0 }))).rejects.toMatchObject({
    code: 'locked'
  })
  expect(store.locks.view({ key: Buffer.from('a'), guard: false }).holders).toBe(0)
  await end(lock.release())
})

test('goal: a namespace has locks of its own, which fence writes through any view', async () => {
  const { store, kv, end } = open()
  const users = kv.namespace('user:')
  const lock = await end(users.lock('1'))
  expect(lock.key).toBe('1')
  expect(store.locks.view({ key: Buffer.from('user:1'), guard: false }).holders).toBe(1)
  await end(kv.put('x', 1, { fence: lock }))
  await end(users.put('x', 1, { fence: lock }))
  const { token } = lock
  await end(users.put('x', 2, { fence: { key: '1', token } }))
  await end(kv.put('x', 2, { fence: { key: 'user:1', token } }))
  await expect(end(kv.put('x', 3, { fence: { key: '1', token } }))).rejects.toMatchObject({
    code: 'fenced'
  })
  await end(lock.release())
})

test('goal: closing a client gives its locks back', async () => {
  const { store, kv, end } = open()
  const a = await end(kv.lock('a'))
  const b = await end(kv.namespace('n').lock('b'))
  const { signal } = a
  const waiting = kv.lock('a', { wait: Number.POSITIVE_INFINITY })
  waiting.catch(() => {})
  store.run(1_000)
  const began = store.world.now
  const closing = kv.close()
  // Before anything is given back: whoever works under a lock hears of it first.
  expect(signal.reason).toMatchObject({ code: 'closed' })
  expect(b.signal.reason).toMatchObject({ code: 'closed' })
  await end(closing)
  expect(store.world.now - began).toBeLessThan(20)
  await expect(waiting).rejects.toMatchObject({ code: 'closed' })
  expect(store.locks.view({ key: Buffer.from('a'), guard: false }).holders).toBe(0)
  expect(store.locks.view({ key: Buffer.from('nb'), guard: false }).holders).toBe(0)
  await expect(end(kv.lock('a'))).rejects.toMatchObject({ code: 'closed' })
})

test('goal: what makes no sense is refused before anything is sent', async () => {
  const { store, kv, end } = open()
  const wrong: unknown[] = [
    { ttl: 99 },
    { ttl: 1.5 },
    { wait: -1 },
    { wait: Number.NaN },
    { shared: 1 },
    { owner: 'x'.repeat(129) },
    { owner: '\ud800' },
    { within: {} },
    { within: undefined },
    { leas: 1 },
    { timeout: 0 }
  ]
  for (const options of wrong) {
    const call = kv.lock('a', options as object)
    await expect(end(call), JSON.stringify(options)).rejects.toMatchObject({
      code: 'invalid_argument'
    })
  }
  const fences: unknown[] = [undefined, null, 1, { key: 'a' }, { token: 1 }, { key: 'a', token: 0 }]
  for (const fence of fences) {
    const call = kv.put('a', 1, { fence } as object)
    await expect(end(call), JSON.stringify(fence)).rejects.toMatchObject({
      code: 'invalid_argument'
    })
  }
  expect(store.operations).toEqual([])
})
