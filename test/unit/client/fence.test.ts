import { expect, test } from 'vitest'
import type { Lock } from '../../../src/client/api.ts'
import { ConflictError } from '../../../src/client/errors.ts'
import { type Opened, open } from './open-model.ts'

/** A client with a lock that is held, and one that was. */
async function withLocks(): Promise<Opened & { readonly lock: Lock; readonly old: Lock }> {
  const opened = open()
  const { kv, end } = opened
  const old = await end(kv.lock('job'))
  await end(old.release())
  const lock = await end(kv.lock('job'))
  return { ...opened, lock, old }
}

const FENCED = { code: 'fenced', outcome: 'not_applied', retryable: false }

test('goal: every change of a key takes a fence, and does what it does without one', async () => {
  const { kv, end, lock } = await withLocks()
  const { revision } = await end(kv.put('a', 1, { fence: lock }))
  expect(await end(kv.get('a'))).toBe(1)
  expect(await end(kv.increment('a', 2, { fence: lock }))).toMatchObject({ value: 3 })
  const put = kv.put('a', 2, { fence: lock, ifRevision: revision })
  await expect(end(put)).rejects.toMatchObject({ code: 'conflict', revision: revision + 1 })
  await expect(end(put.catch((error) => error))).resolves.toBeInstanceOf(ConflictError)
  await end(kv.put('a', 2, { fence: lock, ifRevision: revision + 1 }))
  expect(await end(kv.delete('a', { fence: lock }))).toMatchObject({ existed: true })
  expect(await end(kv.delete('a', { fence: lock }))).toEqual({ existed: false })
  await end(kv.put('t', 'text', { fence: lock }))
  const counting = kv.increment('t', 1, { fence: lock })
  await expect(end(counting)).rejects.toMatchObject({ code: 'not_a_number' })
})

test('goal: a lock’s worth ends with it: nothing is written under an old token', async () => {
  const { store, kv, end, old } = await withLocks()
  await end(kv.batch([{ put: 'a', value: 1 }]))
  const changes: (() => Promise<unknown>)[] = [
    () => kv.put('a', 2, { fence: old }),
    () => kv.put('a', 2, { fence: { key: 'job', token: old.token } }),
    () => kv.increment('a', 1, { fence: old }),
    () => kv.delete('a', { fence: old }),
    () => kv.put('a', 2, { fence: old, ifRevision: 77 }),
    () => kv.touch('a', 100, { fence: old })
  ]
  for (const change of changes) {
    await expect(end(change())).rejects.toMatchObject(FENCED)
  }
  expect(store.text('a')).toBe('1')
})

test('goal: a fenced write goes on when others were in its way', async () => {
  const { store, kv, end, lock } = await withLocks()
  store.troubles = { abort: 60, unknown: 0, fail: 0 }
  for (let i = 0; i < 20; i++) await end(kv.put('a', i, { fence: lock, timeout: 10_000 }))
  expect(store.text('a')).toBe('19')
})

test('goal: a transaction that requires a lock commits only while it is held', async () => {
  const { store, kv, end, lock, old } = await withLocks()
  await end(
    kv.transaction(async (tx) => {
      tx.require(lock)
      tx.put('n', ((await tx.get<number>('n')) ?? 0) + 1)
    })
  )
  expect(store.text('n')).toBe('1')
  let runs = 0
  const late = kv.transaction(async (tx) => {
    runs++
    tx.require(old)
    tx.put('n', 6 + ((await tx.get<number>('n')) ?? 0))
  })
  await expect(end(late)).rejects.toMatchObject(FENCED)
  expect(runs).toBe(1)
  // Also one that writes nothing: what it read is worth something only under the lock.
  const reading = kv.transaction(async (tx) => {
    tx.require(old)
    return await tx.get('n')
  })
  await expect(end(reading)).rejects.toMatchObject(FENCED)
  const seen = kv.transaction(async (tx) => {
    tx.require(lock)
    return await tx.get('n')
  })
  expect(await end(seen)).toBe(1)
  const spoiled = kv.transaction(async (tx) => tx.require({ key: 'job', token: 0 }))
  await expect(end(spoiled)).rejects.toMatchObject({ code: 'invalid_argument' })
})

test('goal: a txn takes conditions on locks and on keys, and tells which failed', async () => {
  const { kv, end, lock, old } = await withLocks()
  const held = { lock: 'job', token: lock.token }
  const gone = { lock: 'job', token: old.token }
  const ops = [{ put: 'a', value: 1 }] as const
  expect(await end(kv.txn({ if: [held], ops }))).toMatchObject({ committed: true })
  const failed = await end(kv.txn({ if: [held, gone], ops, else: [{ get: 'a' }] }))
  expect(failed).toMatchObject({ committed: false, failed: [1], results: [{ value: 1 }] })
  const both = await end(
    kv.txn({
      if: [{ key: 'a', exists: false }, gone, held],
      ops,
      else: [{ put: 'b', value: 2 }, { get: 'a' }]
    })
  )
  expect(both).toMatchObject({ committed: false, failed: [0, 1] })
  expect(await end(kv.get('b'))).toBe(2)
  const onlyReads = await end(kv.txn({ if: [held], ops: [{ get: 'a' }] }))
  expect(onlyReads).toMatchObject({ committed: true, results: [{ value: 1 }] })
  const none = await end(kv.txn({ if: [gone], ops: [] }))
  expect(none).toEqual({ committed: false, failed: [0], results: [] })
})

test('goal: a lock that is lost between look and commit is found out', async () => {
  const { store, kv, end, lock } = await withLocks()
  let transacts = 0
  store.onEffect = (operation) => {
    // The first asks whether the lock is held, the second commits.
    if (operation.kind !== 'transact' || ++transacts !== 2) return
    const { token } = lock
    store.locks.apply({ type: 'release', key: Buffer.from('job'), guard: false, token })
  }
  const outcome = await end(
    kv.txn({
      if: [{ lock: 'job', token: lock.token }],
      ops: [{ get: 'a' }, { put: 'a', value: 1 }]
    })
  )
  expect(outcome).toMatchObject({ committed: false, failed: [0] })
  expect(store.text('a')).toBeUndefined()
})
