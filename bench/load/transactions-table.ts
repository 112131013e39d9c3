import Table from 'cli-table3'
import { digits, whole } from '../rig/figures.ts'
import { isTransaction } from './job.ts'
import type { Figures, Results } from './results.ts'
import { apiName, PLAIN, ratio } from './table.ts'

/** A load of transactions, and puts of the same run: as many callers, by the same way. */
export interface BesidePuts {
  readonly transactions: Figures
  readonly puts: Figures
}

export const HEAD = [
  ...['API', 'load', 'in flight', 'ops/s', 'put', 'ratio'],
  ...['p50 ms', 'put', 'ratio', 'log sync p50', 'mean']
]

export function besidePuts({ figures }: Results): BesidePuts[] {
  return figures.flatMap((transactions) => {
    const { api, load, inFlight, refused } = transactions
    if (!isTransaction(load) || refused !== null) return []
    const puts = figures.find(
      (one) => one.load === 'put' && one.api === api && one.inFlight === inFlight
    )
    return puts === undefined ? [] : [{ transactions, puts }]
  })
}

/** What transactions cost, in puts and in syncs of a log. */
export function transactionsTable(results: Results): string {
  const table = new Table({
    head: HEAD,
    ...PLAIN,
    colAligns: ['left', 'left', ...Array<'right'>(9).fill('right')]
  })
  for (const one of besidePuts(results)) table.push(besideRow(one))
  return table.toString()
}

export function besideRow({ transactions, puts }: BesidePuts): string[] {
  const { api, load, inFlight, perSecond, ms, logSyncs } = transactions
  const syncs = logSyncs === null ? ['-', '-'] : [logSyncs.p50Ms, logSyncs.meanMs].map(digits)
  return [
    apiName(api),
    load,
    String(inFlight),
    whole(perSecond.median),
    whole(puts.perSecond.median),
    ratio(transactions, puts),
    digits(ms.p50),
    digits(puts.ms.p50),
    (ms.p50 / puts.ms.p50).toFixed(2),
    ...syncs
  ]
}
