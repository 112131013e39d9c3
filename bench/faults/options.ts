import { chosen, flagsOf } from '../../cluster/asked.ts'
import { Refused } from '../../cluster/refused.ts'

export type Experiment = 'failover' | 'coordinator' | 'stop' | 'idle' | 'overload'

export interface Options {
  readonly only: readonly Experiment[]
  readonly nodes: number
  readonly partitions: number
  readonly kills: number
  /** Before an idle cluster is measured. */
  readonly settleSeconds: number
  readonly idleSeconds: number
  /** Between the two measurements of an idle cluster. */
  readonly loadSeconds: number
  readonly overloadSeconds: number
  readonly overloadInFlight: number
  /** Before a caller who was refused comes back. */
  readonly overloadPauseMs: number
  readonly directory: string | undefined
  readonly json: string | undefined
}

export const HELP = `npm run bench:faults -- [options]
  --only failover,coordinator,stop,idle,overload
  --nodes 3  --partitions 64
  --kills 12               SIGKILLs, of one node after the other
  --idle-seconds 60        measured at rest, after 20 s of settling
  --overload-seconds 60    --in-flight 5000 calls at a time, half of them over HTTP
  --pause 20               ms before a refused caller comes back; Retry-After asks for 1000
  --dir DIR                on which disk the data lie (default: that of temporary files)
  --json FILE              where figures go
  --quick                  the same in small: does it work at all?
  --help
Exit code 1: a target was missed, or nothing could be measured.`

const EXPERIMENTS: readonly Experiment[] = ['failover', 'coordinator', 'stop', 'idle', 'overload']

const FLAGS = {
  only: { type: 'string', default: EXPERIMENTS.join(',') },
  nodes: { type: 'string' },
  partitions: { type: 'string' },
  kills: { type: 'string' },
  'idle-seconds': { type: 'string' },
  'overload-seconds': { type: 'string' },
  'in-flight': { type: 'string' },
  pause: { type: 'string' },
  dir: { type: 'string' },
  json: { type: 'string' },
  quick: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false }
} as const

/** Undefined: help was asked for. Throws Refused. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const values = flagsOf(args, FLAGS, HELP)
  if (values.help) return undefined
  const number = (name: string, text: string | undefined, usual: number, max = 10_000): number => {
    const value = Number(text ?? usual)
    if (Number.isInteger(value) && value >= 1 && value <= max) return value
    throw new Refused(`--${name}: a whole number from 1 to ${max}, not ${text}`)
  }
  const { quick } = values
  return {
    only: chosen('only', values.only, EXPERIMENTS),
    nodes: number('nodes', values.nodes, 3, 9),
    partitions: number('partitions', values.partitions, 64, 4_096),
    kills: number('kills', values.kills, quick ? 2 : 12),
    settleSeconds: quick ? 3 : 20,
    idleSeconds: number('idle-seconds', values['idle-seconds'], quick ? 5 : 60),
    loadSeconds: quick ? 5 : 30,
    overloadSeconds: number('overload-seconds', values['overload-seconds'], quick ? 9 : 60),
    overloadInFlight: number('in-flight', values['in-flight'], quick ? 1_000 : 5_000),
    overloadPauseMs: number('pause', values.pause, 20),
    directory: values.dir,
    json: values.json
  }
}
