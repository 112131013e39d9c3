import { expect, test } from 'vitest'
import type { Codec, KeyMesh } from '../../../src/client/api.ts'
import { bytes, json, text } from '../../../src/client/codecs.ts'
import { openKeyMesh } from '../../../src/client/keymesh.ts'
import { OneNode } from './one-node.ts'

interface Opened {
  readonly node: OneNode
  readonly kv: KeyMesh
  /** Lets virtual time go on until `call` settles. */
  readonly end: <T>(call: Promise<T>) => Promise<T>
}

function open(): Opened {
  const node = new OneNode()
  node.driver.start(() => {})
  node.run(50)
  const kv = openKeyMesh(node.driver, { timeoutMs: 1_000, consistency: 'strong' })
  const end = <T>(call: Promise<T>): Promise<T> => {
    node.run(100)
    return call
  }
  return { node, kv, end }
}

test('goal: what is put is got, with its revision; deleted, it is undefined', async () => {
  const { kv, end } = open()
  expect(await end(kv.put('user:1', { name: 'Ada' }))).toEqual({ revision: 1 })
  expect(await end(kv.get('user:1'))).toEqual({ name: 'Ada' })
  expect(await end(kv.has('user:1'))).toBe(true)
  expect(await end(kv.delete('user:1'))).toEqual({ existed: true, revision: 2 })
  expect(await end(kv.delete('user:1'))).toEqual({ existed: false })
  expect(await end(kv.get('user:1'))).toBeUndefined()
  expect(await end(kv.getEntry('user:1'))).toBeUndefined()
  expect(await end(kv.has('user:1'))).toBe(false)
})

test('goal: a stored null is null, not absent', async () => {
  const { kv, end } = open()
  await end(kv.put('n', null))
  expect(await end(kv.get('n'))).toBeNull()
  expect(await end(kv.getEntry('n'))).toMatchObject({ value: null, revision: 1 })
})

test('goal: an entry carries key, exact bytes and what is left of its life', async () => {
  const { kv, end } = open()
  const raw = Uint8Array.of(0xff, 0x61)
  await end(kv.put(raw, 1, { ttl: 60_000 }))
  const entry = await end(kv.getEntry(raw))
  expect(entry).toMatchObject({ key: '\ufffda', keyBytes: raw, value: 1, revision: 1 })
  expect(entry?.expiresIn).toBeGreaterThan(59_000)
  expect(await end(kv.getEntry(raw))).not.toBe(raw)
  await end(kv.put('plain', 1))
  expect(await end(kv.getEntry('plain'))).not.toHaveProperty('expiresIn')
})

test('goal: a condition that does not hold throws ConflictError with the revision', async () => {
  const { kv, end } = open()
  await end(kv.put('a', 1, { ifRevision: 0 }))
  const conflict = { name: 'ConflictError', code: 'conflict', revision: 1, outcome: 'not_applied' }
  await expect(end(kv.put('a', 2, { ifRevision: 0 }))).rejects.toMatchObject(conflict)
  await expect(end(kv.delete('a', { ifRevision: 7 }))).rejects.toMatchObject(conflict)
  await expect(end(kv.delete('b', { ifRevision: 7 }))).rejects.toMatchObject({ revision: 0 })
  expect(await end(kv.put('a', 2, { ifRevision: 1 }))).toEqual({ revision: 2 })
})

test('goal: counters count; what is no number is said so', async () => {
  const { kv, end } = open()
  expect(await end(kv.increment('n'))).toEqual({ value: 1, revision: 1 })
  expect(await end(kv.increment('n', -5))).toEqual({ value: -4, revision: 2 })
  await end(kv.put('t', 'text'))
  const failed = { code: 'not_a_number', outcome: 'not_applied', retryable: false }
  await expect(end(kv.increment('t'))).rejects.toMatchObject(failed)
})

test('goal: touch changes the life of a key and nothing else', async () => {
  const { kv, end } = open()
  await expect(end(kv.touch('a', 500))).rejects.toMatchObject({
    code: 'not_found',
    outcome: 'not_applied',
    retryable: false
  })
  const { revision } = await end(kv.put('a', 'v'))
  expect(await end(kv.touch('a', 60_000))).toEqual({ revision: revision + 1 })
  expect((await end(kv.getEntry('a')))?.expiresIn).toBeGreaterThan(59_000)
  const moved = { code: 'conflict', revision: revision + 1 }
  await expect(end(kv.touch('a', 1, { ifRevision: revision }))).rejects.toMatchObject(moved)
  const last = await end(kv.touch('a', null, { ifRevision: revision + 1 }))
  const keyBytes = new TextEncoder().encode('a')
  expect(await end(kv.getEntry('a'))).toEqual({ key: 'a', keyBytes, value: 'v', ...last })
})

