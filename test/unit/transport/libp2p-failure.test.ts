import { expect, test } from 'vitest'
import { dialFailureOf } from '../../../src/transport/libp2p-failure.ts'

const named = (name: string, message: string): Error => Object.assign(new Error(message), { name })
const coded = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code })

test.each([
  [coded('ECONNREFUSED'), 'refused'],
  [coded('EHOSTUNREACH'), 'unreachable'],
  [coded('ENOTFOUND'), 'unreachable'],
  [new Error('dial failed', { cause: coded('ECONNREFUSED') }), 'refused'],
  [new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]), 'refused'],
  // One address that answered "nobody here" proves nothing about the others.
  [new AggregateError([coded('ECONNREFUSED'), coded('ETIMEDOUT')]), 'unreachable'],
  [new AggregateError([]), 'unreachable'],
  [named('TimeoutError', 'the operation was aborted due to timeout'), 'unreachable'],
  [named('EncryptionFailedError', 'handshake stage 1 validation fail'), 'handshake'],
  [named('EncryptionFailedError', 'read ECONNRESET'), 'unreachable'],
  [named('UnsupportedProtocolError', 'protocol selection failed'), 'handshake'],
  [named('InvalidPeerIdError', 'Can not dial self'), 'self'],
  ['no error at all', 'unreachable']
] as const)('%s is %s', (error, failure) => {
  expect(dialFailureOf(error)).toBe(failure)
})
