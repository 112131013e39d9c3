import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { leadersKnown } from '../../cluster/nodes.ts'
import { get, put, READY_MS_MAX, Stage, Trio } from './harness.ts'
import { Load } from './load.ts'

// Three real processes of the built package, killed as a power cut or the OOM killer would.

/** Two processes on a busy machine may be so late without a fault of theirs. */
const BUSY_MS = 10_000

const stage = new Stage()
let trio: Trio

beforeAll(async () => {
  trio = await new Trio(stage).form(16)
})
beforeEach(() => trio.mend())
afterAll(() => stage[Symbol.asyncDispose]())

/** As the node at `url` sees them: of each node, and the kinds of them among partitions. */
async function states(url: string): Promise<{ nodes: string[]; partitions: string[] }> {
  interface Part {
    readonly state: string
  }
  const answer = await (await fetch(`${url}/v1/cluster`)).json()
  const { nodes, partitions } = answer as { readonly nodes: Part[]; readonly partitions: Part[] }
  const kinds = new Set(partitions.map(({ state }) => state))
  return { nodes: nodes.map(({ state }) => state).sort(), partitions: [...kinds] }
}

test('what is put through one node is read through each', async () => {
  for (const [i, url] of trio.urls.entries()) {
    const written = await put(url, `a/${i}`, `from ${i}`)
    expect(written.status).toBe(200)
    for (const reader of trio.urls) {
      expect(await get(reader, `a/${i}`)).toEqual({ status: 200, text: `from ${i}` })
    }
  }
})

test('a node killed under load costs no acknowledged write', async () => {
  let reachable = [...trio.urls]
  const load = new Load('one', () => reachable)
  await load.more(200)
  await trio.kill(2)
  reachable = trio.urls.slice(0, 2)
  await load.more(200)
  await trio.restart(2, 0)
  reachable = [...trio.urls]
  await load.more(200)
  await load.stop()
  await load.expectAll(trio.urls)
})

test('three nodes killed under load at once cost no acknowledged write', async () => {
  const load = new Load('all', () => trio.urls)
  await load.more(500)
  for (const node of trio.nodes) node.kill('SIGKILL')
  await load.stop()
  await Promise.all(trio.nodes.map((node) => node.ended()))
  await trio.restartAll()
  await load.expectAll(trio.urls)
})

/** Adds `by` to a counter under an idempotency key: asks until it is told what came of it. */
async function increment(url: string, text: string, by = 1): Promise<string> {
  for (;;) {
    const answer = await fetch(`${url}/v1/kv/hits/increment`, {
      method: 'POST',
      headers: { 'idempotency-key': text },
      body: JSON.stringify({ by })
    })
    const told = await answer.text()
    // On a busy machine an election may outlast a request: then it is sent again, as it says.
    if (told.includes('"retryable":true')) continue
    return `${answer.status} ${answer.headers.get('etag')} ${told}`
  }
}

test('a repeat has the first answer, through other nodes and after all were killed', async () => {
  const texts = Array.from({ length: 20 }, (_, i) => `order ${i}`)
  const askAll = (text: string): Promise<string[]> =>
    Promise.all(trio.urls.map((url) => increment(url, text)))
  const first = await Promise.all(texts.map(askAll))
  expect(first.map((answers) => new Set(answers).size)).toEqual(texts.map(() => 1))
  const counted = /^200 "\d+" \{"value":\d+,"revision":\d+\}$/
  for (const [answer] of first) expect(answer).toMatch(counted)
  const rival = (): Promise<string> => increment(trio.urls[1] ?? '', 'order 3', 2)
  expect(await rival()).toMatch(/^422 null .*"idempotency_reused"/)
  for (const node of trio.nodes) node.kill('SIGKILL')
  await Promise.all(trio.nodes.map((node) => node.ended()))
  await trio.restartAll()
  expect(await Promise.all(texts.map(askAll))).toEqual(first)
  expect(await rival()).toMatch(/^422 null .*"idempotency_reused"/)
  expect(await get(trio.urls[0] ?? '', 'hits')).toEqual({ status: 200, text: '20' })
})

/** The same of a transaction over several partitions. */
async function transact(url: string, text: string, body: object): Promise<string> {
  for (;;) {
    const answer = await fetch(`${url}/v1/txn`, {
      method: 'POST',
      headers: { 'idempotency-key': text },
      body: JSON.stringify(body)
    })
    const told = await answer.text()
    if (told.includes('"retryable":true')) continue
    return `${answer.status} ${told}`
  }
}

