import Table from 'cli-table3'
import { at, whole } from '../../bench/rig/figures.ts'
import type { RoundReport } from './round.ts'

export interface Outcome {
  readonly reports: readonly RoundReport[]
  /** Faults that could not be had here, and why. */
  readonly skipped: ReadonlyMap<string, string>
  readonly anomalies: readonly string[]
  readonly options: { readonly seed: string }
  readonly isApart: boolean
  readonly tookMs: number
}

/** What was done, what was checked, and what came of it. */
export function screen(outcome: Outcome): string {
  const { reports, skipped, anomalies, isApart } = outcome
  const table = new Table({
    head: ['fault', 'rounds', 'strikes', 'answered', 'failed', 'unknown', 'whole again, ms'],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right']
  })
  for (const name of new Set(reports.map(({ fault }) => fault))) {
    table.push(
      row(
        name,
        reports.filter(({ fault }) => fault === name)
      )
    )
  }
  table.push(row('all', reports))
  const minutes = (outcome.tookMs / 60_000).toFixed(1)
  const ground = isApart ? 'namespaces' : 'proxies'
  return [
    table.toString(),
    ...[...skipped].map(([name, why]) => `not done: ${name}: ${why}`),
    `${minutes} minutes, seed ${outcome.options.seed}, ${ground}`,
    anomalies.length === 0 ? 'verdict: no anomaly' : `verdict: ${anomalies.length} ANOMALIES`
  ].join('\n')
}

function row(name: string, reports: readonly RoundReport[]): string[] {
  const sum = (of: (report: RoundReport) => number): string =>
    whole(reports.reduce((total, report) => total + of(report), 0))
  const healed = reports.flatMap(({ healedMs }) => healedMs ?? []).sort((a, b) => a - b)
  return [
    name,
    whole(reports.length),
    sum(({ strikes }) => strikes),
    sum(({ counts }) => counts.ok),
    sum(({ counts }) => counts.failed),
    sum(({ counts }) => counts.unknown),
    healed.length === 0 ? '' : `${whole(at(healed, 0.5))}, at most ${whole(healed.at(-1) ?? 0)}`
  ]
}
