import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type Failure, failure } from '../wire/failure.ts'
import { authorityOf } from './routing.ts'

/**
 * Judges the head of a request, whose `url` is as it stood in the request line: what is wrong with
 * it, or undefined.
 */
export type Guard = (headers: IncomingHttpHeaders, url: string) => Failure | undefined

/**
 * Who may call the API that listens on `place`. Without a token anybody on the machine, but no web
 * page that a browser there happens to show.
 */
export function guard(place: string, token: string | undefined): Guard {
  if (token === undefined) return noForeignPage(place)
  const wanted = digest(token)
  return ({ authorization }) => {
    if (authorization === undefined) return failure('unauthenticated', 'a bearer token is needed')
    const given = /^Bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? ''
    // Digests have one length, so the time taken tells nothing about the token.
    if (timingSafeEqual(digest(given), wanted)) return undefined
    return failure('unauthenticated', 'the bearer token is not the right one')
  }
}

/**
 * A page tells its origin, or the site it comes from. One whose name was made to point here (DNS
 * rebinding) is of the same origin to its browser, but the Host it sends is its own name.
 */
function noForeignPage(place: string): Guard {
  const listened = hostOf(`http://${place.includes(':') ? `[${place}]` : place}`)?.hostname
  // Beyond loopback without a token (--insecure) any name may be that of this machine.
  const isOpen = !isLoopback(listened ?? '')
  /** The last host that was let in. */
  let usual: string | undefined
  return (headers, url) => {
    if (headers['sec-fetch-site'] === 'cross-site') {
      return failure('forbidden', 'web pages of other sites may not call this node')
    }
    const named = authorityOf(url) ?? headers.host
    // What nearly every request says, without a closer look.
    if (named === usual && headers.origin === undefined) return undefined
    const host = named === undefined ? undefined : hostOf(`http://${named}`)
    const isOurs = isOpen || host?.hostname === listened || isLoopback(host?.hostname ?? '')
    if (named !== undefined && !isOurs) {
      return failure('forbidden', 'without a token this node is called by a loopback name only')
    }
    if (headers.origin !== undefined && (!host || hostOf(headers.origin)?.host !== host.host)) {
      return failure('forbidden', 'web pages of other origins may not call this node')
    }
    usual = named ?? usual
    return undefined
  }
}

/** Undefined: it is no such URL, as the origin `null` of a sandboxed page. */
function hostOf(url: string): URL | undefined {
  return URL.parse(url) ?? undefined
}

/** A host name as URL gives it: in lower case, addresses in their canonical form. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}
