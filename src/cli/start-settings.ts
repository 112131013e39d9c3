import { NODE_DEFAULTS } from '../node/config.ts'
import type { NodeOptions } from '../node/options.ts'
import type { LogLevel } from '../world/log.ts'
import { LOG_LEVELS } from './log-levels.ts'
import {
  choice,
  clusterKeyOf,
  count,
  flag,
  type Given,
  list,
  type Setting,
  type Sources,
  secret,
  setting
} from './settings.ts'

/** Every flag of `keymesh start`; docs/operations.md explains them. */
export const START_SETTINGS: readonly Setting[] = [
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
  count(
    'slowMs',
    'MS',
    `log requests that take so long; 0: none (default ${NODE_DEFAULTS.slowMs})`
  ),
  choice('logLevel', LOG_LEVELS, 'of the JSON lines on stderr (default info)')
]

export interface StartSettings {
  readonly node: NodeOptions
  readonly logLevel: LogLevel
}

/** What `given` means to a node. Reads the files it names. Throws InvalidOptions. */
export function startSettings(given: Given, sources: Sources): StartSettings {
  const text = (name: string): string | undefined => given.get(name) as string | undefined
  const items = (name: string) => given.get(name) as readonly string[] | undefined
  const number = (name: string) => given.get(name) as number | undefined
  const tokenFile = text('httpTokenFile')
  const token = tokenFile === undefined ? undefined : secret('http-token-file', tokenFile)
  const node: NodeOptions = {
    data: text('data') ?? NODE_DEFAULTS.data,
    ...present('listen', items('listen')),
    ...present('announce', items('announce')),
    ...present('seeds', items('seed')),
    ...present('bootstrap', given.get('bootstrap') as boolean | undefined),
    ...present('expect', number('expect')),
    ...present('replicas', number('replicas')),
    ...present('partitions', number('partitions')),
    ...present('http', text('http')),
    ...present('httpToken', token),
    ...present('zone', text('zone')),
    ...present('slowMs', number('slowMs')),
    ...present('clusterKey', clusterKeyOf(given, sources)),
    ...present('insecure', given.get('insecure') as boolean | undefined)
  }
  return { node, logLevel: (text('logLevel') as LogLevel | undefined) ?? 'info' }
}

function present<N extends string, V>(name: N, value: V | undefined): { [K in N]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [K in N]?: V }
}
