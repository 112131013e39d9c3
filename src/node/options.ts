import { TIMEOUT_MS_MAX } from '../wire/limits.ts'
import type { Logger } from '../world/log.ts'
import { NODE_DEFAULTS } from './config.ts'
import type { FormingOptions } from './membership.ts'

/** How a node is started; see docs/operations.md. All but `data` have defaults. */
export interface NodeOptions {
  /** Directory of everything the node keeps, its private key included. Created if need be. */
  readonly data: string
  /** libp2p multiaddrs over tcp; port 0 takes a free one. Default `/ip4/127.0.0.1/tcp/7101`. */
  readonly listen?: readonly string[]
  /** Told to others instead of what we listen on. */
  readonly announce?: readonly string[]
  /** Nodes to find the mesh through; the `/p2p/ID` suffix is optional. */
  readonly seeds?: readonly string[]
  /** On exactly one node: form a new cluster. Harmless on every later start. */
  readonly bootstrap?: boolean
  /** With `bootstrap`: how many nodes to wait for, this one included. Default 1. */
  readonly expect?: number
  /** Fixed by the first write of a cluster. A power of two up to 4,096; default 64. */
  readonly partitions?: number
  /** Copies of each partition. Default 3. */
  readonly replicas?: number
  /** `HOST:PORT` of the HTTP API, port 0 for a free one, or `off`. Default `127.0.0.1:8101`. */
  readonly http?: string
  /** HTTP callers must send it as `Authorization: Bearer`. Required off loopback. */
  readonly httpToken?: string
  /** Failure domain: replicas spread over zones. */
  readonly zone?: string
  /** Admits nodes and libp2p clients: 32 bytes, or their 64 hex digits. Required off loopback. */
  readonly clusterKey?: string | Uint8Array
  /** Allows to listen beyond loopback without key or token. Danger: anybody may then write. */
  readonly insecure?: boolean
  /** Requests that take so many ms are logged; 0: none is. Default 1,000. */
  readonly slowMs?: number
  readonly logger?: Logger
  /** The node can go on no longer and has closed: 1 for a fault, 2 for a configuration. */
  readonly onFatal?: (fault: Error, exitCode: 1 | 2) => void
}

export interface HttpPlace {
  readonly host: string
  readonly port: number
}

/** NodeOptions that may be relied on. */
export interface CheckedOptions {
  readonly data: string
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly seeds: readonly string[]
  readonly forming: FormingOptions
  readonly http: HttpPlace | undefined
  readonly httpToken: string | undefined
  readonly zone: string
  readonly slowMs: number
  readonly clusterKey: Uint8Array | undefined
}

/** The options cannot work; the message is one line for the operator. */
export class InvalidOptions extends Error {
  override readonly name = 'InvalidOptions'
}

/** With `codec`, which `createNode` takes beside them. */
const NAMES: Readonly<Record<keyof NodeOptions | 'codec', true>> = {
  data: true,
  listen: true,
  announce: true,
  seeds: true,
  bootstrap: true,
  expect: true,
  partitions: true,
  replicas: true,
  http: true,
  httpToken: true,
  zone: true,
  clusterKey: true,
  insecure: true,
  slowMs: true,
  logger: true,
  onFatal: true,
  codec: true
}

const ADDRESS =
  /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})(\/p2p\/[1-9A-HJ-NP-Za-km-z]+)?$/
const IP4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/
const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*$/
const PORT_MAX = 65_535
const PARTITIONS_MAX = 4_096
const REPLICAS_MAX = 15
const EXPECT_MAX = 1_000
const ZONE_BYTES_MAX = 256
const KEY_BYTES = 32

/** Validates once what everything below trusts. Throws InvalidOptions. */
export function checkOptions(options: NodeOptions): CheckedOptions {
  checkNames(options)
  if (typeof options.data !== 'string' || options.data === '') refuse('data: name a directory')
  const clusterKey = checkClusterKey(options.clusterKey)
  const httpToken = checkToken(options.httpToken)
  const listen = options.listen ?? NODE_DEFAULTS.listen
  const http = checkHttp(options.http ?? NODE_DEFAULTS.http)
  for (const address of listen) checkAddress('listen', address, 0)
  if (listen.length === 0) refuse('listen: give at least one address')
  for (const address of options.announce ?? []) checkAddress('announce', address, 1)
  for (const address of options.seeds ?? []) checkAddress('seed', address, 1)
  if (options.insecure !== true) {
    const open = listen.find((address) => !isLoopback(hostOf(address)))
    if (open !== undefined && clusterKey === undefined) {
      refuse(`listen: ${open} is reachable from other machines: give a cluster key, or --insecure`)
    }
    if (http !== undefined && !isLoopback(http.host) && httpToken === undefined) {
      refuse(`http: ${http.host} is reachable from other machines: give a token, or --insecure`)
    }
  }
  const zone = options.zone ?? ''
  if (new TextEncoder().encode(zone).length > ZONE_BYTES_MAX) {
    refuse(`zone: at most ${ZONE_BYTES_MAX} bytes`)
  }
  if (/\p{Cc}/u.test(zone)) refuse('zone: must be one line of text')
  return {
    data: options.data,
    listen,
    announce: options.announce ?? [],
    seeds: options.seeds ?? [],
    forming: checkForming(options),
    http,
    httpToken,
    zone,
    slowMs: checkSlow(options.slowMs ?? NODE_DEFAULTS.slowMs),
    clusterKey
  }
}

