import { base64 } from '../rig/etcd.ts'
import type { Settings } from './job.ts'

/** One request as autocannon and fetch take it. */
export interface HttpCall {
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly path: string
  readonly body?: Buffer<ArrayBuffer>
}

type Kind = 'put' | 'get' | 'eventual'

/** The request of the HTTP API in question: ours, or the JSON gateway of etcd. */
export function httpCall(
  api: Settings['api'],
  kind: Kind,
  key: string,
  value: Uint8Array
): HttpCall {
  return api === 'keymesh' ? ours(kind, key, value) : theirs(kind, key, value)
}

function ours(kind: Kind, key: string, value: Uint8Array): HttpCall {
  const path = `/v1/kv/${key}`
  if (kind === 'put') return { method: 'PUT', path, body: Buffer.from(value) }
  return { method: 'GET', path: kind === 'get' ? path : `${path}?consistency=eventual` }
}

function theirs(kind: Kind, key: string, value: Uint8Array): HttpCall {
  if (kind === 'put') return post('put', { key: base64(key), value: base64(value) })
  const asked = { key: base64(key), ...(kind === 'eventual' ? { serializable: true } : {}) }
  return post('range', asked)
}

function post(name: string, body: object): HttpCall {
  return { method: 'POST', path: `/v3/kv/${name}`, body: Buffer.from(JSON.stringify(body)) }
}

/** Whether the answer to a get holds `value`: a store that finds nothing is fast. */
export function holdsValue(api: Settings['api'], body: Uint8Array, value: Uint8Array): boolean {
  const text = Buffer.from(body).toString()
  return api === 'keymesh' ? Buffer.compare(body, value) === 0 : text.includes(base64(value))
}
