import process from 'node:process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseMetrics, total } from '../unit/gateway/metrics-parser.ts'
import { Stage, Trio } from './harness.ts'

// Goal: a slow request can be found in the logs of a live cluster, and followed from the node that
// was asked to the one that served it.

const SLOW_MS = 300
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }

const stage = new Stage()
let trio: Trio

beforeAll(async () => {
  trio = await new Trio(stage, ['--slow-ms', String(SLOW_MS)]).form(16)
})
afterAll(() => stage[Symbol.asyncDispose]())

interface LogLine {
  readonly level: string
  readonly time: number
  readonly msg: string
  readonly trace?: string
  readonly door?: string
  readonly code?: string
  readonly tookMs?: number
}

function lines(): LogLine[][] {
  return trio.nodes.map(({ log }) =>
    log
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogLine)
  )
}

const traced = (): LogLine[] => lines().flatMap((all) => all.filter(({ trace }) => trace === TRACE))

async function ledByFirst(): Promise<number> {
  const scrape = parseMetrics(await (await fetch(`${trio.urls[0]}/metrics`)).text())
  return total(scrape, 'keymesh_groups_led')
}

test('a node says in its log what it opened, whom it is linked to and what it leads', async () => {
  const said = ['opened', 'listening', 'link up', 'cluster map', 'ready']
  const missing = (): string[] =>
    lines().flatMap((all) => said.filter((one) => !all.some(({ msg }) => msg === one)))
  await expect.poll(missing, { timeout: 5_000 }).toEqual([])
  const told = (): string[] => lines().flatMap((all) => all.map(({ msg }) => msg))
  await expect.poll(told, { timeout: 5_000 }).toContain('leads')
  for (const { time, level } of lines().flat()) {
    expect(time).toBeGreaterThan(1.6e12)
    expect(level).toMatch(/^(info|warn)$/)
  }
})

test('quick requests are not in the log', async () => {
  const response = await fetch(`${trio.urls[0]}/v1/kv/a`, { method: 'PUT', body: 'x', headers })
  expect(response.status).toBe(200)
  expect(response.headers.get('keymesh-trace')).toBe(TRACE)
  expect(traced()).toEqual([])
})

test('one that waits for its followers is, at both nodes it passed by', async () => {
  // Without a majority nothing is answered; after less than an election timeout all goes on.
  // So many that some are in partitions which the node that is asked leads, and some in others.
  await expect.poll(ledByFirst, { timeout: 20_000 }).toBeGreaterThan(3)
  const [, second, third] = trio.nodes
  const keys = Array.from({ length: 64 }, (_, i) => `k${i}`)
  for (const node of [second, third]) process.kill(node?.pid ?? 0, 'SIGSTOP')
  const put = (key: string): Promise<number> =>
    fetch(`${trio.urls[0]}/v1/kv/${key}?timeout=20000`, { method: 'PUT', body: 'x', headers }).then(
      ({ status }) => status
    )
  const answers = Promise.all(keys.map(put))
  const began = performance.now()
  await expect.poll(() => performance.now() - began).toBeGreaterThan(2 * SLOW_MS)
  for (const node of [second, third]) process.kill(node?.pid ?? 0, 'SIGCONT')
  for (const status of await answers) expect([200, 504]).toContain(status)
  await expect.poll(() => traced().map(({ msg }) => msg)).toContain('slow request')
  const slow = traced()
  expect(slow.map(({ msg }) => msg)).toContain('slow call')
  for (const line of slow) {
    expect(line.level).toBe('warn')
    expect(line.tookMs).toBeGreaterThanOrEqual(SLOW_MS)
  }
  // So many slow calls are ten lines: the rest is counted.
  const [first = []] = lines()
  expect(first.filter(({ msg }) => msg === 'slow call').length).toBeLessThanOrEqual(12)
})
