import { expect, expectTypeOf, test } from 'vitest'
import type {
  Codec,
  ConflictError,
  Counted,
  Deleted,
  Entry,
  KeyMesh,
  KeyMeshError,
  Written
} from '../../../src/client/index.ts'
import * as keymesh from '../../../src/client/index.ts'

interface User {
  readonly name: string
}

// Goal: a program that follows the contract compiles, and one that does not, does not. Method: the
// compiler checks this file (npm run typecheck); nothing in `inference` is run.

async function inference(kv: KeyMesh, users: KeyMesh<User>): Promise<void> {
  expectTypeOf(await kv.get('a')).toEqualTypeOf<unknown>()
  expectTypeOf(await kv.get<User>('a')).toEqualTypeOf<User | undefined>()
  expectTypeOf(await users.get('a')).toEqualTypeOf<User | undefined>()
  expectTypeOf(await users.getEntry('a')).toEqualTypeOf<Entry<User> | undefined>()
  expectTypeOf(await users.put('a', { name: 'Ada' })).toEqualTypeOf<Written>()
  expectTypeOf(await kv.delete(Uint8Array.of(1))).toEqualTypeOf<Deleted>()
  expectTypeOf(await kv.increment('n', 1)).toEqualTypeOf<Counted>()
  expectTypeOf(await kv.has('a', { consistency: 'eventual' })).toEqualTypeOf<boolean>()
  expectTypeOf(kv.namespace('u:', { codec: keymesh.json<User>() })).toEqualTypeOf<KeyMesh<User>>()
  expectTypeOf(users.namespace('x:')).toEqualTypeOf<KeyMesh<User>>()
  expectTypeOf(kv.namespace('t:', { codec: keymesh.text })).toEqualTypeOf<KeyMesh<string>>()
  expectTypeOf(await keymesh.connect()).toEqualTypeOf<KeyMesh>()
  expectTypeOf(await keymesh.connect({ seeds: ['/ip4/1.2.3.4/tcp/1'] })).toEqualTypeOf<KeyMesh>()
  expectTypeOf(await keymesh.connect({ codec: keymesh.bytes })).toEqualTypeOf<KeyMesh<Uint8Array>>()
  expectTypeOf<Codec<User>['decode']>().returns.toEqualTypeOf<User>()
  // @ts-expect-error a value of another type
  await users.put('a', { title: 'Ada' })
  // @ts-expect-error ifRevision is a number or absent
  await users.put('a', { name: 'Ada' }, { ifRevision: undefined })
  // @ts-expect-error reads take no ttl
  await users.get('a', { ttl: 5 })
  // @ts-expect-error a claim the codec rules out
  await users.get<string>('a')
  await using disposable = kv
  expectTypeOf(disposable).toEqualTypeOf<KeyMesh>()
}

test('goal: the package exports what its contract names, and the errors carry their facts', () => {
  expect(Object.keys(keymesh).sort()).toEqual([
    'ConflictError',
    'KeyMeshError',
    'UndecodableError',
    'UnknownOutcomeError',
    'bytes',
    'connect',
    'json',
    'text'
  ])
  expect(inference).toBeTypeOf('function')
  expectTypeOf<KeyMeshError['code']>().toEqualTypeOf<string>()
  expectTypeOf<KeyMeshError['outcome']>().toEqualTypeOf<'not_applied' | 'unknown'>()
  expectTypeOf<ConflictError['code']>().toEqualTypeOf<'conflict'>()
  expectTypeOf<ConflictError['revision']>().toEqualTypeOf<number>()
})
