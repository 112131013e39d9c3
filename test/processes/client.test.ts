import { afterAll, beforeAll, expect, test } from 'vitest'
import type * as ClientModule from '../../src/client/index.ts'
import type * as NodeModule from '../../src/node/index.ts'
import { Stage } from './harness.ts'

// Goal: the real client against a real node: who gets in, what a call that is given up is told, and
// that calls of one life never happen twice.

const dist = (file: string): string => new URL(`../../dist/${file}`, import.meta.url).href
const { createNode } = (await import(dist('node/index.js'))) as typeof NodeModule
const { connect } = (await import(dist('client/index.js'))) as typeof ClientModule

const KEY = '5a'.repeat(32)
const stage = new Stage()
let node: NodeModule.Node
beforeAll(async () => {
  const listen = ['/ip4/127.0.0.1/tcp/0']
  const data = stage.directory
  node = await createNode({ data, listen, http: 'off', bootstrap: true, clusterKey: KEY })
  await node.ready
})
afterAll(async () => {
  await node.stop()
  await stage[Symbol.asyncDispose]()
})

test('who has the cluster key gets in, as digits or bytes, and nobody else', async () => {
  const seeds = node.p2p
  for (const clusterKey of [KEY, KEY.toUpperCase(), new Uint8Array(32).fill(0x5a)]) {
    await using kv = await connect({ seeds, clusterKey })
    expect(await kv.has('nothing')).toBe(false)
  }
  const failed = {
    code: 'unavailable',
    outcome: 'not_applied',
    retryable: true,
    message: expect.stringContaining(`${seeds}: handshake`)
  }
  await expect(connect({ seeds, timeout: 2_000 })).rejects.toMatchObject(failed)
  const other = { seeds, timeout: 2_000, clusterKey: '5b'.repeat(32) }
  await expect(connect(other)).rejects.toMatchObject(failed)
})

test('a seed needs no /p2p/ID, and with one it is that node or none', async () => {
  const [bare = ''] = node.p2p.split('/p2p/')
  await using kv = await connect({ seeds: bare, clusterKey: KEY })
  expect(await kv.has('nothing')).toBe(false)
  const seeds = `${bare}/p2p/12D3KooWGRUBy4ZcnmYoVHfyxHZFpkA1kFWbLqUCbT6EvhAzGZMk`
  const failed = { code: 'unavailable', message: expect.stringContaining('handshake') }
  await expect(connect({ seeds, clusterKey: KEY, timeout: 2_000 })).rejects.toMatchObject(failed)
  const both = await connect({ seeds: [seeds, bare], clusterKey: KEY })
  await both.close()
})

test('calls given up are told the truth: what says that it changed nothing did not', async () => {
  await using kv = await connect({ seeds: node.p2p, clusterKey: KEY })
  await kv.increment('count')
  const reason = new Error('enough')
  const calls = Array.from({ length: 200 }, async (_, i) => {
    const controller = new AbortController()
    const call = kv.increment('count', 1, { signal: controller.signal })
    // Some before they are sent, some on their way, some after their answer.
    if (i % 4 === 0) controller.abort(reason)
    else if (i % 4 === 1) setImmediate(() => controller.abort(reason))
    else if (i % 4 === 2) void kv.has('count').then(() => controller.abort(reason))
    return await call.then(
      () => 'done' as const,
      (error: unknown) => error
    )
  })
  const outcomes = await Promise.all(calls)
  const done = outcomes.filter((outcome) => outcome === 'done').length
  const open = outcomes.filter((outcome) => outcome !== 'done' && outcome !== reason)
  const unknown = { code: 'unknown_outcome', outcome: 'unknown', retryable: false, cause: reason }
  for (const error of open) expect(error).toMatchObject(unknown)
  expect(done).toBeGreaterThanOrEqual(50)
  const counted = Number(await kv.get('count')) - 1
  expect(counted).toBeGreaterThanOrEqual(done)
  expect(counted).toBeLessThanOrEqual(done + open.length)
  await kv.close()
  await expect(kv.get('count')).rejects.toMatchObject({ code: 'closed' })
})

test('what is too large or ill-formed is refused here, also through a namespace', async () => {
  await using kv = await connect({ seeds: node.p2p, clusterKey: KEY })
  const large = { code: 'too_large', outcome: 'not_applied', retryable: false }
  await expect(kv.put('k', 'v'.repeat(2 ** 20))).rejects.toMatchObject(large)
  await expect(kv.get('k'.repeat(5_000))).rejects.toMatchObject(large)
  const refused = { code: 'invalid_argument', outcome: 'not_applied' }
  await expect(kv.namespace('\ud800'.slice(1)).get('')).rejects.toMatchObject(refused)
  expect(() => kv.namespace('\ud800')).toThrow(expect.objectContaining(refused))
})
