import { expect, test } from 'vitest'
import * as keymesh from '../../../src/client/index.ts'

// What the types are worth is checked by the compiler: test/types/client.ts.

test('goal: the package exports what its contract names, and nothing else', () => {
  expect(Object.keys(keymesh).sort()).toEqual([
    'ConflictError',
    'KeyMeshError',
    'LockedError',
    'UndecodableError',
    'UnknownOutcomeError',
    'bytes',
    'connect',
    'json',
    'lockAll',
    'msgpack',
    'text'
  ])
})
