import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand } from './command.ts'
import { Stage, Trio } from './harness.ts'

// Transactions as users meet them: over HTTP through any of three nodes, and by the command.

const ACCOUNTS = Array.from({ length: 12 }, (_, i) => `account:${i}`)
const START = 100
const TELLERS = 6
const TRANSFERS = 40
/** Of one test: three nodes on a busy machine, one of them killed on the way. */
const TEST_MS_MAX = 120_000

const stage = new Stage()
let trio: Trio

beforeAll(async () => {
  trio = await new Trio(stage).form(8)
}, TEST_MS_MAX)
afterAll(() => stage[Symbol.asyncDispose]())

interface Answered {
  readonly status: number
  readonly session: string | null
  readonly json: {
    readonly id?: string | null
    readonly committed?: boolean
    readonly failed?: readonly number[]
    readonly results?: readonly Shown[]
    readonly state?: string
    readonly error?: { readonly code: string; readonly outcome: string; readonly id?: string }
  }
}

type Shown = { readonly value?: string | number; readonly revision?: number } | null

async function txn(node: number, json: unknown, timeoutMs = 20_000): Promise<Answered> {
  const url = `${trio.urls[node]}/v1/txn?timeout=${timeoutMs}`
  return await told(fetch(url, { method: 'POST', body: JSON.stringify(json) }))
}

async function told(coming: Promise<Response>): Promise<Answered> {
  const response = await coming
  const json = (await response.json()) as Answered['json']
  return { status: response.status, session: response.headers.get('keymesh-session'), json }
}

