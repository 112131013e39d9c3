import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { TIMEOUT_MS_DEFAULT } from '../wire/limits.ts'
import { API, type CallName } from './api.ts'
import { OF_KEYS } from './api-schemas.ts'
import type { ApiCall, Parameters, ValuesOf } from './api-shape.ts'
import { BadRequest } from './bad-request.ts'
import { headerReader, queryReader } from './parameters.ts'
import { router, type Target } from './routing.ts'
import { keyOf } from './url-key.ts'

const TARGET = Symbol('target')

type Routed = IncomingMessage & { [TARGET]?: Target<CallName> }

const route = router<CallName>(API)

/**
 * The path by which Fastify knows the call that `request` names: Fastify would decode paths itself,
 * and refuse those that are not UTF-8 or long.
 */
export function internalUrl(request: Routed): string {
  const target = route(request.method ?? '', request.url ?? '')
  if (target === undefined) return '/'
  request[TARGET] = target
  return internalPath(target.call)
}

export function internalPath(call: CallName): string {
  return `/${call}`
}

/** The call that `request` names. Undefined: the table has none. */
export function callOf(request: FastifyRequest): CallName | undefined {
  return (request.raw as Routed)[TARGET]?.call
}

/** What stands in the place of `{…}` in the path of a call, as it came. */
export function restOf(request: FastifyRequest): string {
  return (request.raw as Routed)[TARGET]?.key ?? ''
}

/** A call on one key that its leader answers. */
export interface PlainCall {
  readonly call: CallName
  readonly kind: 'get' | 'mutate'
  readonly key: Uint8Array
}

const KINDS: Partial<Record<CallName, PlainCall['kind']>> = {
  get: 'get',
  put: 'mutate',
  delete: 'mutate',
  increment: 'mutate',
  touch: 'mutate'
}

/** Undefined: it is another call, or a closer look is needed. */
export function plainCallOf(request: IncomingMessage): PlainCall | undefined {
  const { method = '', url = '' } = request
  if (url.includes('consistency=') || url.includes('encoding=')) return undefined
  const target = route(method, url)
  const kind = target && KINDS[target.call]
  if (target === undefined || kind === undefined) return undefined
  try {
    return { call: target.call, kind, key: keyOf(target.key, undefined) }
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error
    return undefined
  }
}

/** What a caller said beside the body. */
export interface Asked<C extends ApiCall> {
  readonly query: ValuesOf<C['query']>
  readonly headers: ValuesOf<C['headers']>
  readonly timeoutMs: number
}

export interface AskedOfKey<C extends ApiCall> extends Asked<C> {
  readonly key: Uint8Array
}

/** What a caller has seen means nothing where no key is read: it may come with every request. */
const HARMLESS: readonly string[] = Object.keys(OF_KEYS)

const IDEMPOTENCY = 'idempotency-key'

/** Headers that change what a call means: one that does not take them must refuse them. */
const MEANINGFUL: readonly string[] = [
  ...new Set([
    ...Object.values<ApiCall>(API).flatMap(({ headers }) => Object.keys(headers)),
    'if-match',
    'if-none-match',
    IDEMPOTENCY
  ])
].filter((name) => !HARMLESS.includes(name))

/** Reads requests of `call` by its schemas. The result throws BadRequest. */
export function reader<C extends ApiCall>(call: C): (request: FastifyRequest) => Asked<C> {
  const readQuery = queryReader<C['query']>(call.query)
  // A read can be repeated as it is: callers who send the key with everything lose nothing.
  const meaningful = MEANINGFUL.filter((name) => call.method !== 'GET' || name !== IDEMPOTENCY)
  const readHeaders = headerReader<C['headers']>(call.headers, meaningful)
  return (request) => {
    const headers = readHeaders(request.headers)
    const query = readQuery(request.originalUrl)
    const { timeout }: { readonly timeout?: number } = query
    return { query, headers, timeoutMs: timeout ?? TIMEOUT_MS_DEFAULT }
  }
}

/** The same for calls on a key. */
export function keyReader<C extends ApiCall & { readonly query: Parameters & Encoded }>(
  call: C
): (request: FastifyRequest) => AskedOfKey<C> {
  const read = reader(call)
  return (request) => {
    const { query, headers, timeoutMs } = read(request)
    const { encoding }: { readonly encoding?: 'base64url' } = query
    const key = keyOf(restOf(request), encoding)
    return { query, headers, timeoutMs, key }
  }
}

interface Encoded {
  readonly encoding: { readonly type: 'string'; readonly enum: readonly ['base64url'] }
}
