import { expect, test } from 'vitest'
import type { KeyMesh, Tx } from '../../../src/client/api.ts'
import { bytes, json, text } from '../../../src/client/codecs.ts'
import { UnknownOutcomeError } from '../../../src/client/errors.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { open } from './open-model.ts'

// Goal: what programs write with `getMany`, `batch`, `txn` and `transaction` does what it says.

const put = (key: string, value: string) =>
  ({ type: 'put', key: utf8(key), value: utf8(value) }) as const

test('batch: results in order, keys of the namespace, all or nothing', async () => {
  const { store, kv, end } = open()
  const users = kv.namespace('user:', { codec: json<{ name: string }>() })
  const results = await end(
    users.batch([{ put: '1', value: { name: 'Ada' } }, { delete: '2' }, { increment: 'n', by: 3 }])
  )
  expect(results).toEqual([{ revision: 1 }, { existed: false }, { value: 3, revision: 2 }])
  expect(store.text('user:1')).toBe('{"name":"Ada"}')
  const failing = users.batch([{ put: '2', value: { name: 'B' } }, { increment: '1' }])
  await expect(end(failing)).rejects.toMatchObject({ code: 'not_a_number' })
  expect(store.text('user:2')).toBeUndefined()
  expect(await end(kv.batch([]))).toEqual([])
})

test('txn: checks are encoded by the codec, gets are entries, else runs otherwise', async () => {
  const { kv, end } = open()
  const ns = kv.namespace('p:')
  await end(ns.batch([{ put: 'a', value: [1] }]))
  const request = {
    if: [
      { key: 'a', value: [1] },
      { key: 'b', exists: false },
      { key: 'a', revision: 1 }
    ],
    ops: [{ put: 'b', value: 'x' }, { get: 'b' }, { get: 'c' }],
    else: [{ get: Uint8Array.of(0x62) }]
  } as const
  expect(await end(ns.txn(request))).toEqual({
    committed: true,
    results: [
      { revision: 2 },
      { key: 'b', keyBytes: utf8('b'), value: 'x', revision: 2 },
      undefined
    ]
  })
  expect(await end(ns.txn(request))).toEqual({
    committed: false,
    failed: [1],
    results: [{ key: 'b', keyBytes: utf8('b'), value: 'x', revision: 2 }]
  })
  const bare = await end(kv.txn({ if: [{ key: 'z', exists: true }], ops: [{ delete: 'z' }] }))
  expect(bare).toEqual({ committed: false, failed: [0], results: [] })
})

test('what makes no sense is refused before anything is sent', async () => {
  const { store, kv, end } = open()
  const any = (value: unknown): never => value as never
  const wrong: (() => Promise<unknown>)[] = [
    () => kv.batch(any([{ get: 'a' }])),
    () => kv.batch(any([{ put: 'a', value: 1, delete: 'a' }])),
    () => kv.batch(any([{ put: 'a', value: undefined }])),
    () => kv.batch(any([{ put: 'a', value: 1, ifRevision: 3 }])),
    () => kv.batch(any([{ put: 'a', value: 1, ttl: 0 }])),
    () => kv.batch(any([{ increment: 'a', by: 0.5 }])),
    () => kv.batch(any([null])),
    () => kv.batch(any('a')),
    () => kv.batch([], any({ consistency: 'strong' })),
    () => kv.txn(any({ ops: [{ delete: '' }] })),
    () => kv.txn(any({ ops: [], otherwise: [] })),
    () => kv.txn(any({ ops: [{ get: 'a' }], else: null })),
    () => kv.txn(any({})),
    () => kv.txn(any({ if: [{ key: 'a' }], ops: [] })),
    () => kv.txn(any({ if: [{ key: 'a', revision: undefined }], ops: [] })),
    () => kv.txn(any({ if: [{ key: 'a', revision: 1, exists: true }], ops: [] })),
    () => kv.txn(any({ if: [{ key: 'a', exists: 1 }], ops: [] })),
    () => kv.txn(any({ if: [{ lock: 'a', token: 0 }], ops: [] })),
    () => kv.txn(any({ if: [{ lock: 'a', token: 1, key: 'a' }], ops: [] })),
    () => kv.txn(any(undefined)),
    () => kv.getMany(any('a')),
    () => kv.getMany(['']),
    () => kv.transaction(any(undefined))
  ]
  for (const call of wrong) {
    await expect(end(call()), String(call)).rejects.toMatchObject({ code: 'invalid_argument' })
  }
  expect(store.operations).toEqual([])
})

