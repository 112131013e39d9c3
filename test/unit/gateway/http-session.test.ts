import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Floor } from '../../../src/client/inputs.ts'
import type { HttpDoor } from '../../../src/gateway/http.ts'
import { floorsOf, TOKEN_PATTERN, tokenAfter } from '../../../src/gateway/http-session.ts'
import { failure } from '../../../src/wire/failure.ts'
import { VALUE_BYTES_MAX } from '../../../src/wire/limits.ts'
import type { Lapse } from '../../../src/wire/read-body.ts'
import type { TableCalls } from './table-calls.ts'
import { openTableDoor } from './table-door.ts'

const HERE = '0123456789abcdef0123456789abcdef'
const ELSEWHERE = 'fedcba9876543210fedcba9876543210'

const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const seen = fc.record({
  group: fc.nat({ max: 0xffff_ffff }),
  applied: number,
  lapse: fc.option(fc.record({ revision: number, expiresAt: number }), { nil: undefined })
})

test('a token keeps the highest of each group that it was ever told of', () => {
  fc.assert(
    fc.property(fc.array(seen, { minLength: 1, maxLength: 50 }), (answers) => {
      let token: string | undefined
      const expected = new Map<number, Floor>()
      for (const answer of answers) {
        token = tokenAfter(floorsOf(token, HERE), HERE, answer)
        const { applied = 0, lapse } = expected.get(answer.group) ?? {}
        expected.set(answer.group, {
          applied: Math.max(answer.applied, applied),
          ...latest(answer.lapse, lapse)
        })
      }
      expect(new Map(floorsOf(token, HERE))).toEqual(expected)
      expect(token).toMatch(new RegExp(TOKEN_PATTERN))
    })
  )
})

/** As `toEqual` wants it: without a field for what there is not. */
function latest(one: Lapse | undefined, other: Lapse | undefined): Pick<Floor, 'lapse'> {
  if (one === undefined && other === undefined) return {}
  const { revision = 0, expiresAt = 0 } = other ?? {}
  const lapse = {
    revision: Math.max(revision, one?.revision ?? 0),
    expiresAt: Math.max(expiresAt, one?.expiresAt ?? 0)
  }
  return { lapse }
}

test('the form of a token does not change: others keep them', () => {
  const one = tokenAfter(floorsOf(undefined, HERE), HERE, { group: 5, applied: 77 })
  expect(one).toBe('1.0123456789abcdef.5-25')
  const two = tokenAfter(floorsOf(one, HERE), HERE, { group: 40, applied: 36 ** 5 })
  expect(two).toBe('1.0123456789abcdef.5-25_14-100000')
  expect(tokenAfter(floorsOf(two, HERE), HERE, { group: 5, applied: 3 })).toBe(two)
  const lapse = { revision: 36, expiresAt: 36 ** 2 }
  const three = tokenAfter(floorsOf(two, HERE), HERE, { group: 5, applied: 3, lapse })
  expect(three).toBe('1.0123456789abcdef.5-25-10-100_14-100000')
  expect(tokenAfter(floorsOf(three, HERE), HERE, { group: 5, applied: 3 })).toBe(three)
})

test.each([
  '',
  'x',
  '1.0123456789abcdef.',
  '1.0123456789abcdef',
  '1.0123456789ABCDEF.5-25',
  '2.0123456789abcdef.5-25',
  '1.0123456789abcdef.5-25_',
  '1.0123456789abcdef.5_25',
  '1.0123456789abcdef_5-25',
  '1.0123456789abcdef.5-25-1',
  '1.0123456789abcdef.5-25-01-1',
  '1.0123456789abcdef.5-25-1-1-1',
  '1.0123456789abcdef.5-25-1-zzzzzzzzzzzzz',
  '1.0123456789abcdef.05-25',
  '1.0123456789abcdef.5-025',
  '1.0123456789abcdef.6-1_5-1',
  '1.0123456789abcdef.5-1_5-2',
  '1.0123456789abcdef.zzzzzzzz-1',
  '1.0123456789abcdef.5-zzzzzzzzzzzzz',
  '1.0123456789abcdef.5-1, 1.0123456789abcdef.5-2'
])('%j is no token', (text) => {
  expect(() => floorsOf(text, HERE)).toThrow(/keymesh-session/)
})

test('whatever is read as a token is the one text for what it says', () => {
  const text = fc.stringMatching(/^1\.0123456789abcdef\.[0-9a-z_-]{1,30}$/)
  fc.assert(
    fc.property(text, (token) => {
      try {
        floorsOf(token, HERE)
      } catch {
        return
      }
      const floors = floorsOf(token, HERE)
      const [[group = 0, { applied } = { applied: 0 }] = []] = floors
      expect(tokenAfter(floors, HERE, { group, applied })).toBe(token)
    })
  )
})

test('a token of another cluster is refused, unless the node does not know its own yet', () => {
  const token = tokenAfter(floorsOf(undefined, HERE), ELSEWHERE, { group: 1, applied: 1 })
  expect(() => floorsOf(token, HERE)).toThrow(/another cluster/)
  expect(floorsOf(token, '')).toEqual(new Map([[1, { applied: 1 }]]))
})

let door: HttpDoor
let calls: TableCalls

beforeEach(async () => {
  ;({ door, calls } = await openTableDoor())
})
afterEach(() => door.stop(0))

