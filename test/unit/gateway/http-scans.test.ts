import { Buffer } from 'node:buffer'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { HttpDoor } from '../../../src/gateway/http.ts'
import { failure } from '../../../src/wire/failure.ts'
import { type Answer, ask, codeOf, messageOf, type Question } from './ask.ts'
import type { TableCalls } from './table-calls.ts'
import { openTableDoor } from './table-door.ts'

// Ranges as a caller sees them: the door on a real socket, a table of eight partitions behind it.
// Every answer is held against /openapi.json by `ask`.

const PARTITIONS = 8

let door: HttpDoor
let calls: TableCalls

beforeEach(async () => {
  ;({ door, calls } = await openTableDoor())
  calls.shown = {
    map: {
      clusterId: calls.clusterId(),
      epoch: 1,
      clusterVersion: 1,
      settings: { partitions: PARTITIONS, replicas: 1, hash: 'xxh64-0' },
      nodes: [],
      placements: [],
      nextReplica: 1
    },
    leaders: [],
    unreachable: [],
    low: [],
    full: []
  }
})
afterEach(() => door.stop(0))

interface Page {
  readonly entries: readonly { key: unknown; value?: unknown; revision: number }[]
  readonly cursor?: string
}

const say = (line: string, question?: Question): Promise<Answer> => ask(door.url, line, question)
const read = async (query: string): Promise<Page> => {
  const answer = await say(`GET /v1/kv${query}`)
  expect(answer.status).toBe(200)
  return JSON.parse(answer.text) as Page
}

async function fill(count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, i) => `u:${String(i).padStart(4, '0')}`)
  for (const key of keys) await say(`PUT /v1/kv/${key}`, { body: `of ${key}` })
  return keys
}

/** All pages, to the end. */
async function readAll(query: string): Promise<{ keys: unknown[]; pages: number }> {
  const keys: unknown[] = []
  let cursor: string | undefined = ''
  for (let pages = 1; ; pages++) {
    const page: Page = await read(`${query}&cursor=${cursor}`)
    keys.push(...page.entries.map(({ key }) => key))
    cursor = page.cursor
    if (cursor === undefined) return { keys, pages }
  }
}

describe('goal: pages in byte order over all partitions, to the end', () => {
  test('each key once, forward and in reverse', async () => {
    const keys = await fill(230)
    await say('PUT /v1/kv/t:other', { body: 'x' })
    const forward = await readAll('?prefix=u:')
    expect(forward.keys).toEqual(keys)
    expect(forward.pages).toBe(3)
    const back = await readAll('?prefix=u:&reverse=true&limit=40&keysOnly=true')
    expect(back.keys).toEqual([...keys].reverse())
    expect((await readAll('?limit=1000')).keys).toEqual(['t:other', ...keys])
    expect((await readAll('?start=u:0100&end=u:0150&limit=7')).keys).toEqual(keys.slice(100, 150))
  })

  test('values, revisions, ttl and keys only', async () => {
    await say('PUT /v1/kv/a', { body: 'one' })
    await say('PUT /v1/kv/b?ttl=900', { body: Uint8Array.of(255) })
    expect(await read('?prefix=')).toEqual({
      entries: [
        { key: 'a', value: 'one', revision: 1 },
        { key: 'b', value: { base64: '/w==' }, revision: 2, expiresIn: 900 }
      ]
    })
    expect(await read('?keysOnly=true&limit=1')).toMatchObject({
      entries: [{ key: 'a', revision: 1 }]
    })
    expect(await read('?prefix=zz&start=&end=&cursor=')).toEqual({ entries: [] })
  })

  test('keys that are no text', async () => {
    await say('PUT /v1/kv/_wE?encoding=base64url', { body: 'x' })
    expect((await read('?keysOnly=true')).entries[0]?.key).toEqual({ base64: '/wE=' })
    const query = '?prefix=_w&encoding=base64url&keysOnly=true'
    expect((await read(query)).entries[0]?.key).toBe('_wE')
    const answer = await say('GET /v1/kv?prefix=%FF')
    expect([answer.status, messageOf(answer)]).toEqual([
      400,
      'prefix is not UTF-8: send it with encoding=base64url'
    ])
  })

  test('a tag sends the scan to one partition', async () => {
    await say('PUT /v1/kv/{ada}:1', { body: 'x' })
    await say('PUT /v1/kv/{ada}:2', { body: 'y' })
    calls.operations.length = 0
    expect((await read('?prefix={ada}:')).entries).toHaveLength(2)
    expect(calls.operations).toHaveLength(1)
    calls.operations.length = 0
    await read('?prefix={ada')
    expect(calls.operations).toHaveLength(PARTITIONS)
  })

  test('skewed keys fill a page all the same', async () => {
    for (let i = 0; i < 150; i++) await say(`PUT /v1/kv/x{hot}${String(i).padStart(3, '0')}`)
    expect((await read('?prefix=x&limit=120')).entries).toHaveLength(120)
  })

  test('a page holds at most 4 MiB, and any one entry', async () => {
    const text = 'v'.repeat(700_000)
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      await say(`PUT /v1/kv/{t}${key}`, { body: text })
    }
    const first = await say('GET /v1/kv?prefix={t}')
    expect(first.bytes.length).toBeLessThanOrEqual(4 * 1024 * 1024)
    expect((await readAll('?prefix={t}')).keys).toHaveLength(8)
    await say('PUT /v1/kv/big', { body: Buffer.alloc(1_000_000, 1) })
    expect((await read('?prefix=big')).entries).toHaveLength(1)
  })
})

