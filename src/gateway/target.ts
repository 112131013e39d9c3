import { utf8Text } from '../wire/bytes.ts'
import { KEY_BYTES_MAX } from '../wire/limits.ts'

/** What a request line names. A `key` is still as it came: percent-encoded, maybe base64url. */
export type Target =
  | { readonly route: 'value' | 'increment'; readonly key: string }
  | { readonly route: 'cluster' | 'live' | 'ready' | 'unknown' }

/** Refusals of what was asked for, in words for the caller. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
  readonly code: 'invalid_argument' | 'too_large'

  constructor(message: string, code: 'invalid_argument' | 'too_large' = 'invalid_argument') {
    super(message)
    this.code = code
  }
}

const KEYS = '/v1/kv/'
const INCREMENT = '/increment'
const PLAIN: ReadonlyMap<string, Target> = new Map([
  ['/v1/cluster', { route: 'cluster' }],
  ['/livez', { route: 'live' }],
  ['/healthz', { route: 'live' }],
  ['/readyz', { route: 'ready' }]
])

/**
 * What `url` (as it stood in the request line) names. A key may hold `/`: only a POST, which no
 * plain key answers, ends in an action.
 */
export function targetOf(method: string, url: string): Target {
  const path = pathOf(url)
  if (!path.startsWith(KEYS)) return PLAIN.get(path) ?? { route: 'unknown' }
  const key = path.slice(KEYS.length)
  if (method !== 'POST') return { route: 'value', key }
  if (!key.endsWith(INCREMENT)) return { route: 'unknown' }
  return { route: 'increment', key: key.slice(0, -INCREMENT.length) }
}

/** Proxies send the whole URL in the request line (RFC 9112 §3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/** The host that `url` itself names: it goes before the Host header. Undefined: none. */
export function authorityOf(url: string): string | undefined {
  return url.startsWith('/') ? undefined : ABSOLUTE.exec(url)?.[1]
}

function pathOf(url: string): string {
  const from = url.startsWith('/') ? 0 : (ABSOLUTE.exec(url)?.[0].length ?? 0)
  const at = url.indexOf('?')
  return url.slice(from, at < 0 ? undefined : at)
}

/**
 * The query of `url`. Throws BadRequest at a name that is not in `allowed`, or stands there twice.
 */
export function queryOf(url: string, allowed: readonly string[]): ReadonlyMap<string, string> {
  const at = url.indexOf('?')
  const query = new Map<string, string>()
  if (at < 0) return query
  for (const [name, value] of new URLSearchParams(url.slice(at + 1))) {
    if (!allowed.includes(name)) {
      throw new BadRequest(`unknown query parameter ${quote(name)}; this call takes: ${allowed}`)
    }
    if (query.has(name)) throw new BadRequest(`${name} is given twice`)
    query.set(name, value)
  }
  return query
}

/**
 * Throws BadRequest unless `query` gives `name` as a whole number within the bounds, or not at all.
 */
export function countIn(
  query: ReadonlyMap<string, string>,
  name: string,
  bounds: { readonly min: number; readonly max: number }
): number | undefined {
  const text = query.get(name)
  if (text === undefined) return undefined
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= bounds.min && value <= bounds.max)) {
    throw new BadRequest(`${name} must be a whole number from ${bounds.min} to ${bounds.max}`)
  }
  return value
}

/** The bytes of a key from its place in a URL. Throws BadRequest. */
export function keyOf(text: string, encoding: string | undefined): Uint8Array {
  if (encoding !== undefined && encoding !== 'base64url') {
    throw new BadRequest('encoding must be base64url')
  }
  const plain = percentDecoded(text)
  const key = encoding === undefined ? plain : base64urlDecoded(plain)
  if (key.length === 0) throw new BadRequest('a key has at least 1 byte')
  if (key.length > KEY_BYTES_MAX) {
    throw new BadRequest(`a key has at most ${KEY_BYTES_MAX} bytes, not ${key.length}`, 'too_large')
  }
  if (encoding === undefined) checkText(key)
  return key
}

/**
 * Other forms of such keys would not survive the libraries and proxies between here and a caller.
 */
function checkText(key: Uint8Array): void {
  const text = utf8Text(key)
  if (text === undefined)
    throw new BadRequest('the key is not UTF-8: send it with encoding=base64url')
  if (text === '.' || text === '..') {
    throw new BadRequest(`the key ${text} can only be named with encoding=base64url`)
  }
}

/** A request line is ASCII (Node.js refuses others), so each character is one byte. */
function percentDecoded(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '%') {
      bytes[length++] = text.charCodeAt(i)
      continue
    }
    const digits = text.slice(i + 1, i + 3)
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) {
      throw new BadRequest(`the key has a % without two hex digits: ${quote(text.slice(i, i + 3))}`)
    }
    bytes[length++] = Number.parseInt(digits, 16)
    i += 2
  }
  return bytes.subarray(0, length)
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const SIXES = new Map([...BASE64URL].map((digit, value) => [digit.charCodeAt(0), value]))

/** One text for each sequence of bytes: no padding, and no bits left over that are not 0. */
function base64urlDecoded(text: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8))
  let held = 0
  let bits = 0
  let length = 0
  for (const character of text) {
    const digit = SIXES.get(character)
    if (digit === undefined) throw new BadRequest('the key is not base64url (no padding)')
    held = ((held << 6) | digit) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[length++] = (held >>> bits) & 0xff
  }
  if (text.length % 4 === 1 || (held & ((1 << bits) - 1)) !== 0) {
    throw new BadRequest('the key is not base64url in canonical form')
  }
  return bytes
}

/** What a JSON body says about an increment. Throws BadRequest. */
export function incrementOf(body: Uint8Array): number {
  if (body.length === 0) return 1
  const fields = jsonObject(body)
  const strange = Object.keys(fields).find((name) => name !== 'by')
  if (strange !== undefined) throw new BadRequest(`unknown field ${quote(strange)} in the body`)
  const by = 'by' in fields ? fields.by : 1
  if (typeof by !== 'number' || !Number.isSafeInteger(by)) {
    throw new BadRequest('by must be a safe integer')
  }
  return by
}

function jsonObject(body: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(utf8Text(body) ?? '')
  } catch {
    throw new BadRequest('the body is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadRequest('the body is not a JSON object')
  }
  return value as Readonly<Record<string, unknown>>
}

/** The revision of a condition: a single strong entity tag. Throws BadRequest. */
export function revisionOf(header: string, name: string): number {
  const digits = /^\s*"(0|[1-9]\d{0,15})"\s*$/.exec(header)?.[1]
  const revision = Number(digits)
  if (digits === undefined || !Number.isSafeInteger(revision)) {
    throw new BadRequest(`${name} must be one entity tag as we gave it, like "17"`)
  }
  return revision
}

/** Whether an `If-None-Match` names `revision`: any of its tags, weak or strong, or `*`. */
export function names(header: string, revision: number): boolean {
  return header
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === '*' || tag === `"${revision}"`)
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 64))
}
