import { appendFileSync, readFileSync } from 'node:fs'
import { bothSpreads, type Spread } from './spread.ts'

/** What one test did beyond passing: `npm test` sums these over all tests and shows them. */
export interface Facts {
  /** Virtual time lived through by a simulated cluster, milliseconds. */
  readonly simulatedMs?: number
  readonly seeds?: number
  /** Kills, cuts, losses, stalls, damaged bytes: everything done to the cluster on purpose. */
  readonly faults?: number
  /** Operations of clients whose answers a checker went through. */
  readonly operations?: number
  /** What clusters the seeds drew. */
  readonly clusters?: Spread
}

export const FACTS_FILE = 'KEYMESH_TEST_FACTS'

/**
 * Adds `facts` to the sums of this run; without a run around it (a single test file) does nothing.
 */
export function reportFacts(facts: Facts): void {
  const file = process.env[FACTS_FILE]
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(facts)}\n`)
}

export function sumFacts(file: string): Required<Facts> {
  const sum = { simulatedMs: 0, seeds: 0, faults: 0, operations: 0, clusters: {} as Spread }
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue
    const facts = JSON.parse(line) as Facts
    sum.simulatedMs += facts.simulatedMs ?? 0
    sum.seeds += facts.seeds ?? 0
    sum.faults += facts.faults ?? 0
    sum.operations += facts.operations ?? 0
    sum.clusters = bothSpreads(sum.clusters, facts.clusters ?? {})
  }
  return sum
}
