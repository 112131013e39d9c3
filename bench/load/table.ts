import Table from 'cli-table3'
import { digits, whole } from '../rig/figures.ts'
import { type Cpu, type Figures, type Results, sum } from './results.ts'

/** Without colours, and without a line between rows. */
export const PLAIN = {
  style: { head: [], border: [] },
  chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
}

/** All figures, a line each. */
export function figuresTable(results: Results): string {
  const table = new Table({
    head: ['API', 'load', 'in flight', 'ops/s', 'min-max', 'p50 ms', 'p99', 'p99.9', ...CPU_HEAD],
    ...PLAIN,
    colAligns: ['left', 'left', ...Array<'right'>(8).fill('right'), 'left', 'right']
  })
  for (const one of results.figures) table.push(row(one))
  return table.toString()
}

const CPU_HEAD = ['CPU us/op', 'nodes + generator', 'failed']

export function row(one: Figures): string[] {
  const { api, load, inFlight, refused, perSecond, ms, cpuMicros, failed } = one
  const what = [apiName(api), load, String(inFlight)]
  if (refused !== null) return [...what, 'not offered', ...Array<string>(7).fill('')]
  const { median, min, max } = perSecond
  return [
    ...what,
    whole(median),
    `${whole(min)}-${whole(max)}`,
    digits(ms.p50),
    digits(ms.p99),
    digits(ms.p999),
    cpuMicros.total === null ? '-' : digits(cpuMicros.total),
    cpuParts(cpuMicros),
    whole(sum(failed.map(({ count }) => count)))
  ]
}

function cpuParts({ nodes, generator }: Cpu): string {
  const each = nodes.map((micros) => (micros === null ? '-' : digits(micros)))
  return `${each.join(' ')} + ${digits(generator)}`
}

export function apiName(api: Figures['api']): string {
  return { client: 'client', http: 'HTTP', etcd: 'etcd HTTP' }[api]
}

/** A line of ours over HTTP and the same of etcd. */
export interface Pair {
  readonly ours: Figures
  readonly theirs: Figures
}

export function pairs({ figures }: Results): Pair[] {
  return figures.flatMap((ours) => {
    if (ours.api !== 'http' || ours.refused !== null) return []
    const theirs = figures.find(
      ({ api, load, inFlight }) =>
        api === 'etcd' && load === ours.load && inFlight === ours.inFlight
    )
    return theirs === undefined ? [] : [{ ours, theirs }]
  })
}

/** The same load on both, over HTTP. */
export function etcdTable(results: Results): string {
  const table = new Table({
    head: ['load', 'connections', 'ops/s ours', 'etcd', 'ratio', 'p50 ms', 'etcd', ...ETCD_HEAD],
    ...PLAIN,
    colAligns: ['left', ...Array<'right'>(10).fill('right')]
  })
  for (const { ours, theirs } of pairs(results)) {
    table.push([
      ours.load,
      ours.inFlight,
      whole(ours.perSecond.median),
      whole(theirs.perSecond.median),
      ratio(ours, theirs),
      digits(ours.ms.p50),
      digits(theirs.ms.p50),
      digits(ours.ms.p99),
      digits(theirs.ms.p99),
      digits(ours.cpuMicros.total ?? 0),
      digits(theirs.cpuMicros.total ?? 0)
    ])
  }
  return table.toString()
}

const ETCD_HEAD = ['p99 ms', 'etcd', 'CPU us/op', 'etcd']

export function ratio(ours: Figures, theirs: Figures): string {
  return (ours.perSecond.median / theirs.perSecond.median).toFixed(2)
}

/** What failed or was refused, with what was answered; empty if nothing. */
export function troubles({ figures }: Results): string[] {
  return figures.flatMap(({ api, load, inFlight, refused, failed }) => {
    const what = `${apiName(api)} ${load} ×${inFlight}`
    if (refused !== null) return [`${what} is not offered: ${refused}`]
    return failed.map(({ code, count, example }) => `${what}: ${count} failed, ${code}: ${example}`)
  })
}
