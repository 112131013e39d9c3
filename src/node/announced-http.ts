/** What listens on every address of a machine has none of its own. */
const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '[::]'])

/**
 * What other machines are told of an HTTP API that listens at `url`: itself, or, if it listens
 * everywhere, the host by which others reach the node's libp2p (`addresses` are multiaddrs). Empty:
 * it has none that anybody could use.
 */
export function announcedHttp(url: URL, addresses: readonly string[]): string {
  if (!EVERYWHERE.has(url.hostname)) return url.origin
  const hosts = addresses.flatMap((address) => hostIn(address) ?? [])
  const host = hosts.find((one) => !isLoopback(one)) ?? hosts[0]
  if (host === undefined) return ''
  return `${url.protocol}//${host}:${url.port || '80'}`
}

function hostIn(address: string): string | undefined {
  const [, kind, host] = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)/.exec(address) ?? []
  if (host === undefined) return undefined
  const written = kind === 'ip6' ? `[${host}]` : host
  return EVERYWHERE.has(written) ? undefined : written
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.')
}
