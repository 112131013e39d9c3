import { expect, test } from 'vitest'
import { announcedHttp } from '../../../src/node/announced-http.ts'

const LAN = '/ip4/10.0.0.7/tcp/7101/p2p/12D3'

test.each([
  ['http://127.0.0.1:8101', [LAN], 'http://127.0.0.1:8101'],
  ['http://kv-1:8101', [LAN], 'http://kv-1:8101'],
  ['http://0.0.0.0:8101', ['/ip4/127.0.0.1/tcp/7101', LAN], 'http://10.0.0.7:8101'],
  ['http://[::]:8101', ['/ip6/::1/tcp/1', '/ip6/fd00::7/tcp/1'], 'http://[fd00::7]:8101'],
  ['http://0.0.0.0:8101', ['/dns4/kv-1.example/tcp/7101'], 'http://kv-1.example:8101'],
  ['http://0.0.0.0:80', [LAN], 'http://10.0.0.7:80'],
  ['http://0.0.0.0:8101', ['/ip4/127.0.0.1/tcp/7101'], 'http://127.0.0.1:8101'],
  ['http://0.0.0.0:8101', ['/ip4/0.0.0.0/tcp/7101'], ''],
  ['http://0.0.0.0:8101', [], '']
])('%s with %j is told to others as %j', (url, addresses, told) => {
  expect(announcedHttp(new URL(url), addresses)).toBe(told)
})