/** A misspelt name would be passed over in silence, and `'false'` taken for true. */
function checkNames(options: NodeOptions): void {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(NAMES, name)) {
      refuse(`${name}: no such option; there are: ${Object.keys(NAMES).join(', ')}`)
    }
  }
  for (const name of ['bootstrap', 'insecure'] as const) {
    const value: unknown = options[name]
    if (value !== undefined && typeof value !== 'boolean') refuse(`${name}: must be true or false`)
  }
}

function checkForming(options: NodeOptions): FormingOptions {
  const bootstrap = options.bootstrap ?? false
  const { expect: least, partitions: parts, replicas: copies } = NODE_DEFAULTS
  const expect = checkCount('expect', options.expect ?? least, EXPECT_MAX)
  const replicas = checkCount('replicas', options.replicas ?? copies, REPLICAS_MAX)
  const partitions = checkCount('partitions', options.partitions ?? parts, PARTITIONS_MAX)
  if ((partitions & (partitions - 1)) !== 0) {
    refuse(`partitions: must be a power of two, not ${partitions}`)
  }
  if (expect > 1 && !bootstrap) refuse('expect: only together with --bootstrap')
  return { bootstrap, expect, partitions, replicas }
}

function checkSlow(ms: number): number {
  if (Number.isSafeInteger(ms) && ms >= 0 && ms <= TIMEOUT_MS_MAX) return ms
  refuse(`slow-ms: must be a whole number up to ${TIMEOUT_MS_MAX}, not ${ms}`)
}

function checkCount(name: string, value: number, max: number): number {
  if (!Number.isSafeInteger(value) || value < 1 || value > max) {
    refuse(`${name}: must be a whole number from 1 to ${max}, not ${value}`)
  }
  return value
}

function checkAddress(name: string, address: string, leastPort: 0 | 1): void {
  const [, protocol = '', host = '', port = ''] = ADDRESS.exec(address) ?? []
  const known = protocol === 'ip4' ? IP4.test(host) : protocol === 'ip6' ? isIp6(host) : true
  const named = !protocol.startsWith('dns') || HOST_NAME.test(host)
  const fits = Number(port) <= PORT_MAX && Number(port) >= leastPort
  if (protocol === '' || !known || !named || !fits) refuse(noMultiaddr(name, address))
}

/** What whoever gave `address` as `name` is told. */
export function noMultiaddr(name: string, address: string): string {
  return `${name}: not a multiaddr like /ip4/127.0.0.1/tcp/7101: ${JSON.stringify(address)}`
}

function checkHttp(text: string): HttpPlace | undefined {
  if (text === 'off') return undefined
  const at = text.lastIndexOf(':')
  const port = text.slice(at + 1)
  const host = text.slice(0, Math.max(at, 0)).replace(/^\[(.*)\]$/, '$1')
  const bracketed = text.startsWith('[')
  const known = bracketed ? isIp6(host) : IP4.test(host) || HOST_NAME.test(host)
  if (!known || !/^\d{1,5}$/.test(port) || Number(port) > PORT_MAX) {
    refuse(`http: not HOST:PORT or off: ${JSON.stringify(text)}`)
  }
  return { host, port: Number(port) }
}

/** Eight groups of hex digits, one run of which may be `::`; a zone (`%eth0`) may follow. */
function isIp6(host: string): boolean {
  const parts = host.replace(/%.+$/, '').split('::')
  if (parts.length > 2) return false
  const groups = parts.flatMap((part) => (part === '' ? [] : part.split(':')))
  const complete = parts.length === 2 ? groups.length < 8 : groups.length === 8
  return complete && groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))
}

function hostOf(address: string): string {
  return ADDRESS.exec(address)?.[2] ?? ''
}

function isLoopback(host: string): boolean {
  if (IP4.test(host)) return host.startsWith('127.')
  return host === 'localhost' || /^(0{0,4}:){2,7}0{0,3}1$/.test(host)
}

function checkClusterKey(key: string | Uint8Array | undefined): Uint8Array | undefined {
  if (key === undefined) return undefined
  const bytes = typeof key === 'string' ? hexBytes(key) : key
  if (bytes?.length !== KEY_BYTES) {
    refuse('cluster key: must be 64 hex digits, as `openssl rand -hex 32` prints')
  }
  return bytes
}

function hexBytes(text: string): Uint8Array | undefined {
  if (!/^([0-9A-Fa-f]{2})*$/.test(text)) return undefined
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  )
}

function checkToken(token: string | undefined): string | undefined {
  if (token === undefined) return undefined
  if (!/^[\x21-\x7e]{1,1024}$/.test(token)) {
    refuse('http token: must be 1 to 1,024 printable ASCII characters without a space')
  }
  return token
}

function refuse(message: string): never {
  throw new InvalidOptions(message)
}