test('getMany: strong ones of one moment, others each by itself', async () => {
  const { store, kv, end } = open()
  store.write(put('a', '1'), put('b', '2'))
  expect(await end(kv.getMany(['b', 'c', 'a', 'b']))).toEqual([2, undefined, 1, 2])
  expect(store.operations).toHaveLength(6)
  const near = kv.getMany<number>(['a', 'c', 'a'], { consistency: 'eventual' })
  expect(await end(near)).toEqual([1, undefined, 1])
  expect(store.operations.slice(6)).toMatchObject([
    { consistency: 'eventual' },
    { consistency: 'eventual' }
  ])
  expect(await end(kv.getMany([]))).toEqual([])
})

const account = async (tx: Tx, key: string): Promise<number> => (await tx.get<number>(key)) ?? 0

async function transfer(kv: KeyMesh, amount: number): Promise<number> {
  return await kv.transaction(async (tx) => {
    const from = await account(tx, 'from')
    tx.put('from', from - amount)
    tx.put('to', (await account(tx, 'to')) + amount)
    return tx.attempt
  })
}

test('transaction: many at once lose nothing, and each takes effect once', async () => {
  const { store, kv, end } = open()
  store.write(put('from', '100'))
  const all = Array.from({ length: 10 }, (_, i) => transfer(kv, i))
  const attempts = await end(Promise.all(all))
  expect(store.text('from')).toBe('55')
  expect(store.text('to')).toBe('45')
  expect(Math.max(...attempts)).toBeGreaterThan(1)
})

test('transaction: reads repeat and see its own writes; nothing is sent before', async () => {
  const { store, kv, end } = open()
  store.write(put('a', '1'), put('n', '5'), put('t', '"text"'))
  const ended = kv.transaction(async (tx) => {
    const first = await tx.getEntry('a')
    if (tx.attempt === 1) store.write(put('a', '2'))
    expect(await tx.getEntry('a')).toEqual(first)
    tx.put('a', 'mine', { ttl: 500 })
    const mine = { key: 'a', keyBytes: utf8('a'), value: 'mine', revision: 0, expiresIn: 500 }
    expect(await tx.getEntry('a')).toEqual(mine)
    tx.delete('a')
    expect(await tx.get('a')).toBeUndefined()
    tx.increment('a', 4)
    expect(await tx.get('a')).toBe(4)
    tx.increment('n', 2)
    tx.increment('n')
    const ns = tx.namespace('sp:', { codec: text })
    ns.put('x', 'y')
    expect(await tx.getMany(['n', 'none'])).toEqual([8, undefined])
    expect(await ns.getMany(['x', 'z'])).toEqual(['y', undefined])
    tx.increment('t')
    await expect(tx.get('t')).rejects.toMatchObject({ code: 'not_a_number' })
    tx.put('t', 'none')
    expect(() => tx.increment('t')).toThrow(/safe integer/)
    expect(store.transactions).toHaveLength(tx.attempt - 1)
    return first?.revision
  })
  expect(await end(ended)).toBe(4)
  expect([store.text('a'), store.text('n'), store.text('sp:x')]).toEqual(['4', '8', 'y'])
  const { checks = [], writes = [] } = store.transactions.at(-1) ?? {}
  expect(checks.map(({ key }) => new TextDecoder().decode(key))).toEqual([
    'a',
    'n',
    'none',
    'sp:z',
    't'
  ])
  expect(writes).toHaveLength(4)
})

test('transaction: what only reads is read again, and run again if it moved', async () => {
  const { store, kv, end } = open()
  store.write(put('a', '1'), put('b', '1'))
  const sum = kv.transaction(async (tx) => {
    const a = await account(tx, 'a')
    if (tx.attempt === 1) store.write(put('a', '2'), put('b', '0'))
    return a + (await account(tx, 'b'))
  })
  expect(await end(sum)).toBe(2)
  expect(store.transactions).toEqual([])
  store.tellsQuiet = false
  expect(await end(kv.transaction((tx) => tx.getMany(['x', 'y'])))).toEqual([undefined, undefined])
  expect(store.transactions).toMatchObject([{ writes: [], checks: [{}, {}] }])
  const { length } = store.operations
  expect(await end(kv.transaction((tx) => tx.get('a')))).toBe(2)
  expect(store.operations).toHaveLength(length + 1)
})

test('transaction: an error of the callback is its end; afterwards tx is of no use', async () => {
  const { store, kv, end } = open()
  const fault = new Error('mine')
  let kept: Tx | undefined
  const failing = kv.transaction(async (tx) => {
    kept = tx
    tx.put('a', 1)
    await tx.get('b')
    throw fault
  })
  await expect(end(failing)).rejects.toBe(fault)
  expect(store.transactions).toEqual([])
  const tx = kept as unknown as Tx
  expect(() => tx.put('a', 1)).toThrow(expect.objectContaining({ code: 'closed' }))
  expect(() => tx.namespace('x').delete('a')).toThrow(expect.objectContaining({ code: 'closed' }))
  await expect(tx.get('a')).rejects.toMatchObject({ code: 'closed' })
  const careless = kv.transaction(() => {
    throw fault
  })
  await expect(end(careless)).rejects.toBe(fault)
})

