import fc from 'fast-check'
import { expect, test } from 'vitest'
import { API } from '../../../src/gateway/api.ts'
import { authorityOf, router } from '../../../src/gateway/routing.ts'

const route = router(API)

test.each([
  ['GET', '/v1/kv/a', 'get', 'a'],
  ['HEAD', '/v1/kv/a', 'get', 'a'],
  ['GET', '/v1/kv/a/b%2Fc?timeout=1', 'get', 'a/b%2Fc'],
  ['GET', '/v1/kv/a/increment', 'get', 'a/increment'],
  ['PUT', '/v1/kv/a/increment', 'put', 'a/increment'],
  ['POST', '/v1/kv/a/increment', 'increment', 'a'],
  ['POST', '/v1/kv/a/increment/increment?x', 'increment', 'a/increment'],
  ['POST', '/v1/kv//increment', 'increment', ''],
  ['GET', '/v1/kv/', 'get', ''],
  ['GET', '/v1/kv/?', 'get', ''],
  ['GET', '/v1/kv//', 'get', '/'],
  ['GET', '/v1/cluster?timeout=5', 'cluster', ''],
  ['GET', '/livez', 'livez', ''],
  ['GET', '/healthz', 'healthz', ''],
  ['GET', '/readyz', 'readyz', ''],
  ['GET', '/openapi.json', 'openapi', ''],
  ['GET', 'http://127.0.0.1:8101/livez', 'livez', ''],
  ['PUT', 'HTTP://a/v1/kv/b?ttl=1', 'put', 'b']
])('%s %s is %s of %j', (method, url, call, key) => {
  expect(route(method, url)).toEqual({ call, key })
})

test.each([
  ['POST', '/v1/kv/a'],
  ['POST', '/v1/kv/increment'],
  ['PATCH', '/v1/kv/a'],
  ['OPTIONS', '/v1/kv/a'],
  ['PUT', '/v1/kv'],
  ['GET', '/get'],
  ['PUT', '/livez'],
  ['OPTIONS', '*'],
  ['GET', 'http://a?x'],
  ['GET', '//v1/kv/a'],
  ['get', '/v1/kv/a'],
  ['GET', '']
])('%s %s is no call', (method, url) => {
  expect(route(method, url)).toBeUndefined()
})

test('whatever stands in a request line, it names one call or none', () => {
  fc.assert(
    fc.property(fc.constantFrom('GET', 'POST', 'x'), fc.string(), (method, text) => {
      for (const url of [text, `/v1/kv/${text}`]) {
        const target = route(method, url)
        if (target !== undefined) expect(API).toHaveProperty(target.call)
      }
    })
  )
})

test('only a whole URL names a host', () => {
  expect(authorityOf('http://a:1/b')).toBe('a:1')
  expect(authorityOf('HTTPS://a?b')).toBe('a')
  expect(authorityOf('/http://a/b')).toBeUndefined()
  expect(authorityOf('*')).toBeUndefined()
})
