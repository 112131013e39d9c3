import { partitionOf } from '../keyspace/hash.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import { type GroupId, groupOfPartition } from '../wire/ids.ts'
import type { KeyResult, Vote } from '../wire/result.ts'
import type { Check, Work } from '../wire/transaction.ts'

/** What a transaction does in one group. */
export interface PlannedPart extends Work {
  readonly group: GroupId
  /** Of each write, its index among all writes of the transaction. */
  readonly places: readonly number[]
}

/** Parts by group, ascending, but that the anchor's is the first one. */
export type Plan = readonly PlannedPart[]

interface Filled {
  readonly checks: Check[]
  readonly writes: DataOperation[]
  readonly places: number[]
}

/**
 * Sorts work by the groups of its keys. `home`, if given: the key in whose group the anchor is,
 * whether it has work or not. Requires: some work, or a home.
 */
export function planOf({ checks, writes }: Work, partitions: number, home?: Uint8Array): Plan {
  const byGroup = new Map<GroupId, Filled>()
  const partOf = (key: Uint8Array): Filled => {
    const group = groupOf(key, partitions)
    const known = byGroup.get(group)
    if (known !== undefined) return known
    const fresh = { checks: [], writes: [], places: [] }
    byGroup.set(group, fresh)
    return fresh
  }
  for (const check of checks) partOf(check.key).checks.push(check)
  for (const [place, write] of writes.entries()) {
    const part = partOf(write.key)
    part.writes.push(write)
    part.places.push(place)
  }
  const anchor = home === undefined ? undefined : groupOf(home, partitions)
  if (home !== undefined) partOf(home)
  return [...byGroup]
    .sort(([a], [b]) => Number(b === anchor) - Number(a === anchor) || a - b)
    .map(([group, part]) => ({ group, ...part }))
}

export function groupOf(key: Uint8Array, partitions: number): GroupId {
  return groupOfPartition(partitionOf(key, partitions))
}

/**
 * The results of all writes in their order, as the votes of the parts of `plan` have them.
 * Undefined: these are not votes of that plan.
 */
export function resultsOf(plan: Plan, votes: readonly Vote[]): readonly KeyResult[] | undefined {
  if (votes.length !== plan.length) return undefined
  const results: KeyResult[] = []
  for (const [i, { group, places }] of plan.entries()) {
    const vote = votes[i]
    if (vote?.group !== group || vote.results.length !== places.length) return undefined
    for (const [j, place] of places.entries()) results[place] = vote.results[j] as KeyResult
  }
  return results
}
