import { afterAll, beforeAll, expect, test } from 'vitest'
import type * as ClientModule from '../../src/client/index.ts'
import { put, Stage, Trio } from './harness.ts'

// Reads at any replica, of real processes: through each gateway, and with two of three nodes
// killed.

const { connect, text } = (await import(
  new URL('../../dist/client/index.js', import.meta.url).href
)) as typeof ClientModule

const KEYS = Array.from({ length: 12 }, (_, i) => `near/${i}`)

const stage = new Stage()
let trio: Trio

beforeAll(async () => {
  trio = await new Trio(stage).form(8)
})
afterAll(() => stage[Symbol.asyncDispose]())

interface Told {
  readonly status: number
  readonly text: string
  readonly session: string
  readonly stalenessMs: number
  readonly tookMs: number
}

async function ask(url: string, path: string, init: RequestInit = {}): Promise<Told> {
  const began = performance.now()
  const response = await fetch(`${url}/v1/kv/${path}`, init)
  const text = await response.text()
  const { status, headers } = response
  const session = headers.get('keymesh-session') ?? ''
  const stalenessMs = Number(headers.get('keymesh-staleness-ms') ?? Number.NaN)
  return { status, text, session, stalenessMs, tookMs: performance.now() - began }
}

const shown = (session: string): RequestInit => ({ headers: { 'keymesh-session': session } })

test('a session goes from node to node and sees each of its writes', async () => {
  let session = ''
  for (let i = 0; i < 60; i++) {
    const key = KEYS[i % KEYS.length] as string
    const headers: Record<string, string> = session === '' ? {} : { 'keymesh-session': session }
    const init = { method: 'PUT', body: `v${i}`, headers }
    const written = await ask(trio.urls[i % 3] as string, key, init)
    expect(written.status).toBe(200)
    const url = trio.urls[(i + 1) % 3] as string
    const read = await ask(url, `${key}?consistency=session`, shown(written.session))
    expect([read.status, read.text]).toEqual([200, `v${i}`])
    session = read.session
  }
  const foreign = session.replace(/\.[0-9a-f]{16}\./, '.0123456789abcdef.')
  expect((await ask(trio.urls[0] as string, 'near/0', shown(foreign))).status).toBe(400)
})

test('without a majority eventual reads go on and say how old they are', async () => {
  const [url = ''] = trio.urls
  for (const key of KEYS) expect((await put(url, key, `of ${key}`)).status).toBe(200)
  const seed = await trio.nodes[0]?.listening()
  await using kv = await connect({ seeds: seed ?? '', codec: text, timeout: 3_000 })
  for (const key of KEYS) {
    // Once it is here, this replica has it for good.
    const isHere = async (): Promise<string> => (await ask(url, `${key}?consistency=eventual`)).text
    await expect.poll(isHere, { timeout: 10_000 }).toBe(`of ${key}`)
    expect(await kv.get(key)).toBe(`of ${key}`)
  }
  const killedAt = performance.now()
  await Promise.all([trio.kill(1), trio.kill(2)])
  const strong = await Promise.all([
    ask(url, 'near/0?timeout=3000'),
    kv.get('near/0').catch((error: unknown) => error)
  ])
  expect(strong[0]).toMatchObject({ status: 503, text: expect.stringContaining('unavailable') })
  expect(strong[0].tookMs).toBeLessThan(4_500)
  expect(strong[1]).toMatchObject({ code: 'unavailable', outcome: 'not_applied' })
  const longest = performance.now() - killedAt
  for (const key of KEYS) {
    const asked = performance.now()
    const read = await ask(url, `${key}?consistency=eventual`)
    expect([read.status, read.text]).toEqual([200, `of ${key}`])
    // The last news from the others came before they died, and not long before.
    expect(read.stalenessMs).toBeGreaterThan(longest - 2_000)
    expect(read.stalenessMs).toBeLessThan(performance.now() - killedAt + 10_000)
    expect(performance.now() - asked).toBeLessThan(2_000)
    expect(await kv.get(key, { consistency: 'eventual' })).toBe(`of ${key}`)
  }
  const missing = await ask(url, 'never?consistency=eventual')
  expect(missing.status).toBe(404)
  expect(missing.stalenessMs).toBeGreaterThan(0)
})
