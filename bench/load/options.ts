import { chosen, flagsOf } from '../../cluster/asked.ts'
import { Refused } from '../../cluster/refused.ts'
import { isTransaction, LOADS, type Load, USUAL_LOADS } from './job.ts'

export type Api = 'client' | 'http' | 'etcd'

export interface Options {
  readonly seconds: number
  readonly rampMs: number
  /** Of each load before the first round, not counted. */
  readonly warmUpSeconds: number
  readonly rounds: number
  readonly only: readonly Api[]
  readonly loads: readonly Load[]
  /** Undefined: those of each API. */
  readonly inFlight: readonly number[] | undefined
  readonly nodes: number
  readonly partitions: number
  readonly keys: number
  readonly valueBytes: number
  /** Where the data of all nodes lie while it runs. */
  readonly directory: string | undefined
  /** Where the figures go; undefined: where they always go. */
  readonly json: string | undefined
  readonly isQuick: boolean
}

export const HELP = `npm run bench -- [options]
  --seconds 5              measured per load and round, after a warm-up of a fifth
  --rounds 3               each round runs all loads once, interleaved
  --warm-up 4              seconds of each load before the first round, not counted
  --only client,http,etcd  what to measure; etcd needs an etcd on the PATH
  --loads put,get,eventual,mix,txn,tagged,rmw
                           what to ask for; npm run bench:txn: put and the last three;
                           lock and handover, of the client only: npm run bench:locks
  --in-flight 1,64         calls at a time (default: client 1,64,256; HTTP 1,48,256 connections)
  --nodes 3                nodes of each cluster
  --partitions 64          of KeyMesh
  --keys 20000             distinct keys
  --value-bytes 100        of each value
  --dir DIR                on which disk the data lie (default: that of temporary files)
  --json FILE              where figures go, FILE.svg beside it
                           (default: bench/results/DATE-COMMIT.json; with --quick: nowhere)
  --quick                  one round of one second at one number in flight: does it work at all?
  --help`

const APIS: readonly Api[] = ['client', 'http', 'etcd']
const IN_FLIGHT_MAX = 1_000
const KEYS_MAX = 999_999

const FLAGS = {
  seconds: { type: 'string' },
  rounds: { type: 'string' },
  'warm-up': { type: 'string' },
  only: { type: 'string', default: APIS.join(',') },
  loads: { type: 'string', default: USUAL_LOADS.join(',') },
  'in-flight': { type: 'string' },
  nodes: { type: 'string', default: '3' },
  partitions: { type: 'string', default: '64' },
  keys: { type: 'string', default: '20000' },
  'value-bytes': { type: 'string', default: '100' },
  dir: { type: 'string' },
  json: { type: 'string' },
  quick: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false }
} as const

/** Undefined: help was asked for. Throws Refused. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const values = flagsOf(args, FLAGS, HELP)
  if (values.help) return undefined
  const isQuick = values.quick
  const text = (given: string | undefined, usual: number, quick: number): number =>
    given === undefined ? (isQuick ? quick : usual) : Number(given)
  const seconds = text(values.seconds, 5, 1)
  if (!(seconds >= 0.1 && seconds <= 600)) throw new Refused('--seconds: from 0.1 to 600')
  const warmUpSeconds = text(values['warm-up'], 4, 1)
  if (!(warmUpSeconds >= 0.1 && warmUpSeconds <= 600)) {
    throw new Refused('--warm-up: from 0.1 to 600')
  }
  const loads = chosen('loads', values.loads, LOADS)
  const keys = count('keys', values.keys, KEYS_MAX)
  if (keys < 2 && loads.some(isTransaction)) throw new Refused('--keys: a transaction takes two')
  const inFlight = values['in-flight']?.split(',').map((n) => count('in-flight', n, IN_FLIGHT_MAX))
  return {
    seconds,
    rampMs: seconds * 200,
    warmUpSeconds,
    rounds: count('rounds', String(text(values.rounds, 3, 1)), 100),
    only: chosen('only', values.only, APIS),
    loads,
    inFlight,
    nodes: count('nodes', values.nodes, 9),
    partitions: count('partitions', values.partitions, 4_096),
    keys,
    valueBytes: count('value-bytes', values['value-bytes'], 1_048_576),
    directory: values.dir,
    json: values.json,
    isQuick
  }
}

function count(name: string, text: string, max: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value
  throw new Refused(`--${name}: a whole number from 1 to ${max}, not ${text}`)
}