test('goal: nothing wrong is sent: each bad argument rejects with invalid_argument', async () => {
  const { node, kv, end } = open()
  const sent = node.requests.length
  const wrong = <T>(value: unknown): T => value as T
  const calls = [
    kv.put('', 1),
    kv.get('\ud800'),
    kv.get(wrong(5)),
    kv.put('a', undefined),
    kv.put('a', 1, wrong({ ifRevision: undefined })),
    kv.put('a', 1, { ifRevision: -1 }),
    kv.put('a', 1, { ifRevision: 1.5 }),
    kv.put('a', 1, { ttl: 0 }),
    kv.put('a', 1, { ttl: 2 ** 53 }),
    kv.put('a', 1, { ttl: 31_622_400_000_001 }),
    kv.put('a', 1, wrong({ ifRevison: 3 })),
    kv.put('a', 1, wrong({ fence: { key: 'k', token: 0 } })),
    kv.put('a', 1, wrong(null)),
    kv.get('a', { timeout: 0 }),
    kv.get('a', { timeout: Number.NaN }),
    kv.get('a', { timeout: 700_000 }),
    kv.get('a', wrong({ consistency: 'weak' })),
    kv.get('a', wrong({ signal: {} })),
    kv.get('a', wrong({ ttl: 5 })),
    kv.increment('a', 0.5),
    kv.increment('a', 1, { ttl: 5 }),
    kv.increment('a', 1, wrong({ ifRevision: undefined })),
    kv.delete('a', wrong({ ifRevision: undefined })),
    kv.delete('a', wrong({ ttl: 5 })),
    kv.touch('a', 0),
    kv.touch('a', Number.NaN),
    kv.touch('a', wrong(undefined)),
    kv.touch('a', wrong('5')),
    kv.touch('a', 5, { ttl: 5 }),
    kv.touch('a', 5, wrong({ ifRevision: undefined })),
    kv.has('a', wrong({ signl: AbortSignal.abort() })),
    kv.getEntry(wrong(null)),
    kv.put('half \ud800', 1),
    kv.put(wrong(new Uint16Array(2)), 1),
    kv.get('a', { timeout: Number.POSITIVE_INFINITY }),
    kv.get('a', wrong({ timeout: '5' })),
    kv.put('a', 1n)
  ]
  for (const [i, call] of calls.entries()) {
    const failed = { code: 'invalid_argument', outcome: 'not_applied', retryable: false }
    await expect(end(call), `call ${i}`).rejects.toMatchObject(failed)
  }
  expect(node.requests.length).toBe(sent)
})

test('goal: keys and values have their bounds, prefixes included', async () => {
  const { kv, end } = open()
  const raw = kv.namespace('', { codec: bytes })
  await end(raw.put('k'.repeat(4_096), new Uint8Array(1_048_576)))
  const large = { code: 'too_large', outcome: 'not_applied' }
  await expect(end(raw.put('k'.repeat(4_097), new Uint8Array(1)))).rejects.toMatchObject(large)
  await expect(end(raw.put('k', new Uint8Array(1_048_577)))).rejects.toMatchObject(large)
  const long = kv.namespace('p'.repeat(4_000))
  await expect(end(long.get('k'.repeat(97)))).rejects.toMatchObject(large)
})

test('goal: options of a namespace that cannot be meant are refused', () => {
  const { kv } = open()
  const wrong = <T>(value: unknown): T => value as T
  const refused = expect.objectContaining({ code: 'invalid_argument' })
  expect(() => kv.namespace('a', wrong({ codek: json() }))).toThrow(refused)
  expect(() => kv.namespace('a', wrong({ codec: {} }))).toThrow(refused)
  expect(() => kv.namespace('a', wrong({ codec: null }))).toThrow(refused)
})

