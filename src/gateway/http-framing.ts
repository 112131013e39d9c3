import type { IncomingMessage } from 'node:http'
import { type Failure, failure } from '../wire/failure.ts'

/**
 * What is wrong with the head of `request` as a message, whatever it asks for: what another reader
 * on the way here may have understood otherwise. Undefined: nothing.
 */
export function misframed({
  headers,
  httpVersion,
  rawHeaders
}: IncomingMessage): Failure | undefined {
  const { host, expect, 'transfer-encoding': coding } = headers
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return failure('invalid_argument', `this node speaks HTTP/1.1, not HTTP/${httpVersion}`)
  }
  if (host === undefined && httpVersion === '1.1') {
    return failure('invalid_argument', 'a request of HTTP/1.1 has a Host header')
  }
  // Of several Node.js shows the first; a proxy may have gone by the last (RFC 9112, 3.2).
  if (hostsIn(rawHeaders) > 1) {
    return failure('invalid_argument', 'a request has one Host header, not several')
  }
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion === '1.0')) {
    return failure('invalid_argument', 'Transfer-Encoding can only be chunked, in HTTP/1.1')
  }
  if (expect === undefined || expect.toLowerCase() === '100-continue') return undefined
  return failure('invalid_argument', 'Expect can only be 100-continue')
}

/** Names and values alternate. */
function hostsIn(rawHeaders: readonly string[]): number {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts
}
