import { Compile } from 'typebox/schema'
import { expect } from 'vitest'
import { API, type CallName } from '../../../src/gateway/api.ts'
import { openApiDocument } from '../../../src/gateway/openapi.ts'
import { router } from '../../../src/gateway/routing.ts'
import type { Answer } from './ask.ts'

// What /openapi.json says about an answer, and whether the answer keeps to it.

interface Described {
  readonly headers?: Readonly<Record<string, { readonly schema: object }>>
  readonly content?: Readonly<Record<string, { readonly schema: object }>>
}

interface Document {
  readonly paths: Readonly<
    Record<string, Record<string, { readonly responses: Record<string, Described> }>>
  >
}

const document = openApiDocument(API)
const { paths } = resolved(document) as Document
const route = router<CallName>(API)

/** `at` with what its references mean in their places. */
function resolved(at: unknown): unknown {
  if (typeof at !== 'object' || at === null) return at
  if (Array.isArray(at)) return at.map(resolved)
  if ('$ref' in at) {
    const steps = String(at.$ref).replace('#/', '').split('/')
    return resolved(
      steps.reduce<unknown>((from, step) => (from as Record<string, unknown>)[step], document)
    )
  }
  return Object.fromEntries(Object.entries(at).map(([name, inside]) => [name, resolved(inside)]))
}

/** Fails unless the document describes `answer` as one to this request. */
export function expectDescribed(method: string, url: string, answer: Answer): void {
  const target = route(method, url)
  if (target === undefined) {
    expect(answer.status === 404 || answer.status === 401 || answer.status === 403).toBe(true)
    return
  }
  const what = `${method} ${url.slice(0, 80)}: ${answer.status} ${answer.text.slice(0, 200)}`
  const { responses } = paths[API[target.call].path]?.[method.toLowerCase()] ?? { responses: {} }
  const described = responses[answer.status]
  expect(described, what).toBeDefined()
  expectHeaders(described?.headers ?? {}, answer, what)
  const [type, body] = Object.entries(described?.content ?? {})[0] ?? []
  if (body === undefined) {
    expect(answer.text, what).toBe('')
    return
  }
  expect(answer.headers['content-type']?.split(';')[0], what).toBe(type)
  if (type === 'application/json') {
    expect(Compile(body.schema).Errors(JSON.parse(answer.text))[1], what).toEqual([])
  }
}

const OURS = /^(etag|retry-after|www-authenticate|keymesh-.*)$/

function expectHeaders(headers: NonNullable<Described['headers']>, answer: Answer, what: string) {
  const known = new Map(Object.entries(headers).map(([name, one]) => [name.toLowerCase(), one]))
  for (const [name, text] of Object.entries(answer.headers)) {
    if (!OURS.test(name)) continue
    const schema = known.get(name)?.schema
    expect(schema, `${name} of ${what}`).toBeDefined()
    const value = schema !== undefined && 'minimum' in schema ? Number(text) : text
    expect(Compile(schema ?? {}).Errors(value)[1], `${name} of ${what}`).toEqual([])
  }
}