interface Told {
  readonly status: number
  readonly session: string | null
  readonly staleness: string | null
  readonly text: string
}

async function ask(path: string, init: RequestInit = {}): Promise<Told> {
  const response = await fetch(new URL(path, door.url), init)
  const { status, headers } = response
  const session = headers.get('keymesh-session')
  const staleness = headers.get('keymesh-staleness-ms')
  return { status, session, staleness, text: await response.text() }
}

const at = (pairs: string): string => `1.0123456789abcdef.${pairs}`
const withToken = (pairs: string): RequestInit => ({ headers: { 'keymesh-session': at(pairs) } })

test('every answer about a key carries the token: changes, values, 304, 404 and 412', async () => {
  const put = { method: 'PUT', body: '1' }
  expect(await ask('/v1/kv/a', put)).toMatchObject({ status: 200, session: at('1-1') })
  calls.applied = 9
  const increment = { method: 'POST' }
  expect((await ask('/v1/kv/a/increment', increment)).session).toBe(at('1-9'))
  expect(await ask('/v1/kv/a')).toMatchObject({ status: 200, session: at('1-9') })
  const known = { headers: { 'if-none-match': '"2"' } }
  expect(await ask('/v1/kv/a', known)).toMatchObject({ status: 304, session: at('1-9') })
  expect(await ask('/v1/kv/b')).toMatchObject({ status: 404, session: at('1-9') })
  const stale = { ...put, headers: { 'if-match': '"7"' } }
  expect(await ask('/v1/kv/a', stale)).toMatchObject({ status: 412, session: at('1-9') })
  expect((await ask('/v1/kv/a', { method: 'DELETE' })).session).toBe(at('1-9'))
  expect((await ask('/v1/kv/a', { method: 'DELETE' })).session).toBe(at('1-9'))
})

test('the floors of a session read are those of its token, and of nothing else', async () => {
  calls.applied = 50
  const read = '/v1/kv/a?consistency=session'
  await ask(read)
  expect(calls.operations.at(-1)).toMatchObject({ consistency: 'session', floors: new Map() })
  calls.group = 2
  expect((await ask(read, withToken('1-a_3-7'))).session).toBe(at('1-a_2-1e_3-7'))
  const floors = new Map([
    [1, { applied: 10 }],
    [3, { applied: 7 }]
  ])
  expect(calls.operations.at(-1)).toMatchObject({ floors })
  await ask('/v1/kv/a', withToken('1-a'))
  expect(calls.operations.at(-1)).not.toHaveProperty('floors')
})

test('a failure gives the token back as it came', async () => {
  calls.failing = failure('unavailable', 'planted')
  expect(await ask('/v1/kv/a', withToken('1-a'))).toMatchObject({ status: 503, session: at('1-a') })
  expect(await ask('/v1/kv/a')).toMatchObject({ status: 503, session: null })
})

test('so does a refusal, whatever else is wrong with the request', async () => {
  const { headers = {} } = withToken('1-a')
  const told = { status: 400, session: at('1-a') }
  expect(await ask('/v1/kv/a?ttl=5', { headers })).toMatchObject(told)
  const ill = { method: 'PUT', body: 'v', headers: { ...headers, 'if-match': 'x' } }
  expect(await ask('/v1/kv/a', ill)).toMatchObject(told)
  const increment = { method: 'POST', body: '{"by":"x"}', headers }
  expect(await ask('/v1/kv/a/increment', increment)).toMatchObject(told)
  const large = { method: 'PUT', body: 'v'.repeat(VALUE_BYTES_MAX + 1), headers }
  expect(await ask('/v1/kv/a', large)).toMatchObject({ status: 413, session: at('1-a') })
})

test('eventual answers say how old they are, also of keys that are not there', async () => {
  calls.stalenessMs = 123
  const read = '/v1/kv/a?consistency=eventual'
  expect(await ask(read)).toMatchObject({ status: 404, staleness: '123' })
  await ask('/v1/kv/a', { method: 'PUT', body: 'v' })
  expect(await ask(read)).toMatchObject({ status: 200, staleness: '123', text: 'v' })
  const known = { headers: { 'if-none-match': '"1"' } }
  expect(await ask(read, known)).toMatchObject({ status: 304, staleness: '123' })
  for (const other of ['strong', 'session']) {
    expect((await ask(`/v1/kv/a?consistency=${other}`)).staleness).toBe(null)
  }
})

test('what is no token of this cluster is 400, on reads and on changes', async () => {
  const bad = ['nonsense', '1.0123456789abcdef.2-1_1-1', '1.fedcba9876543210.1-1']
  for (const token of bad) {
    const headers = { 'keymesh-session': token }
    for (const init of [{ headers }, { method: 'PUT', body: 'v', headers }]) {
      const { status, text, session } = await ask('/v1/kv/a', init)
      expect([status, session]).toEqual([400, null])
      expect(JSON.parse(text)).toMatchObject({ error: { code: 'invalid_argument' } })
    }
  }
  expect(calls.operations).toEqual([])
  expect((await ask('/v1/kv/a?consistency=stale')).status).toBe(400)
  // Where no key is read it says nothing, and harms nothing.
  const { status } = await fetch(new URL('/openapi.json', door.url), withToken('1-a'))
  expect(status).toBe(200)
})
