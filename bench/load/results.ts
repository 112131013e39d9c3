import { rounded, type Spread, spread } from '../rig/figures.ts'
import { Latencies } from '../rig/latencies.ts'
import type { LogSyncs } from '../rig/log-syncs.ts'
import type { Machine } from '../rig/machine.ts'
import type { Failed, Load, Outcome } from './job.ts'
import type { Api } from './options.ts'

/** The file of one run: bench/results/README.md says what each field means. */
export interface Results {
  readonly format: 1
  readonly at: string
  readonly commit: string
  readonly machine: Machine
  readonly settings: {
    readonly nodes: number
    readonly partitions: number
    readonly keys: number
    readonly valueBytes: number
    readonly seconds: number
    readonly rampSeconds: number
    readonly rounds: number
    readonly warmUpSeconds: number
  }
  /** Its version; null: it was not measured. */
  readonly etcd: string | null
  readonly figures: readonly Figures[]
}

export interface Percentiles {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/** CPU time per operation in microseconds; null where it cannot be told. */
export interface Cpu {
  readonly total: number | null
  readonly nodes: readonly (number | null)[]
  readonly generator: number
}

export interface Figures {
  readonly api: Api
  readonly load: Load
  readonly inFlight: number
  /** What the server said when it does not offer this load at all; nothing was measured then. */
  readonly refused: string | null
  readonly perSecond: Spread
  /** Of the operations of all rounds together. */
  readonly ms: Percentiles
  readonly cpuMicros: Cpu
  /** Of all nodes, ramps included; null: of etcd. */
  readonly logSyncs: LogSyncs | null
  readonly failed: readonly Failed[]
  readonly rounds: readonly {
    readonly perSecond: number
    readonly ms: Percentiles
    readonly cpuMicros: Cpu
  }[]
}

export type Subject = Pick<Figures, 'api' | 'load' | 'inFlight' | 'refused'>

/** All rounds of one load in one. */
export function figuresOf(
  subject: Subject,
  outcomes: readonly Outcome[]
): Omit<Figures, 'logSyncs'> {
  const perSecond = spread(outcomes.map(({ operations, seconds }) => operations / seconds))
  return {
    ...subject,
    perSecond: {
      median: rounded(perSecond.median),
      min: rounded(perSecond.min),
      max: rounded(perSecond.max)
    },
    ms: percentiles(outcomes),
    cpuMicros: cpuOf(outcomes),
    failed: together(outcomes.flatMap(({ failed }) => failed)),
    rounds: outcomes.map((outcome) => ({
      perSecond: rounded(outcome.operations / outcome.seconds),
      ms: percentiles([outcome]),
      cpuMicros: cpuOf([outcome])
    }))
  }
}

function percentiles(outcomes: readonly Outcome[]): Percentiles {
  const all = new Latencies()
  for (const { latencies } of outcomes) all.addEncoded(latencies)
  return { p50: rounded(all.at(0.5)), p99: rounded(all.at(0.99)), p999: rounded(all.at(0.999)) }
}

function cpuOf(outcomes: readonly Outcome[]): Cpu {
  const operations = sum(outcomes.map((outcome) => outcome.operations))
  const per = (micros: number): number => rounded(micros / Math.max(1, operations))
  const generator = sum(outcomes.map(({ ownMicros }) => ownMicros))
  const processes = outcomes[0]?.cpuMicros.length ?? 0
  const nodes = Array.from({ length: processes }, (_, i) => {
    const each = outcomes.map(({ cpuMicros }) => cpuMicros[i] ?? null)
    return each.includes(null) ? null : sum(each.map((micros) => micros ?? 0))
  })
  const total = nodes.includes(null) ? null : generator + sum(nodes.map((micros) => micros ?? 0))
  return {
    total: total === null ? null : per(total),
    nodes: nodes.map((micros) => (micros === null ? null : per(micros))),
    generator: per(generator)
  }
}

function together(failed: readonly Failed[]): Failed[] {
  const byCode = new Map<string, Failed>()
  for (const one of failed) {
    const known = byCode.get(one.code)
    byCode.set(one.code, known === undefined ? one : { ...known, count: known.count + one.count })
  }
  return [...byCode.values()]
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
