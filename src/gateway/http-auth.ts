import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type Failure, failure } from '../wire/failure.ts'

/** Judges the headers of a request: what is wrong with them, or undefined. */
export type Guard = (headers: IncomingHttpHeaders) => Failure | undefined

/**
 * Who may call. Without a token (on loopback only) anybody on the machine, but no web page that a
 * browser there happens to show.
 */
export function guard(token: string | undefined): Guard {
  if (token === undefined) return ofNoForeignPage
  const wanted = digest(token)
  return ({ authorization }) => {
    if (authorization === undefined) return failure('unauthenticated', 'a bearer token is needed')
    const given = /^Bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? ''
    // Digests have one length, so the time taken tells nothing about the token.
    if (timingSafeEqual(digest(given), wanted)) return undefined
    return failure('unauthenticated', 'the bearer token is not the right one')
  }
}

function ofNoForeignPage(headers: IncomingHttpHeaders): Failure | undefined {
  if (headers['sec-fetch-site'] !== 'cross-site') return undefined
  return failure('forbidden', 'web pages of other sites may not call this node')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
