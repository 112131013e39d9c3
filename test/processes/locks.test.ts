import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type * as ClientModule from '../../src/client/index.ts'
import { seededRandom } from '../../src/world/random.ts'
import { runCommand, spawnCommand } from './command.ts'
import { Stage, Trio } from './harness.ts'

// Locks as users meet them: by the client library, over HTTP through any of three nodes, and by the
// command; with holders and nodes that are stopped and killed.

const dist = new URL('../../dist/client/index.js', import.meta.url).href
const { connect } = (await import(dist)) as typeof ClientModule
const WORKER = fileURLToPath(new URL('./lock-worker.ts', import.meta.url))
const TEST_MS_MAX = 120_000
const WAITERS = 500
/** Of each holder in turn; short, so that many locks are lost. */
const TTL_MS = 1_000
const STOPS = 8

const stage = new Stage()
let trio: Trio
let seeds: string[] = []

beforeAll(async () => {
  trio = await new Trio(stage).form(8)
  seeds = await Promise.all(trio.nodes.map((node) => node.listening()))
}, TEST_MS_MAX)
afterAll(() => stage[Symbol.asyncDispose]())

interface Told {
  readonly status: number
  readonly json: Readonly<Record<string, unknown>>
}

async function http(node: number, line: string, json?: unknown): Promise<Told> {
  const [method = '', path = ''] = line.split(' ')
  const body = json === undefined ? {} : { body: JSON.stringify(json) }
  const response = await fetch(`${trio.urls[node]}${path}`, { method, ...body })
  return { status: response.status, json: (await response.json()) as Told['json'] }
}

const keymesh = (...args: string[]) =>
  runCommand(args, { environment: { KEYMESH_SEED: seeds.join(','), KEYMESH_TIMEOUT: '30s' } })

test('goal: a lock taken through one node is kept and given back through the others', async () => {
  const taken = await http(0, 'POST /v1/locks/job', { ttl: 30_000, owner: 'me' })
  const { token } = taken.json
  expect(taken).toMatchObject({ status: 200, json: { ttl: 30_000 } })
  const refused = await http(1, 'POST /v1/locks/job', { wait: 0 })
  expect(refused).toMatchObject({ status: 409, json: { error: { code: 'locked', owner: 'me' } } })
  expect(await http(2, 'PUT /v1/locks/job', { token })).toMatchObject({ status: 200 })
  const shown = await http(1, 'GET /v1/locks/job')
  expect(shown.json).toMatchObject({ held: true, token, owner: 'me', waiters: 0 })
  const fence = { 'keymesh-fence-key': 'job', 'keymesh-fence-token': String(token) }
  const put = { method: 'PUT', body: 'x', headers: fence }
  for (const key of ['a', 'b', 'c', 'd']) {
    const response = await fetch(`${trio.urls[2]}/v1/kv/${key}`, put)
    expect([key, response.status]).toEqual([key, 200])
  }
  expect(await http(2, `DELETE /v1/locks/job?token=${token}`)).toMatchObject({ status: 200 })
  expect(await http(0, `DELETE /v1/locks/job?token=${token}`)).toMatchObject({
    status: 409,
    json: { error: { code: 'lock_lost' } }
  })
  expect((await http(0, 'GET /v1/locks/job')).json).toEqual({ held: false, token })
  for (const key of ['a', 'b', 'c', 'd']) {
    const response = await fetch(`${trio.urls[1]}/v1/kv/${key}`, put)
    expect([key, response.status]).toEqual([key, 412])
  }
})

test('goal: a caller who goes away while it waits is in nobody’s way', async () => {
  const { token } = (await http(0, 'POST /v1/locks/way')).json
  const controller = new AbortController()
  const gone = fetch(`${trio.urls[1]}/v1/locks/way`, {
    method: 'POST',
    body: '{"wait":60000,"ttl":60000}',
    signal: controller.signal
  })
  gone.catch(() => {})
  while ((await http(2, 'GET /v1/locks/way')).json.waiters !== 1);
  controller.abort()
  while ((await http(2, 'GET /v1/locks/way')).json.waiters !== 0);
  await http(0, `DELETE /v1/locks/way?token=${token}`)
  expect(await http(2, 'POST /v1/locks/way', { wait: 0 })).toMatchObject({ status: 200 })
})

test(
  `goal: ${WAITERS} who wait for one lock get it in the order they came`,
  async () => {
    await using kv = await connect({ seeds, timeout: 60_000 })
    await using first = await kv.lock('many')
    const order: number[] = []
    const tokens: number[] = []
    const all: Promise<void>[] = []
    for (let i = 0; i < WAITERS; i++) {
      const wait = kv.lock('many', { wait: Number.POSITIVE_INFINITY }).then(async (lock) => {
        order.push(i)
        tokens.push(lock.token)
        await lock.release()
      })
      all.push(wait)
      // One after another into the line: it is their order there that counts.
      while ((await http(i % 3, 'GET /v1/locks/many')).json.waiters !== i + 1);
    }
    const began = performance.now()
    await first.release()
    await Promise.all(all)
    const took = performance.now() - began
    expect(order).toEqual(Array.from({ length: WAITERS }, (_, i) => i))
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b))
    expect(took / WAITERS).toBeLessThan(100)
  },
  TEST_MS_MAX
)

/** A process that counts, and what it has said. */
class Worker {
  readonly child: ChildProcess
  readonly lines: string[] = []

