import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { parseMetrics, total } from '../unit/gateway/metrics-parser.ts'
import { type Answer, READY_MS_MAX, Stage } from './harness.ts'
import { SmallDisk } from './small-disk.ts'

// Goal: a disk that runs full ends no process; it costs writes, which are refused for sure, and
// nothing once there is room again.

const MIB = 1024 * 1024

const opened: AsyncDisposable[] = []
afterAll(async () => {
  for (const one of opened) await one[Symbol.asyncDispose]()
})

/** A small disk with a stage on it; a string says why there is none. */
function openStage(
  mebibytes: number
): { readonly disk: SmallDisk; readonly stage: Stage } | string {
  const disk = SmallDisk.open(mebibytes)
  if (typeof disk === 'string') return disk
  const stage = new Stage(disk.directory)
  opened.push({
    [Symbol.asyncDispose]: async () => {
      await stage[Symbol.asyncDispose]()
      disk[Symbol.dispose]()
    }
  })
  return { disk, stage }
}

const ask = async (url: string, path: string, init?: RequestInit): Promise<Answer> => {
  const response = await fetch(`${url}${path}`, init)
  return { status: response.status, text: await response.text() }
}

/** Until `holds`, looked at ten times a second for 20 s. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries === 200) throw new Error(`it was never so that ${what}`)
    await wait(100)
  }
}

const levels = (urls: readonly string[]): Promise<number[]> =>
  Promise.all(
    urls.map(async (url) =>
      total(parseMetrics((await ask(url, '/metrics')).text), 'keymesh_disk_level')
    )
  )

const unflushed = async (url: string): Promise<number> =>
  total(parseMetrics((await ask(url, '/metrics')).text), 'keymesh_overlay_bytes')

const REFUSED = { code: 'unavailable', outcome: 'not_applied', retryable: true }

/** Writes until the disk is low; returns what was acknowledged. */
async function writeUntilRefused(url: string): Promise<Map<string, string>> {
  const kept = new Map<string, string>()
  for (let i = 0; i < 400; i++) {
    const value = randomBytes(150_000).toString('hex')
    const began = performance.now()
    const { status, text } = await ask(url, `/v1/kv/k${i}`, { method: 'PUT', body: value })
    if (status === 200) {
      kept.set(`k${i}`, value)
      continue
    }
    // A leader that hands over may not learn any more what became of it.
    if (status === 504) continue
    expect([status, JSON.parse(text)]).toMatchObject([503, { error: REFUSED }])
    expect(performance.now() - began).toBeLessThan(4_000)
    return kept
  }
  throw new Error('400 values of 300 KB are on a disk of 128 MiB')
}

test('deleted keys give their room back', async ({ skip }) => {
  const place = openStage(64)
  if (typeof place === 'string') return skip(place)
  const node = place.stage.start('node', ['--bootstrap', '--partitions', '2'])
  const url = await node.ready(READY_MS_MAX)
  const kept = await writeUntilRefused(url)
  expect(kept.size).toBeGreaterThan(10)
  for (const key of kept.keys()) {
    expect((await ask(url, `/v1/kv/${key}`, { method: 'DELETE' })).status).toBe(200)
  }
  await until('the disk has room', async () => (await levels([url]))[0] === 0)
  expect((await ask(url, '/v1/kv/key', { method: 'PUT', body: 'v' })).status).toBe(200)
  expect(node.ending).toBeUndefined()
}, 120_000)

test('so do keys that were deleted before others took the room', async ({ skip }) => {
  const place = openStage(64)
  if (typeof place === 'string') return skip(place)
  const node = place.stage.start('node', ['--bootstrap', '--partitions', '2'])
  const url = await node.ready(READY_MS_MAX)
  const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
  const body = randomBytes(150_000).toString('hex')
  for (const key of keys) {
    expect((await ask(url, `/v1/kv/${key}`, { method: 'PUT', body })).status).toBe(200)
  }
  for (const key of keys) {
    expect((await ask(url, `/v1/kv/${key}`, { method: 'DELETE' })).status).toBe(200)
  }
  await until('all of it was flushed', async () => (await unflushed(url)) === 0)
  // What the log keeps for others is not enough: the 15 MB that were deleted must come back, too.
  place.disk.fill(place.disk.freeBytes - 26 * MIB)
  await until('the disk is low', async () => (await levels([url]))[0] === 1)
  await until('the disk has room', async () => (await levels([url]))[0] === 0)
  expect(node.ending).toBeUndefined()
}, 120_000)
