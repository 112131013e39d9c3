import type { HttpAnswer, HttpConnection } from '../../cluster/http-connection.ts'
import { base64 } from '../rig/etcd.ts'
import { type HttpCall, httpCall } from './http-calls.ts'
import type { Settings } from './job.ts'
import type { Pair } from './pairs.ts'

/** What one transaction over HTTP came to. */
export interface Committed {
  /** '' if it is committed, else a status. */
  readonly code: string
  /** What was answered last. */
  readonly body: string
}

/** A key that was read; `value` as the API in question wants it back. */
interface Found {
  readonly value: string
  readonly revision: number
}

/** Somebody else writes one of two keys of thousands: so often in a row is no coincidence. */
const ATTEMPTS_MAX = 1_000

/** The request that writes `value` at both keys, or nothing. */
export function twoPuts(api: Settings['api'], pair: Pair, value: Uint8Array): HttpCall {
  if (api === 'etcd') return theirTransaction([], pair, [base64(value), base64(value)])
  const text = Buffer.from(value).toString()
  return ourTransaction([], pair, [text, text])
}

/**
 * Reads both keys, one after the other, and lets each have the other's value if neither has moved;
 * again from the beginning if one has.
 */
export async function swap(
  connection: HttpConnection,
  api: Settings['api'],
  pair: Pair
): Promise<Committed> {
  let answer: HttpAnswer = { status: 0, head: '', body: 'no attempt was made', isUnsent: true }
  for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
    const found: Found[] = []
    for (const key of pair) {
      answer = await send(connection, httpCall(api, 'get', key, new Uint8Array(0)))
      if (answer.status !== 200) return { code: String(answer.status), body: answer.body }
      found.push(foundIn(api, answer))
    }
    answer = await send(connection, swapped(api, pair, found))
    if (answer.status !== 200) return { code: String(answer.status), body: answer.body }
    if (isCommitted(api, answer.body)) return { code: '', body: answer.body }
  }
  return { code: 'moved', body: answer.body }
}

async function send(connection: HttpConnection, call: HttpCall): Promise<HttpAnswer> {
  return await connection.request(call.method, call.path, call.body?.toString() ?? '')
}

function foundIn(api: Settings['api'], { head, body }: HttpAnswer): Found {
  if (api === 'keymesh') {
    return { value: body, revision: Number(/\r\nkeymesh-revision: (\d+)/.exec(head)?.[1]) }
  }
  const { kvs } = JSON.parse(body) as {
    readonly kvs: readonly { readonly value: string; readonly mod_revision: string }[]
  }
  return { value: kvs[0]?.value ?? '', revision: Number(kvs[0]?.mod_revision) }
}

function swapped(api: Settings['api'], pair: Pair, found: readonly Found[]): HttpCall {
  const values = found.map(({ value }) => value).reverse()
  const revisions = found.map(({ revision }) => revision)
  const make = api === 'keymesh' ? ourTransaction : theirTransaction
  return make(revisions, pair, values)
}

/** `revisions`: of each key, which it must still have; of none, nothing must hold. */
function ourTransaction(
  revisions: readonly number[],
  pair: Pair,
  values: readonly string[]
): HttpCall {
  const checks = revisions.map((revision, i) => ({ key: pair[i], revision }))
  const ops = pair.map((key, i) => ({ put: key, value: values[i] }))
  return post('/v1/txn', { if: checks, ops })
}

function theirTransaction(
  revisions: readonly number[],
  pair: Pair,
  values: readonly string[]
): HttpCall {
  const compare = revisions.map((revision, i) => ({
    key: base64(pair[i] ?? ''),
    target: 'MOD',
    result: 'EQUAL',
    mod_revision: String(revision)
  }))
  const success = pair.map((key, i) => ({ requestPut: { key: base64(key), value: values[i] } }))
  return post('/v3/kv/txn', { compare, success })
}

function post(path: string, body: object): HttpCall {
  return { method: 'POST', path, body: Buffer.from(JSON.stringify(body)) }
}

/** A transaction whose checks do not hold is answered with 200, too. */
export function isCommitted(api: Settings['api'], body: string): boolean {
  const { committed, succeeded } = JSON.parse(body) as {
    readonly committed?: boolean
    readonly succeeded?: boolean
  }
  return (api === 'keymesh' ? committed : succeeded) === true
}
