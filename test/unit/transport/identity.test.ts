import { expect, test } from 'vitest'
import { generateIdentity, peerIdOf } from '../../../src/transport/identity.ts'

test('an identity has one name, and no two have the same', async () => {
  const [first, second] = [await generateIdentity(), await generateIdentity()]
  expect(first.length).toBe(68)
  expect(peerIdOf(first)).toMatch(/^12D3KooW[1-9A-Za-z]{44}$/)
  expect(peerIdOf(first.slice())).toBe(peerIdOf(first))
  expect(peerIdOf(second)).not.toBe(peerIdOf(first))
})

test('what is no private key is refused', () => {
  expect(() => peerIdOf(new Uint8Array(68))).toThrow()
  expect(() => peerIdOf(new Uint8Array(0))).toThrow()
})