test('so has a transaction over several partitions, done or refused', async () => {
  const keys = ['stock', 'till', 'account', 'receipts']
  const sale = { ops: keys.map((increment) => ({ increment })) }
  const unsold = {
    if: [{ key: 'stock', exists: false }],
    ops: [{ put: 'stock', value: 'none' }],
    else: [{ get: 'stock' }, { get: 'till' }]
  }
  const askAll = (text: string, body: object): Promise<string[]> =>
    Promise.all(trio.urls.map((url) => transact(url, text, body)))
  const sales = Array.from({ length: 10 }, (_, i) => `sale ${i}`)
  const askEach = async (): Promise<string[][]> => [
    ...(await Promise.all(sales.map((text) => askAll(text, sale)))),
    await askAll('unsold', unsold)
  ]
  const first = await askEach()
  expect(first.map((answers) => new Set(answers).size)).toEqual(first.map(() => 1))
  for (const [answer] of first.slice(0, -1)) expect(answer).toMatch(/^200 .*"committed":true/)
  expect(first.at(-1)?.[0]).toMatch(/^200 .*"committed":false,"failed":\[0\].*"value":"10"/)
  const rival = { ops: [{ increment: 'stock', by: 5 }] }
  expect(await transact(trio.urls[1] ?? '', 'sale 3', rival)).toMatch(/^422 .*_reused"/)
  for (const node of trio.nodes) node.kill('SIGKILL')
  await Promise.all(trio.nodes.map((node) => node.ended()))
  await trio.restartAll()
  await transact(trio.urls[0] ?? '', 'one more', sale)
  expect(await askEach()).toEqual(first)
  for (const key of keys) {
    expect(await get(trio.urls[2] ?? '', key)).toEqual({ status: 200, text: '11' })
  }
})

test('without a majority a node says so in time, and goes on when it is back', async () => {
  const [url = ''] = trio.urls
  await put(url, 'quorum', 'kept')
  await Promise.all([trio.kill(1), trio.kill(2)])
  const began = performance.now()
  const written = await put(url, 'quorum?timeout=1500', 'lost or not')
  const read = await get(url, 'quorum?timeout=1500')
  expect(performance.now() - began).toBeLessThan(2 * 1_500 + BUSY_MS)
  const failures = [written, read].map(({ status, text }) => ({
    status,
    ...(JSON.parse(text) as { readonly error: { readonly code: string } }).error
  }))
  expect(['unavailable', 'unknown_outcome']).toContain(failures[0]?.code)
  expect(['unavailable', 'timeout']).toContain(failures[1]?.code)
  for (const { status } of failures) expect([503, 504]).toContain(status)
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  await expect
    .poll(() => states(url), { timeout: 20_000 })
    .toEqual({
      nodes: ['down', 'down', 'up'],
      partitions: ['unavailable']
    })
  await Promise.all([trio.restart(1, 0), trio.restart(2, 0)])
  const { status, text } = await get(trio.urls[1] as string, 'quorum?timeout=30000')
  expect([status, ['kept', 'lost or not'].includes(text)]).toEqual([200, true])
})

test('a fourth node joins and answers as a gateway', async () => {
  await put(trio.urls[0] as string, 'before', 'it joined')
  const seed = await trio.nodes[0]?.listening()
  const fourth = stage.start('fourth', ['--seed', seed ?? ''])
  const url = await fourth.ready(READY_MS_MAX)
  await leadersKnown(url, READY_MS_MAX)
  expect(await get(url, 'before')).toEqual({ status: 200, text: 'it joined' })
  expect((await put(url, 'through', 'the gateway')).status).toBe(200)
  expect(await get(trio.urls[1] as string, 'through')).toMatchObject({ text: 'the gateway' })
  const cluster = await fetch(`${trio.urls[0]}/v1/cluster`)
  expect(await cluster.json()).toMatchObject({ nodes: { length: 4 } })
  fourth.kill('SIGTERM')
  expect(await fourth.ended()).toBe(0)
})

test('a node told to stop finishes and exits 0', async () => {
  const node = trio.nodes[1]
  node?.kill('SIGTERM')
  expect(await node?.ended()).toBe(0)
  // The others lead what it led.
  expect((await put(trio.urls[0] as string, 'after', 'it left')).status).toBe(200)
  await trio.restart(1, 0)
  expect(await get(trio.urls[1] as string, 'after')).toMatchObject({ text: 'it left' })
})