test('goal: a namespace is a prefix and a codec, nested too, on one connection', async () => {
  const { kv, end } = open()
  const users = kv.namespace('user:', { codec: text })
  await end(users.put('1', 'Ada'))
  expect(await end(kv.namespace('user:1', { codec: text }).getEntry(new Uint8Array(0)))).toEqual({
    key: '',
    keyBytes: new Uint8Array(0),
    value: 'Ada',
    revision: 1
  })
  const nested = users.namespace('x:')
  await end(nested.put('y', 'text'))
  expect(await end(users.getEntry('x:y'))).toMatchObject({ key: 'x:y', value: 'text' })
})

test('goal: bytes that the codec cannot read are told with the bytes and the cause', async () => {
  const { kv, end } = open()
  const stored = Uint8Array.of(0xff, 0x00)
  await end(kv.namespace('', { codec: bytes }).put('a', stored))
  const failed = { name: 'UndecodableError', code: 'undecodable', bytes: stored, revision: 1 }
  await expect(end(kv.get('a'))).rejects.toMatchObject({ ...failed, cause: expect.anything() })
  expect(await end(kv.has('a'))).toBe(true)
})

test('goal: the caller may change its arrays after the call, and those it got', async () => {
  const { node, kv, end } = open()
  const raw = kv.namespace('', { codec: bytes })
  const key = Uint8Array.of(1)
  const value = Uint8Array.of(2)
  const call = raw.put(key, value)
  key[0] = 9
  value[0] = 9
  await end(call)
  expect([...node.records.keys()]).toEqual(['01'])
  const got = await end(raw.get(Uint8Array.of(1)))
  expect(got).toEqual(Uint8Array.of(2))
  got?.fill(7)
  expect(await end(raw.get(Uint8Array.of(1)))).toEqual(Uint8Array.of(2))
})

test('goal: a codec that throws is an invalid argument with its cause', async () => {
  const { kv, end } = open()
  const cause = new Error('no')
  const broken: Codec<number> = {
    encode: () => {
      throw cause
    },
    decode: () => 0
  }
  const failing = kv.namespace('', { codec: broken })
  const failed = { code: 'invalid_argument', cause }
  await expect(end(failing.put('a', 1))).rejects.toMatchObject(failed)
})

test('goal: an aborted read rejects with its reason, a sent write is unknown', async () => {
  const { node, kv } = open()
  node.silent = true
  const reason = new Error('enough')
  const controller = new AbortController()
  const { signal } = controller
  const read = kv.get('a', { signal })
  const write = kv.put('a', 1, { signal })
  node.run(20)
  controller.abort(reason)
  await expect(read).rejects.toBe(reason)
  // Without a basis the write was not sent yet, and surely never will be.
  await expect(write).rejects.toBe(reason)
  await expect(kv.put('a', 1, { signal })).rejects.toBe(reason)
  node.silent = false
  const warm = kv.put('a', 1)
  node.run(3_000)
  await warm
  node.silent = true
  const second = new AbortController()
  const sent = kv.put('a', 2, { signal: second.signal })
  node.run(20)
  second.abort(reason)
  const failed = { name: 'UnknownOutcomeError', code: 'unknown_outcome', cause: reason }
  await expect(sent).rejects.toMatchObject({ ...failed, outcome: 'unknown', retryable: false })
  expect(node.cancels).toContain(node.requests.at(-1)?.id)
})

test('goal: close lets calls end, may be called again, and refuses what comes later', async () => {
  const { node, kv } = open()
  const call = kv.put('a', 1)
  const first = kv.close()
  const again = kv.namespace('x').close()
  await expect(kv.get('a')).rejects.toMatchObject({ code: 'closed', outcome: 'not_applied' })
  node.run(100)
  expect(await call).toEqual({ revision: 1 })
  await first
  await again
  await kv[Symbol.asyncDispose]()
  expect(node.stops).toBe(1)
})

test('goal: a timeout of its own ends a call then, with what is known', async () => {
  const { node, kv } = open()
  node.silent = true
  const read = kv.get('a', { timeout: 30 })
  const start = node.now
  node.run(31)
  await expect(read).rejects.toMatchObject({ code: 'timeout', retryable: true })
  expect(node.now - start).toBe(31)
})

test('goal: a namespace with the default codec reads what JSON wrote', async () => {
  const { kv, end } = open()
  const typed = kv.namespace('n:', { codec: json<{ id: number }>() })
  await end(typed.put('a', { id: 1 }))
  expect(await end(kv.get('n:a'))).toEqual({ id: 1 })
})