async function balances(node: number): Promise<readonly number[]> {
  const ops = ACCOUNTS.map((get) => ({ get }))
  const { json } = await txn(node, { ops }, 60_000)
  return (json.results ?? []).map((one) => Number(one?.value))
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

test('goal: what is written together is read together, through every node', async () => {
  const keys = ['a', 'b', 'c', 'd', 'e']
  const ops = keys.map((put, i) => ({ put, value: `v${i}` }))
  const written = await txn(0, { ops })
  expect(written).toMatchObject({ status: 200, json: { committed: true } })
  const revisions = (written.json.results ?? []).map((one) => one?.revision)
  for (const node of [0, 1, 2]) {
    const read = await txn(node, { ops: keys.map((get) => ({ get })) })
    expect(read.json.results).toEqual(
      keys.map((_, i) => ({ value: `v${i}`, revision: revisions[i] }))
    )
    const url = `${trio.urls[node]}/v1/kv/e?consistency=session`
    const headers = { 'keymesh-session': written.session ?? '' }
    expect(await (await fetch(url, { headers })).text()).toBe('v4')
  }
})

test('goal: a condition that does not hold leaves everything as it was', async () => {
  await txn(0, { ops: [{ put: 'x', value: '1' }, { delete: 'y' }] })
  const json = {
    if: [
      { key: 'x', value: '1' },
      { key: 'y', exists: true }
    ],
    ops: [{ put: 'x', value: '2' }, { increment: 'z' }],
    else: [{ get: 'x' }, { get: 'z' }]
  }
  const refused = await txn(1, json)
  expect(refused.json).toMatchObject({
    committed: false,
    failed: [1],
    results: [{ value: '1' }, null]
  })
  const number = await txn(2, {
    ops: [
      { put: 'y', value: '' },
      { increment: 'x', by: 0.5 }
    ]
  })
  expect(number).toMatchObject({ status: 400, json: { error: { code: 'invalid_argument' } } })
  const text = await txn(2, { ops: [{ put: 'y', value: '' }, { increment: 'a' }] })
  expect(text).toMatchObject({ status: 409, json: { error: { code: 'not_a_number' } } })
  expect((await txn(0, { ops: [{ get: 'y' }] })).json.results).toEqual([null])
})

interface Tally {
  committed: number
  unknown: number
  readonly unknownIds: string[]
}

/** Moves money by what it read, through one node, whatever becomes of that. */
async function teller(of: number, tally: Tally): Promise<void> {
  for (let i = 0; i < TRANSFERS; i++) {
    const from = ACCOUNTS[(of + i * 5) % ACCOUNTS.length] as string
    const to = ACCOUNTS[(of + i * 7 + 1) % ACCOUNTS.length] as string
    if (from === to) continue
    try {
      const ops = [{ increment: from, by: -1 }, { increment: to, by: 1 }, { get: from }]
      const { status, json } = await txn((of + i) % 3, { if: [{ key: from, exists: true }], ops })
      if (status === 200 && json.committed) tally.committed++
      if (json.error?.outcome === 'unknown') tally.unknown++
      if (json.error?.id !== undefined) tally.unknownIds.push(json.error.id)
    } catch {
      // The node is gone, or its answer was: what it did, the sum tells.
      tally.unknown++
    }
  }
}

test(
  'goal: money moves and stays the same, while a node is killed on the way',
  async () => {
    await txn(0, { ops: ACCOUNTS.map((put) => ({ put, value: String(START) })) }, 60_000)
    const tally: Tally = { committed: 0, unknown: 0, unknownIds: [] }
    const tellers = Array.from({ length: TELLERS }, (_, i) => teller(i, tally))
    await expect.poll(() => tally.committed, { timeout: 60_000 }).toBeGreaterThan(TELLERS)
    await trio.kill(1)
    const before = tally.committed
    await Promise.all(tellers)
    expect(tally.committed).toBeGreaterThan(before)
    expect(sum(await balances(0))).toBe(ACCOUNTS.length * START)
    await trio.restart(1, 0)
    for (const node of [0, 1, 2]) {
      expect(sum(await balances(node))).toBe(ACCOUNTS.length * START)
    }
    for (const id of tally.unknownIds) {
      const { status, json } = await told(fetch(`${trio.urls[2]}/v1/txn/${id}?timeout=20000`))
      expect([status, json.id]).toEqual([200, id])
      expect(['committed', 'aborted', 'unknown']).toContain(json.state)
    }
  },
  TEST_MS_MAX
)

test('goal: keymesh txn does in a shell what HTTP does', async () => {
  const seed = (await trio.nodes[0]?.listening()) ?? ''
  const keymesh = async (args: readonly string[], stdin: string | Uint8Array) => {
    const environment = { KEYMESH_SEED: seed, KEYMESH_TIMEOUT: '60s' }
    const { code, stdout, stderr } = await runCommand(args, { stdin, environment })
    return { code, stdout: stdout.toString(), stderr }
  }
  const seat = "if seat absent\nput seat 'Ada L.' ttl 15m\nincrement sold\nelse\nget seat\n"
  const first = await keymesh(['txn'], seat)
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toMatch(/^committed as [0-9a-f]{32}-\d+-\d+\nOPERATION .*\nput +seat .*\n/)
  const second = await keymesh(['txn', '-', '--json'], seat)
  expect(second).toMatchObject({ code: 1, stderr: '' })
  expect(JSON.parse(second.stdout)).toMatchObject({
    committed: false,
    failed: [0],
    results: [{ value: 'Ada L.', expiresIn: expect.any(Number) }]
  })
  const json = await keymesh(['txn', '--json'], '{"ops":[{"get":"sold"},{"get":"none"}]}')
  expect(JSON.parse(json.stdout)).toMatchObject({ id: null, results: [{ value: '1' }, null] })

  const wrong: readonly (readonly [args: string[], stdin: string, stderr: RegExp])[] = [
    [['txn'], 'get a b', /^keymesh: line 1: too much: "b"; quote what has spaces\n$/],
    [['txn'], '', /^keymesh: a transaction has at least one .*\(invalid_argument\)\n$/],
    [['txn', '/nowhere/file'], '', /^keymesh: cannot read \/nowhere\/file: .*\n$/],
    [['txn', '--id', 'x'], '', /^keymesh: --id: "x" is no transaction\n$/],
    [['txn', 'f', '--id', 'x'], '', /^keymesh: --id asks for another transaction: no FILE\n$/]
  ]
  for (const [args, stdin, stderr] of wrong) {
    expect(await keymesh(args, stdin)).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(stderr)
    })
  }
  const nobody = `${'0'.repeat(32)}-1-1`
  expect(await keymesh(['txn', '--id', nobody, '--json'], '')).toEqual({
    code: 4,
    stdout: `{"id":"${nobody}","state":"unknown"}\n`,
    stderr: ''
  })
  expect(await keymesh(['txn'], 'increment seat')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/\(not_a_number\)\n$/)
  })
})
