import { expect, test } from 'vitest'
import { isDialable } from '../../../src/transport/libp2p-address.ts'

// Goal: what can be dialled passes, what cannot is told before anything waits for it.

const ID = '12D3KooWGRUBy4ZcnmYoVHfyxHZFpkA1kFWbLqUCbT6EvhAzGZMk'

test.each([
  '/ip4/127.0.0.1/tcp/7101',
  `/ip4/127.0.0.1/tcp/7101/p2p/${ID}`,
  '/ip6/::1/tcp/1',
  '/ip6zone/eth0/ip6/fe80::1/tcp/7101',
  '/dns4/node.example/tcp/65535',
  '/dns/localhost/tcp/7101'
])('%s', (address) => {
  expect(isDialable(address)).toBe(true)
})

test.each([
  '',
  'localhost:7101',
  '/ip4/127.0.0.1',
  '/tcp/7101',
  '/ip4/999.1.1.1/tcp/1',
  '/ip4/127.0.0.1/tcp/65536',
  '/ip4/127.0.0.1/tcp/0',
  '/ip4/127.0.0.1/tcp/',
  '/ip4/127.0.0.1/udp/7101/quic-v1',
  '/ip4/127.0.0.1/tcp/7101/ws',
  '/ip4/127.0.0.1/tcp/7101/p2p/zzz',
  `/p2p/${ID}`,
  '/foo/bar'
])('not %s', (address) => {
  expect(isDialable(address)).toBe(false)
})
