import fs from 'node:fs'
import { NODE_DEFAULTS } from '../node/config.ts'
import { InvalidOptions, type NodeOptions } from '../node/options.ts'
import type { LogLevel } from '../world/log.ts'
import { LOG_LEVELS } from './log.ts'

type Kind = 'text' | 'list' | 'count' | 'switch'

interface Setting {
  /** As in the configuration file; the flag is the same in kebab-case. */
  readonly name: string
  readonly kind: Kind
  /** What stands after the flag in the help. */
  readonly value?: string
  readonly help: string
}

/** Every flag of `keymesh start`; docs/operations.md explains them. */
export const SETTINGS = [
  setting('data', 'DIR', `everything the node keeps (default ${NODE_DEFAULTS.data})`),
  list('listen', 'MULTIADDR', `libp2p listen address (default ${NODE_DEFAULTS.listen})`),
  list('announce', 'MULTIADDR', 'address told to others (default: what it listens on)'),
  list('seed', 'MULTIADDR', 'a node to find the mesh through'),
  flag('bootstrap', 'form a new cluster; on exactly one node'),
  count('expect', 'N', 'with --bootstrap: form it once N nodes have joined (default 1)'),
  count(
    'replicas',
    'N',
    `replication factor, set at bootstrap (default ${NODE_DEFAULTS.replicas})`
  ),
  count(
    'partitions',
    'P',
    `a power of two, set at bootstrap (default ${NODE_DEFAULTS.partitions})`
  ),
  setting('http', 'HOST:PORT', `HTTP API, or off (default ${NODE_DEFAULTS.http})`),
  setting('httpTokenFile', 'FILE', 'file with the bearer token HTTP callers must send'),
  setting('zone', 'NAME', 'failure domain; replicas spread over zones'),
  setting('clusterKeyFile', 'FILE', 'file with the pre-shared key of the cluster (64 hex digits)'),
  flag('insecure', 'allow to listen beyond loopback without key or token'),
  setting('logLevel', 'LEVEL', `${LOG_LEVELS.join(', ')} (default info)`)
] as const satisfies readonly Setting[]

type Value = string | readonly string[] | boolean
export type Given = ReadonlyMap<string, Value>

/** Where settings come from, the strongest first. `flags` by their camelCase names. */
export interface Sources {
  readonly flags: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, string | undefined>>
}

export interface StartSettings {
  readonly node: NodeOptions
  readonly logLevel: LogLevel
}

/** Flags beat environment beats the file of `--config`. Throws InvalidOptions. */
export function startSettings(sources: Sources): StartSettings {
  const given = gather(sources)
  const text = (name: string): string | undefined => given.get(name) as string | undefined
  const items = (name: string) => given.get(name) as readonly string[] | undefined
  const logLevel = text('logLevel') ?? 'info'
  if (!isLevel(logLevel)) refuse(`log-level: must be one of ${LOG_LEVELS.join(', ')}`)
  const clusterKey = clusterKeyOf(given, sources)
  const tokenFile = text('httpTokenFile')
  const node: NodeOptions = {
    data: text('data') ?? NODE_DEFAULTS.data,
    ...present('listen', items('listen')),
    ...present('announce', items('announce')),
    ...present('seeds', items('seed')),
    ...present('bootstrap', given.get('bootstrap') as boolean | undefined),
    ...present('expect', numberOf(given, 'expect')),
    ...present('replicas', numberOf(given, 'replicas')),
    ...present('partitions', numberOf(given, 'partitions')),
    ...present('http', text('http')),
    ...present(
      'httpToken',
      tokenFile === undefined ? undefined : secret('http-token-file', tokenFile)
    ),
    ...present('zone', text('zone')),
    ...present('clusterKey', clusterKey),
    ...present('insecure', given.get('insecure') as boolean | undefined)
  }
  return { node, logLevel }
}