describe('goal: what makes no sense is refused, and says why', () => {
  test.each([
    ['?limit=0', 'limit must be'],
    ['?limit=10001', 'limit must be'],
    ['?cursor=AQ', 'cursor must be one as we gave it'],
    ['?cursor=AgBh', 'cursor must be one as we gave it'],
    ['?cursor=!', 'cursor must be a cursor as we gave it'],
    ['?cursor=AQBh&reverse=true', 'other direction'],
    ['?cursor=AQBh&prefix=b', 'another range'],
    ['?keysOnly=1', 'keysOnly must be true or false'],
    ['?prefx=a', 'unknown query parameter']
  ])('%s', async (query, message) => {
    const answer = await say(`GET /v1/kv${query}`)
    expect([answer.status, messageOf(answer)]).toEqual([400, expect.stringContaining(message)])
  })

  test('a node without a map, and one that fails', async () => {
    calls.failing = failure('timeout', 'late')
    expect(codeOf(await say('GET /v1/kv'))).toBe('timeout')
    calls.shown = undefined
    expect(codeOf(await say('GET /v1/kv'))).toBe('unavailable')
  })
})

describe('goal: a session sees what it was shown, and no older', () => {
  test('floors go to every partition and come back from every one', async () => {
    await fill(3)
    calls.applied = 5
    const token = (await say('GET /v1/kv?prefix=u:')).headers['keymesh-session'] ?? ''
    expect(token.match(/-5/g)).toHaveLength(PARTITIONS)
    calls.operations.length = 0
    const headers = { 'keymesh-session': token }
    await say('GET /v1/kv?prefix=u:&consistency=session', { headers })
    const [operation] = calls.operations
    expect(operation?.kind === 'scan' && operation.floors?.get(2)?.applied).toBe(5)
    calls.stalenessMs = 70
    const old = await say('GET /v1/kv?consistency=eventual')
    expect(old.headers['keymesh-staleness-ms']).toBe('70')
  })
})

describe('goal: a prefix is deleted as a whole, and nothing else', () => {
  test('counts what it deleted', async () => {
    await fill(70)
    await say('PUT /v1/kv/v:1', { body: 'stays' })
    const answer = await say('DELETE /v1/kv?prefix=u:')
    expect([answer.status, answer.text]).toEqual([200, '{"deleted":70}'])
    expect((await read('')).entries.map(({ key }) => key)).toEqual(['v:1'])
    expect((await say('DELETE /v1/kv?prefix=u:')).text).toBe('{"deleted":0}')
  })

  test('an empty prefix is refused, and so is an idempotency key', async () => {
    await fill(1)
    for (const query of ['', '?prefix=']) {
      const answer = await say(`DELETE /v1/kv${query}`)
      expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_argument'])
    }
    const headers = { 'idempotency-key': 'k' }
    expect((await say('DELETE /v1/kv?prefix=u:', { headers })).status).toBe(400)
    expect((await read('')).entries).toHaveLength(1)
  })

  test('what failed before anything was deleted surely did nothing', async () => {
    await fill(1)
    calls.failing = failure('timeout', 'late')
    const answer = await say('DELETE /v1/kv?prefix=u:')
    expect(JSON.parse(answer.text)).toMatchObject({
      error: { code: 'unavailable', outcome: 'not_applied' }
    })
  })
})
