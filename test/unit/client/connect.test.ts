import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { connect } from '../../../src/client/index.ts'

const NOBODY = '/ip4/127.0.0.1/tcp/1'

test('goal: without a node connect rejects in time and says whom it tried', async () => {
  const start = performance.now()
  const failed = { code: 'unavailable', outcome: 'not_applied', retryable: true }
  const message = expect.stringContaining(NOBODY)
  await expect(connect({ seeds: NOBODY, timeout: 300 })).rejects.toMatchObject({
    ...failed,
    message
  })
  expect(performance.now() - start).toBeLessThan(3_000)
})

test('goal: of several seeds each is told, with what came of it', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const mute = `/ip4/127.0.0.1/tcp/${port}`
  const start = performance.now()
  const failed = connect({ seeds: [NOBODY, mute], timeout: 500 })
  await expect(failed).rejects.toThrow(`${NOBODY}: refused`)
  await expect(failed).rejects.toThrow(`${mute}: no answer yet`)
  expect(performance.now() - start).toBeLessThan(5_000)
  silent.close()
})

test('goal: an abort ends connect with its reason, before and while it tries', async () => {
  const reason = new Error('enough')
  const early = { seeds: NOBODY, signal: AbortSignal.abort(reason) }
  await expect(connect(early)).rejects.toBe(reason)
  const controller = new AbortController()
  const trying = connect({ seeds: NOBODY, signal: controller.signal })
  controller.abort(reason)
  await expect(trying).rejects.toBe(reason)
})

test('goal: wrong options are refused before anything is dialled', async () => {
  const wrong = <T>(value: unknown): T => value as T
  const refused = { code: 'invalid_argument' }
  await expect(connect({ seeds: [] })).rejects.toMatchObject(refused)
  await expect(connect({ seeds: 'localhost:7101' })).rejects.toMatchObject(refused)
  await expect(connect({ clusterKey: 'short' })).rejects.toMatchObject(refused)
  await expect(connect({ clusterKey: new Uint8Array(31) })).rejects.toMatchObject(refused)
  await expect(connect({ timeout: -1 })).rejects.toMatchObject(refused)
  await expect(connect(wrong({ consistency: 'weak' }))).rejects.toMatchObject(refused)
  await expect(connect(wrong({ timeOut: 100 }))).rejects.toMatchObject(refused)
  await expect(connect(wrong({ clusterkey: '0'.repeat(64) }))).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining('clusterKey')
  })
  for (const odd of [null, 7, {}, [7]]) {
    await expect(connect(wrong({ seeds: odd }))).rejects.toMatchObject(refused)
  }
  for (const codec of [null, {}, { encode: () => new Uint8Array() }, 'json']) {
    await expect(connect(wrong({ codec }))).rejects.toMatchObject(refused)
  }
  const unlike = ['/ip4/127.0.0.1', '/ip4/999.1.1.1/tcp/1', '/foo/bar', '/ip4/127.0.0.1/tcp/99999']
  const others = ['/ip4/127.0.0.1/udp/5', `${NOBODY}/p2p/zzz`, '/ip4/127.0.0.1/tcp/0', `${NOBODY} `]
  for (const seeds of [...unlike, ...others]) {
    const message = expect.stringContaining(seeds)
    await expect(connect({ seeds: [NOBODY, seeds] })).rejects.toMatchObject({ ...refused, message })
  }
  for (const clusterKey of ['0'.repeat(63), '0'.repeat(66), `${'0'.repeat(63)}g`, 7, []]) {
    await expect(connect(wrong({ clusterKey }))).rejects.toMatchObject(refused)
  }
  await expect(connect(wrong(null))).rejects.toMatchObject(refused)
})
