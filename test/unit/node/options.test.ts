import { expect, test } from 'vitest'
import { checkOptions, InvalidOptions, type NodeOptions } from '../../../src/node/options.ts'

const KEY = '0123456789abcdef'.repeat(4)

const check = (options: Partial<NodeOptions>) => checkOptions({ data: 'd', ...options })

test('the defaults are a node on loopback that forms nothing', () => {
  expect(check({})).toEqual({
    data: 'd',
    listen: ['/ip4/127.0.0.1/tcp/7101'],
    announce: [],
    seeds: [],
    forming: { bootstrap: false, expect: 1, partitions: 64, replicas: 3 },
    http: { host: '127.0.0.1', port: 8101 },
    httpToken: undefined,
    zone: '',
    slowMs: 1_000,
    clusterKey: undefined
  })
})

test('a cluster key is 32 bytes or their hex digits', () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => [0x01, 0x23, 0x45, 0x67][i % 4] ?? 0)
  expect(check({ clusterKey: '01234567'.repeat(8) }).clusterKey).toEqual(bytes)
  expect(check({ clusterKey: bytes }).clusterKey).toEqual(bytes)
})

test.each([
  ['127.0.0.1:0', '127.0.0.1', 0],
  ['localhost:80', 'localhost', 80],
  ['[::1]:8101', '::1', 8101],
  ['[0:0:0:0:0:0:0:1]:1', '0:0:0:0:0:0:0:1', 1]
])('http %s needs no token', (http, host, port) => {
  expect(check({ http }).http).toEqual({ host, port })
})

test('http off is none', () => {
  expect(check({ http: 'off' }).http).toBeUndefined()
})

test('beyond loopback a key and a token are needed, or the word for it', () => {
  const open = { listen: ['/ip4/10.0.0.1/tcp/7101'], http: 'off' }
  expect(() => check(open)).toThrow(/cluster key/)
  expect(check({ ...open, clusterKey: KEY }).listen).toEqual(open.listen)
  expect(check({ ...open, insecure: true }).listen).toEqual(open.listen)
  for (const http of ['0.0.0.0:80', '[::]:80', 'example.org:80', '[fe80::1]:80']) {
    expect(() => check({ http })).toThrow(/token/)
    expect(check({ http, httpToken: 'secret' }).http?.port).toBe(80)
  }
})

test.each<[Partial<NodeOptions>, RegExp]>([
  [{ data: '' }, /data/],
  [{ listen: [] }, /listen/],
  [{ listen: ['127.0.0.1:7101'] }, /listen: not a multiaddr/],
  [{ listen: ['/ip4/127.0.0.1/udp/7101'] }, /listen: not a multiaddr/],
  [{ listen: ['/ip4/127.0.0.1/tcp/70000'] }, /listen: not a multiaddr/],
  [{ seeds: ['/ip4/300.0.0.1/tcp/1'] }, /seed: not a multiaddr/],
  [{ seeds: ['/ip4/127.0.0.1/tcp/0'] }, /seed: not a multiaddr/],
  [{ seeds: ['/ip6/1:2:3/tcp/1'] }, /seed: not a multiaddr/],
  [{ seeds: ['/dns4/-/tcp/1'] }, /seed: not a multiaddr/],
  [{ seeds: ['/ip4/127.0.0.1/tcp/1/p2p/0O'] }, /seed: not a multiaddr/],
  [{ announce: ['nonsense'] }, /announce: not a multiaddr/],
  [{ http: '8101' }, /http: not HOST:PORT/],
  [{ http: '127.0.0.1:' }, /http: not HOST:PORT/],
  [{ http: '127.0.0.1:99999' }, /http: not HOST:PORT/],
  [{ http: '::1:80' }, /http: not HOST:PORT/],
  [{ httpToken: 'two words' }, /token/],
  [{ partitions: 48 }, /power of two/],
  [{ partitions: 0 }, /partitions: must be/],
  [{ partitions: 8192 }, /partitions: must be/],
  [{ replicas: 1.5 }, /replicas: must be/],
  [{ slowMs: -1 }, /slow-ms: must be/],
  [{ slowMs: 0.5 }, /slow-ms: must be/],
  [{ expect: 3 }, /--bootstrap/],
  [{ clusterKey: 'abc' }, /64 hex digits/],
  [{ clusterKey: KEY.slice(2) }, /64 hex digits/],
  [{ clusterKey: new Uint8Array(31) }, /64 hex digits/],
  [{ zone: 'z'.repeat(257) }, /zone/],
  [{ zone: 'a\nb' }, /zone: must be one line/]
])('%o is refused', (options, line) => {
  expect(() => check(options)).toThrow(InvalidOptions)
  expect(() => check(options)).toThrow(line)
})

test('names and switches of a program without types are not guessed at', () => {
  const misspelt = { seed: ['/ip4/127.0.0.1/tcp/1'] } as Partial<NodeOptions>
  expect(() => check(misspelt)).toThrow(/^seed: no such option; there are: .*seeds/)
  const text = { bootstrap: 'false' } as unknown as Partial<NodeOptions>
  expect(() => check(text)).toThrow(/^bootstrap: must be true or false/)
})
