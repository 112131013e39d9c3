import { Compile, Meta } from 'typebox/schema'
import { expect, test } from 'vitest'
import { API } from '../../../src/gateway/api.ts'
import type { ApiCall } from '../../../src/gateway/api-shape.ts'
import { openApiDocument } from '../../../src/gateway/openapi.ts'
import { OPENAPI_3_1 } from './openapi-shape.ts'

const document = JSON.parse(JSON.stringify(openApiDocument(API))) as Document

interface Operation {
  readonly operationId: string
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<Record<string, object>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** Every object below `at`, itself included. */
function* objectsIn(at: unknown): Generator<Record<string, unknown>> {
  if (typeof at !== 'object' || at === null) return
  yield at as Record<string, unknown>
  for (const inside of Object.values(at)) yield* objectsIn(inside)
}

test('the document has the shape of OpenAPI 3.1', () => {
  const [, objections] = Compile(OPENAPI_3_1).Errors(document)
  expect(objections).toEqual([])
})

test('that shape is one that documents can fail', () => {
  const shape = Compile(OPENAPI_3_1)
  const { openapi: _, ...unversioned } = document as Document & { openapi: string }
  expect(shape.Check(unversioned)).toBe(false)
  const get = { operationId: 'x', responses: { 200: { content: {} } } }
  expect(shape.Check({ ...document, paths: { '/a': { get } } })).toBe(false)
  expect(shape.Check({ ...document, paths: { a: {} } })).toBe(false)
  expect(shape.Check({ ...document, paths: { '/a': { fetch: {} } } })).toBe(false)
})

test('every schema in it is one of JSON Schema 2020-12', () => {
  const meta = Compile(Meta['https://json-schema.org/draft/2020-12/schema'])
  const schemas = [...objectsIn(document)].flatMap(({ schema }) => schema ?? [])
  expect(schemas.length).toBeGreaterThan(40)
  for (const schema of schemas) expect(meta.Errors(schema)[1]).toEqual([])
  expect(meta.Check({ type: 'number', minimum: 'x' })).toBe(false)
})

test('every reference leads somewhere', () => {
  const references = [...objectsIn(document)].flatMap(({ $ref }) => $ref ?? [])
  expect(references.length).toBeGreaterThan(10)
  for (const reference of references) {
    const steps = String(reference).replace('#/', '').split('/')
    const found = steps.reduce<unknown>(
      (at, step) => (at as Record<string, unknown>)[step],
      document
    )
    expect(found, String(reference)).toBeTypeOf('object')
  }
})

test('the table is told whole, each call under a name of its own', () => {
  const told = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { operationId, parameters }]) => ({
      at: `${method} ${path}`,
      operationId,
      names: parameters.map(({ name }) => name)
    }))
  )
  expect(new Set(told.map(({ operationId }) => operationId)).size).toBe(told.length)
  for (const { path, method, head, query, headers } of Object.values<ApiCall>(API)) {
    for (const one of head ? [method, 'HEAD'] : [method]) {
      const found = told.find(({ at }) => at === `${one.toLowerCase()} ${path}`)
      expect(found?.names).toEqual(expect.arrayContaining(Object.keys({ ...query, ...headers })))
    }
  }
})
