import { expect, test } from 'vitest'
import type { KeyMesh } from '../../../src/client/api.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import type { ModelStore } from './model-store.ts'
import { open } from './open-model.ts'

// Goal: transactions of one client that want the same keys go one after another, all of them get
// through, and none of them can keep the others out.

const put = (key: string, value: string) =>
  ({ type: 'put', key: utf8(key), value: utf8(value) }) as const

async function move(kv: KeyMesh, timeout = 60_000): Promise<number> {
  return await kv.transaction(
    async (tx) => {
      const [x = 0, y = 0] = await tx.getMany<number>(['x', 'y'])
      tx.put('x', x + 1)
      tx.put('y', y - 1)
      return tx.attempt
    },
    { timeout }
  )
}

function expectNobody({ turns }: ModelStore): void {
  expect(turns.gates.size).toBe(0)
  expect(turns.line.waiting).toBe(0)
}

interface Slow {
  readonly done: Promise<number>
  readonly go: () => void
}

/** A transaction over `x` that was moved once and is at the gates until `go`. */
async function atTheGates({ store, kv, end }: ReturnType<typeof open>): Promise<Slow> {
  let go = (): void => {}
  const gone = new Promise<void>((resolve) => {
    go = resolve
  })
  let isThere = (): void => {}
  const there = new Promise<void>((resolve) => {
    isThere = resolve
  })
  const done = kv.transaction(async (tx) => {
    const x = (await tx.get<number>('x')) ?? 0
    if (tx.attempt === 1) store.write(put('x', '7'))
    else {
      isThere()
      await gone
    }
    tx.put('x', x + 1)
    return tx.attempt
  })
  await end(there)
  return { done, go }
}

test('a thousand at once all commit, without a vain commit, and leave nothing', async () => {
  const { store, kv, end } = open()
  let waitingMost = 0
  let keysMost = 0
  const { line } = store.turns
  store.onEffect = () => {
    waitingMost = Math.max(waitingMost, line.waiting)
    keysMost = Math.max(keysMost, store.turns.gates.size)
  }
  const attempts = await end(Promise.all(Array.from({ length: 1_000 }, () => move(kv))))
  expect([store.text('x'), store.text('y')]).toEqual(['1000', '-1000'])
  expect(store.transactions).toHaveLength(1_000)
  expect(Math.max(...attempts)).toBe(2)
  expect(waitingMost).toBeGreaterThan(0)
  expect(keysMost).toBe(2)
  expectNobody(store)
})

test('a transaction alone sends what it always did', async () => {
  const { store, kv, end } = open()
  expect(await end(move(kv))).toBe(1)
  expect(store.operations.map(({ kind }) => kind)).toEqual(['get', 'get', 'transact'])
  expectNobody(store)
})

test('those on the same keys wait; those on others, and reads, do not', async () => {
  const opened = open()
  const { store, kv, end } = opened
  const slow = await atTheGates(opened)
  const sent = store.transactions.length
  const writing = kv.batch([{ put: 'x', value: 1 }])
  const counting = kv.txn({ if: [{ key: 'x', exists: true }], ops: [{ increment: 'n' }] })
  await end(kv.batch([{ put: 'z', value: 1 }]))
  expect(await end(kv.getMany(['x', 'z']))).toEqual([7, 1])
  store.run(500)
  expect(store.transactions).toHaveLength(sent + 1)
  slow.go()
  expect(await end(slow.done)).toBe(2)
  await end(Promise.all([writing, counting]))
  // Neither was in the way of the other: one attempt each.
  expect(store.transactions).toHaveLength(sent + 4)
  expect(store.text('x')).toBe('1')
  expectNobody(store)
})

test('a callback that fails lets the others go on', async () => {
  const opened = open()
  const { store, kv, end } = opened
  const fault = new Error('mine')
  const failing = kv.transaction(async (tx) => {
    await tx.get('x')
    if (tx.attempt > 1) throw fault
    store.write(put('x', '1'))
    tx.put('x', 2)
  })
  const others = Promise.all([move(kv), move(kv)])
  await expect(end(failing)).rejects.toBe(fault)
  await end(others)
  expect(store.text('y')).toBe('-2')
  expectNobody(store)
})

test('given up while it waits it rejects at once, and is in nobody’s way', async () => {
  const opened = open()
  const { store, kv, end } = opened
  const slow = await atTheGates(opened)
  const controller = new AbortController()
  const { signal } = controller
  const reason = new Error('left')
  const waiting = [
    kv.batch([{ put: 'x', value: 1 }], { signal }),
    kv.transaction((tx) => Promise.resolve(tx.put('x', 1)), { signal })
  ]
  const ends = Promise.allSettled(waiting)
  store.run(50)
  controller.abort(reason)
  const rejected = { status: 'rejected', reason }
  expect(await ends).toEqual([rejected, rejected])
  slow.go()
  expect(await end(slow.done)).toBe(2)
  expectNobody(store)
})

test('a wait that takes all of its time ends as contention', async () => {
  const opened = open()
  const { store, kv, end } = opened
  const slow = await atTheGates(opened)
  const began = store.world.now
  const sent = store.transactions.length
  const late = { code: 'contention', outcome: 'not_applied', retryable: true }
  const batch = kv.batch([{ put: 'x', value: 1 }], { timeout: 300 })
  await expect(end(batch)).rejects.toMatchObject(late)
  await expect(end(move(kv, 300))).rejects.toMatchObject(late)
  expect(store.world.now - began).toBeLessThan(650)
  expect(store.transactions).toHaveLength(sent)
  slow.go()
  await end(slow.done)
  expectNobody(store)
})

test('one whose turn comes with the end of its time is not sent: it would be unknown', async () => {
  const opened = open()
  const { store, kv, end } = opened
  const slow = await atTheGates(opened)
  const batch = end(kv.batch([{ put: 'x', value: 1 }], { timeout: 200 }))
  const told = expect(batch).rejects.toMatchObject({ code: 'contention', outcome: 'not_applied' })
  store.timers.after(155, slow.go)
  await told
  await end(slow.done)
  expect(store.text('x')).toBe('8')
  expectNobody(store)
})

test('one that waits for another on its own keys inside its callback stops nobody', async () => {
  const opened = open()
  const { store, kv, end } = opened
  const outer = kv.transaction(async (tx) => {
    const x = (await tx.get<number>('x')) ?? 0
    if (tx.attempt === 1) store.write(put('x', '1'))
    if (tx.attempt === 2) await kv.batch([{ increment: 'x', by: 10 }], { timeout: 5_000 })
    tx.put('x', x + 100)
    return tx.attempt
  })
  expect(await end(outer)).toBe(3)
  expect(store.text('x')).toBe('111')
  expectNobody(store)
})

test('a snapshot that never finds its keys at rest has its turn like everyone', async () => {
  const { store, kv, end } = open()
  store.wayMs = 20
  const moving = Promise.all(Array.from({ length: 60 }, () => move(kv)))
  const [x = 0, y = 0] = await end(kv.getMany<number>(['x', 'y'], { timeout: 20_000 }))
  expect(x + y).toBe(0)
  await end(moving)
  expectNobody(store)
})