  constructor(key: string) {
    const args = ['--no-warnings', WORKER, seeds.join(','), key, String(TTL_MS)]
    this.child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const { stdout } = this.child
    if (stdout === null) throw new Error('a worker without output')
    createInterface(stdout).on('line', (line) => this.lines.push(line))
  }

  async connected(): Promise<void> {
    while (this.lines.length === 0) await once(this.child.stdout as NodeJS.ReadableStream, 'data')
  }

  async end(): Promise<void> {
    this.child.kill('SIGCONT')
    this.child.stdin?.end('over\n')
    if (this.child.exitCode === null) await once(this.child, 'exit')
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

test(
  'goal: counts under a lock lose nothing, whoever is stopped or killed',
  async () => {
    const random = seededRandom('locks')
    const workers = [1, 2, 3, 4].map(() => new Worker('count'))
    await Promise.all(workers.map((worker) => worker.connected()))
    for (let stop = 0; stop < STOPS; stop++) {
      const { child } = workers[random.below(workers.length)] as Worker
      await pause(random.below(700))
      child.kill('SIGSTOP')
      // The nodes go as well: those the locks are at, sooner or later.
      if (stop % 3 === 1) {
        const node = random.below(3)
        await trio.kill(node)
        await trio.restart(node, (node + 1) % 3)
      }
      await pause(3 * TTL_MS)
      child.kill('SIGCONT')
    }
    await Promise.all(workers.map((worker) => worker.end()))
    seeds = await Promise.all(trio.nodes.map((node) => node.listening()))
    await using kv = await connect({ seeds, timeout: 30_000 })
    const count = (await kv.get<number>('count')) ?? 0
    const said = workers.flatMap(({ lines }) => lines.map((line) => line.split(' ')))
    const done = said.filter(([what]) => what === 'ok').map(([, number]) => Number(number))
    const unknown = said.filter(([what]) => what === 'unknown')
    expect(new Set(done).size).toBe(done.length)
    expect(count).toBeGreaterThanOrEqual(done.length)
    expect(count).toBeLessThanOrEqual(done.length + unknown.length)
    expect(done.length).toBeGreaterThan(50)
  },
  TEST_MS_MAX
)

test('goal: the command runs another under a lock, and ends as it does', async () => {
  const script = 'echo "$KEYMESH_LOCK_KEY:$KEYMESH_LOCK_TOKEN"; exit 7'
  const run = await keymesh('lock', 'cli', '--', 'sh', '-c', script)
  const { token } = (await http(0, 'GET /v1/locks/cli')).json
  expect([run.code, run.stdout.toString()]).toEqual([7, `cli:${token}\n`])
  const missing = await keymesh('lock', 'cli', '--', 'no-such-command')
  expect([missing.code, missing.stderr]).toEqual([
    127,
    'keymesh: cannot run no-such-command: not found\n'
  ])
  expect(await keymesh('lock', 'cli')).toMatchObject({ code: 2 })
  const held = (await http(0, 'POST /v1/locks/cli', { owner: 'me' })).json
  const refused = await keymesh('lock', 'cli', '--wait', '0s', '--', 'echo', 'never')
  expect([refused.code, refused.stdout.length]).toEqual([1, 0])
  expect(refused.stderr).toContain('"me"')
  await http(0, `DELETE /v1/locks/cli?token=${held.token}`)
})

test('goal: a command whose lock is lost is told to end', async () => {
  const line = ['lock', 'lost', '--ttl', '1s', '--', 'sleep', '60']
  const child = spawnCommand(line, { environment: { KEYMESH_SEED: seeds.join(',') } })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said += String(chunk)
  })
  while ((await http(1, 'GET /v1/locks/lost')).json.held !== true);
  const { token } = (await http(1, 'GET /v1/locks/lost')).json
  await http(1, `DELETE /v1/locks/lost?token=${token}`)
  const [code] = (await once(child, 'exit')) as [number]
  expect([code, said]).toEqual([143, 'keymesh: the lock is lost: sleep is told to end (SIGTERM)\n'])
})

test('goal: a signal for the command reaches the one it runs, and the lock is free', async () => {
  const script = 'trap "exit 5" TERM; echo up; while :; do sleep 0.05; done'
  const line = ['lock', 'signal', '--', 'sh', '-c', script]
  const child = spawnCommand(line, { environment: { KEYMESH_SEED: seeds.join(',') } })
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number]
  expect(code).toBe(5)
  expect((await http(2, 'GET /v1/locks/signal')).json.held).toBe(false)
})

test('goal: a node that stops sends on those who wait in line, and leaves no place', async () => {
  const { token } = (await http(0, 'POST /v1/locks/parting', { ttl: 60_000 })).json
  const waiting = http(2, 'POST /v1/locks/parting', { wait: 60_000, ttl: 60_000 })
  while ((await http(1, 'GET /v1/locks/parting')).json.waiters !== 1);
  trio.nodes[2]?.kill('SIGTERM')
  expect(await waiting).toMatchObject({ status: 503, json: { error: { code: 'unavailable' } } })
  await trio.nodes[2]?.ended()
  while ((await http(1, 'GET /v1/locks/parting')).json.waiters !== 0);
  expect(await http(0, `DELETE /v1/locks/parting?token=${token}`)).toMatchObject({ status: 200 })
})
