import { flagsOf } from '../../cluster/asked.ts'
import { Refused } from '../../cluster/refused.ts'
import { FAULTS } from './faults/all.ts'
import type { Fault } from './faults/fault.ts'

export interface Options {
  readonly minutes: number
  readonly only: readonly Fault[]
  readonly seed: string
  /** 0: 3 or 5, as drawn. */
  readonly nodes: number
  /** Undefined: namespaces if they can be had. */
  readonly network: 'namespaces' | 'proxies' | undefined
  readonly directory: string | undefined
}

export const HELP = `npm run torture -- [options]
  --minutes 10             how long; the round that is under way is finished
  --only A,B               of ${FAULTS.map(({ name }) => name).join(', ')}
  --seed TEXT              of the plan: the same faults in the same order
  --nodes N                3 or 5 (default: as drawn)
  --network KIND           namespaces (root, or unprivileged ones) or proxies (Linux)
  --dir DIR                on which disk the data lie (default: that of temporary files)
  --help
Exit code 1: something was wrong; what is left of it is kept, and where is said.`

const FLAGS = {
  minutes: { type: 'string', default: '10' },
  only: { type: 'string' },
  seed: { type: 'string', default: '1' },
  nodes: { type: 'string', default: '0' },
  network: { type: 'string' },
  dir: { type: 'string' },
  help: { type: 'boolean', default: false }
} as const

/** Undefined: help was asked for. Throws Refused. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { help, ...values } = flagsOf(args, FLAGS, HELP)
  if (help) return undefined
  const { network } = values
  const minutes = Number(values.minutes)
  if (!(minutes > 0 && minutes <= 10_000)) throw new Refused('--minutes: from 0 to 10,000')
  const nodes = Number(values.nodes)
  if (nodes !== 0 && nodes !== 3 && nodes !== 5) throw new Refused('--nodes: 3 or 5')
  if (network !== undefined && network !== 'namespaces' && network !== 'proxies') {
    throw new Refused('--network: namespaces or proxies')
  }
  const { only, seed, dir: directory } = values
  return { minutes, only: chosen(only), seed, nodes, network, directory }
}

function chosen(text: string | undefined): readonly Fault[] {
  if (text === undefined) return FAULTS
  return text.split(',').map((name) => {
    const found = FAULTS.find((fault) => fault.name === name)
    if (found !== undefined) return found
    throw new Refused(`--only: ${FAULTS.map((one) => one.name).join(', ')}, not ${name}`)
  })
}
