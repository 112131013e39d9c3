import type { ApiCall } from './api-shape.ts'

/** What a request line names. A `key` is still as it came: percent-encoded, maybe base64url. */
export interface Target<Name extends string> {
  readonly call: Name
  /** What stands in the place of `{…}`; empty without one. */
  readonly key: string
}

/** Undefined: the table has no such call. */
export type Router<Name extends string> = (method: string, url: string) => Target<Name> | undefined

interface Ending<Name extends string> {
  readonly suffix: string
  readonly call: Name
}

/** All paths that are alike up to their `{…}`. */
interface Family<Name extends string> {
  readonly prefix: string
  /** Longest suffix first: what is before a shorter one may end in a longer. */
  readonly byMethod: Map<string, Ending<Name>[]>
}

/**
 * Finds the call of the table that a request line names. A key may hold `/`: only the method tells
 * the action of `/v1/kv/a/increment` from the key of that name.
 */
export function router<Name extends string>(calls: Readonly<Record<Name, ApiCall>>): Router<Name> {
  const plain = new Map<string, Target<Name>>()
  const families: Family<Name>[] = []
  for (const call of Object.keys(calls) as Name[]) {
    const { path, method, head } = calls[call]
    const [prefix = '', suffix] = path.split(/\{[a-z]+\}/i)
    for (const one of head ? [method, 'HEAD'] : [method]) {
      if (suffix === undefined) plain.set(`${one} ${path}`, { call, key: '' })
      else addEnding(families, prefix, one, { suffix, call })
    }
  }
  families.sort((a, b) => b.prefix.length - a.prefix.length)
  return (method, url) => {
    const path = pathOf(url)
    for (const { prefix, byMethod } of families) {
      if (!path.startsWith(prefix)) continue
      for (const { suffix, call } of byMethod.get(method) ?? []) {
        const end = path.length - suffix.length
        // The slash before an action is not the one before the key.
        if (end < prefix.length || !path.endsWith(suffix)) continue
        return { call, key: path.slice(prefix.length, end) }
      }
      return undefined
    }
    return plain.get(`${method} ${path}`)
  }
}

function addEnding<Name extends string>(
  families: Family<Name>[],
  prefix: string,
  method: string,
  ending: Ending<Name>
): void {
  const known = families.find((family) => family.prefix === prefix)
  const family = known ?? { prefix, byMethod: new Map<string, Ending<Name>[]>() }
  if (known === undefined) families.push(family)
  const endings = [...(family.byMethod.get(method) ?? []), ending]
  endings.sort((a, b) => b.suffix.length - a.suffix.length)
  family.byMethod.set(method, endings)
}

/** Proxies send the whole URL in the request line (RFC 9112 §3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/** The host that `url` itself names: it goes before the Host header. Undefined: none. */
export function authorityOf(url: string): string | undefined {
  return url.startsWith('/') ? undefined : ABSOLUTE.exec(url)?.[1]
}

function pathOf(url: string): string {
  const from = url.startsWith('/') ? 0 : (ABSOLUTE.exec(url)?.[0].length ?? 0)
  const at = url.indexOf('?')
  return url.slice(from, at < 0 ? undefined : at)
}