test('transaction: given up it rejects with the reason, or as unknown', async () => {
  const { store, kv, end } = open()
  const controller = new AbortController()
  const reason = new Error('left')
  let heard: unknown
  const waiting = kv.transaction(
    async (tx) => {
      tx.signal.addEventListener('abort', () => {
        heard = tx.signal.reason
      })
      await new Promise(() => {})
    },
    { signal: controller.signal }
  )
  store.run(10)
  controller.abort(reason)
  await expect(end(waiting)).rejects.toBe(reason)
  expect(heard).toBe(reason)
  const early = kv.transaction(() => Promise.resolve(1), { signal: controller.signal })
  await expect(end(early)).rejects.toBe(reason)
  const late = new AbortController()
  store.wayMs = 50
  store.onEffect = () => late.abort(reason)
  const sent = kv.transaction(
    (tx) => {
      tx.put('a', 1)
      return Promise.resolve()
    },
    { signal: late.signal }
  )
  const error = await end(sent).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(UnknownOutcomeError)
  expect(error).toMatchObject({ code: 'unknown_outcome', cause: reason })
})

test('transaction: time is for all attempts, and its end tells what is certain', async () => {
  const { store, kv, end } = open()
  const slow = kv.transaction(() => new Promise<never>(() => {}), { timeout: 100 })
  await expect(end(slow)).rejects.toMatchObject({ code: 'timeout', outcome: 'not_applied' })
  store.troubles = { abort: 100, unknown: 0, fail: 0 }
  const began = store.world.now
  const blocked = transfer(kv, 1)
  await expect(end(blocked)).rejects.toMatchObject({
    code: 'contention',
    outcome: 'not_applied',
    retryable: true
  })
  expect(store.world.now - began).toBeGreaterThan(29_000)
  expect(store.world.now - began).toBeLessThan(30_100)
  store.troubles = { abort: 0, unknown: 100, fail: 0 }
  const unknown = end(transfer(kv, 1))
  await expect(unknown).rejects.toMatchObject({ code: 'unknown_outcome', retryable: false })
  store.tellsQuiet = false
  const reading = kv.transaction((tx) => tx.getMany(['x', 'y']), { timeout: 500 })
  await expect(end(reading)).rejects.toMatchObject({ outcome: 'not_applied' })
})

test('transaction: no more than 1,024 operations, reads and writes together', async () => {
  const { kv, end } = open()
  const raw = kv.namespace('', { codec: bytes })
  const large = raw.transaction(async (tx) => {
    await tx.get('read')
    for (let i = 0; i < 1_024; i++) tx.put(`k${i}`, utf8('x'))
  })
  await expect(end(large)).rejects.toMatchObject({ code: 'too_large', outcome: 'not_applied' })
})

test('txn: a value that cannot be read hides no write that came with it', async () => {
  const { store, kv, end } = open()
  store.write(put('odd', '{'))
  const wrote = kv.txn({ ops: [{ put: 'a', value: 1 }, { get: 'odd' }] })
  await expect(end(wrote)).rejects.toMatchObject({ code: 'undecodable', outcome: 'unknown' })
  expect(store.text('a')).toBe('1')
  const read = kv.txn({ ops: [{ get: 'odd' }] })
  await expect(end(read)).rejects.toMatchObject({ code: 'undecodable', outcome: 'not_applied' })
})

test('transaction: what only reads ends, although others always hold its keys', async () => {
  const { store, kv, end } = open()
  store.write(put('a', '1'), put('b', '1'))
  store.troubles = { abort: 100, unknown: 0, fail: 0 }
  const sum = kv.transaction(async (tx) => {
    const a = await account(tx, 'a')
    if (tx.attempt < 4) store.write(put('a', `${tx.attempt}`))
    return a + (await account(tx, 'b'))
  })
  expect(await end(sum)).toBe(4)
  expect(store.transactions).toEqual([])
})

test('after close nothing is begun, not even what needs no store', async () => {
  const { kv, end } = open()
  const ns = kv.namespace('x')
  await end(kv.close())
  const calls = [
    () => ns.transaction(() => Promise.resolve(1)),
    () => ns.batch([]),
    () => ns.getMany([]),
    () => ns.txn({ ops: [] })
  ]
  for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'closed' })
})