function gather({ flags, environment }: Sources): Given {
  const file = flags.config ?? environment.KEYMESH_CONFIG
  const fromFile = typeof file === 'string' ? configFile(file) : new Map<string, unknown>()
  const given = new Map<string, Value>()
  for (const setting of SETTINGS) {
    const { name } = setting
    const variable = environment[variableOf(name)]
    const value =
      flags[name] !== undefined
        ? checked(setting, flags[name], `--${kebab(name)}`)
        : variable !== undefined && variable !== ''
          ? checked(setting, variable, variableOf(name))
          : checked(setting, fromFile.get(name), `${name} in ${file}`)
    if (value !== undefined) given.set(name, value)
  }
  return given
}

/** The value in the form of its kind; text is what flags and environment bring. */
function checked({ kind }: Setting, value: unknown, where: string): Value | undefined {
  if (value === undefined) return undefined
  if (kind === 'switch') {
    if (typeof value === 'boolean') return value
    if (value === 'true' || value === '1') return true
    if (value === 'false' || value === '0') return false
    refuse(`${where}: must be true or false`)
  }
  if (kind === 'list') {
    const items = typeof value === 'string' ? value.split(',').map((item) => item.trim()) : value
    if (Array.isArray(items) && items.every((item) => typeof item === 'string')) {
      return items.flatMap((item) => item.split(','))
    }
    refuse(`${where}: must be text or a list of texts`)
  }
  if (kind === 'count' && typeof value === 'number') return String(value)
  if (typeof value !== 'string')
    refuse(`${where}: must be ${kind === 'count' ? 'a number' : 'text'}`)
  if (value.trim() === '') refuse(`${where}: is empty`)
  return value
}

function configFile(file: string): ReadonlyMap<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(read('config', file))
  } catch (cause) {
    if (cause instanceof InvalidOptions) throw cause
    refuse(`config: ${file} is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse(`config: ${file} does not hold a JSON object`)
  }
  const strange = Object.keys(value).find((name) => !SETTINGS.some((known) => known.name === name))
  if (strange !== undefined) refuse(`config: ${file} has an unknown setting ${strange}`)
  return new Map(Object.entries(value))
}

/** A flag names a file; the environment may hold the key itself. */
function clusterKeyOf(given: Given, { flags, environment }: Sources): string | undefined {
  const key = environment.KEYMESH_CLUSTER_KEY
  if (flags.clusterKeyFile === undefined && key !== undefined && key !== '') {
    if ((environment.KEYMESH_CLUSTER_KEY_FILE ?? '') === '') return key.trim()
    refuse('give either KEYMESH_CLUSTER_KEY or KEYMESH_CLUSTER_KEY_FILE')
  }
  const file = given.get('clusterKeyFile') as string | undefined
  return file === undefined ? undefined : secret('cluster-key-file', file)
}

/** The one line of a file. */
function secret(name: string, file: string): string {
  const text = read(name, file).trim()
  if (text === '') refuse(`${name}: ${file} is empty`)
  return text
}

function read(name: string, file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InvalidOptions(`${name}: cannot read ${file}: ${reason}`, { cause })
  }
}

function numberOf(given: Given, name: string): number | undefined {
  const text = given.get(name) as string | undefined
  if (text === undefined) return undefined
  return /^\d{1,9}$/.test(text) ? Number(text) : refuse(`${name}: not a whole number: ${text}`)
}

function present<N extends string, V>(name: N, value: V | undefined): { [K in N]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [K in N]?: V }
}

function isLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text)
}

export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function variableOf(name: string): string {
  return `KEYMESH_${kebab(name).replace(/-/g, '_').toUpperCase()}`
}

function setting(name: string, value: string, help: string): Setting {
  return { name, kind: 'text', value, help }
}

function list(name: string, value: string, help: string): Setting {
  return { name, kind: 'list', value, help: `${help}; repeatable` }
}

function count(name: string, value: string, help: string): Setting {
  return { name, kind: 'count', value, help }
}

function flag(name: string, help: string): Setting {
  return { name, kind: 'switch', help }
}

function refuse(message: string): never {
  throw new InvalidOptions(message)
}
