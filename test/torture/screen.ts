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

const COLUMNS = [
  'fault',
  'rounds',
  'strikes',
  'answered',
  'failed',
  'unknown',
  'committed',
  'whole again, ms',
  'gone, ms'
] as const

/** What was done, what was checked, and what came of it. */
export function screen(outcome: Outcome): string {
  const { reports, skipped, anomalies, isApart } = outcome
  const table = new Table({
    head: [...COLUMNS],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    colAligns: COLUMNS.map((_, i) => (i === 0 ? 'left' : 'right'))
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
    `transactions asked for: ${answersOf(reports)}`,
    ...[...skipped].map(([name, why]) => `not done: ${name}: ${why}`),
    `${minutes} minutes, seed ${outcome.options.seed}, ${ground}`,
    anomalies.length === 0 ? 'verdict: no anomaly' : `verdict: ${anomalies.length} ANOMALIES`
  ].join('\n')
}

/** What those were told who asked what became of a transaction. */
function answersOf(reports: readonly RoundReport[]): string {
  const told = (['committed', 'aborted', 'pending', 'gone', 'unasked'] as const).map((state) => {
    return `${state} ${whole(reports.reduce((sum, { answers }) => sum + answers[state], 0))}`
  })
  return told.join(', ')
}

function row(name: string, reports: readonly RoundReport[]): string[] {
  const sum = (of: (report: RoundReport) => number): string =>
    whole(reports.reduce((total, report) => total + of(report), 0))
  return [
    name,
    whole(reports.length),
    sum(({ strikes }) => strikes),
    sum(({ counts }) => counts.ok),
    sum(({ counts }) => counts.failed),
    sum(({ counts }) => counts.unknown),
    sum(({ transactions }) => transactions.ok),
    spread(reports.flatMap(({ healedMs }) => healedMs ?? [])),
    spread(reports.flatMap(({ goneMs }) => goneMs ?? []))
  ]
}

function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  if (sorted.length === 0) return ''
  return `${whole(at(sorted, 0.5))}, at most ${whole(sorted.at(-1) ?? 0)}`
}
