import { InvalidOptions } from '../node/options.ts'
import { TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX } from '../wire/limits.ts'
import {
  choice,
  clusterKeyOf,
  duration,
  flag,
  type Given,
  list,
  type Setting,
  type Sources,
  setting
} from './settings.ts'

/** What every command that talks to a cluster can be told. */
export const CLIENT_SETTINGS: readonly Setting[] = [
  list('seed', 'MULTIADDR', 'a node to find the cluster through (default /ip4/127.0.0.1/tcp/7101)'),
  setting('clusterKeyFile', 'FILE', 'file with the pre-shared key of the cluster (64 hex digits)'),
  duration('timeout', 'for connecting, and again for the call, as 500ms, 10s, 5m (default 5s)'),
  flag('json', 'one line of JSON on stdout, errors too')
]

/** Of commands that read values. */
export const CONSISTENCY = choice(
  'consistency',
  ['strong', 'session', 'eventual'],
  'how new the answer must be (default strong)'
)

/** How a command reaches its cluster. */
export interface Connection {
  /** Undefined: the client's own default. */
  readonly seeds: readonly string[] | undefined
  readonly clusterKey: string | undefined
  readonly timeoutMs: number
}

/** Reads the files that `given` names. Throws InvalidOptions. */
export function connectionOf(given: Given, sources: Sources): Connection {
  const timeoutMs = (given.get('timeout') as number | undefined) ?? TIMEOUT_MS_DEFAULT
  if (!(timeoutMs >= 1 && timeoutMs <= TIMEOUT_MS_MAX)) {
    throw new InvalidOptions(`timeout: must be from 1ms to ${TIMEOUT_MS_MAX / 60_000}m`)
  }
  return {
    seeds: given.get('seed') as readonly string[] | undefined,
    clusterKey: clusterKeyOf(given, sources),
    timeoutMs
  }
}
