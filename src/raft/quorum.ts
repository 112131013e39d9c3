import type { ReplicaId } from '../wire/ids.ts'
import type { Index } from './types.ts'

export type VoteOutcome = 'won' | 'lost' | 'pending'

export const majority = (voters: number): number => Math.floor(voters / 2) + 1

/**
 * The highest index that a majority has reached, given what each voter has. Reorders `matches`: an
 * insertion sort in place, because there are at most a few voters and this runs at every reply.
 */
export function majorityIndex(matches: Index[]): Index {
  for (let i = 1; i < matches.length; i++) {
    const match = matches[i] as Index
    let j = i - 1
    while (j >= 0 && (matches[j] as Index) < match) {
      matches[j + 1] = matches[j] as Index
      j--
    }
    matches[j + 1] = match
  }
  return matches[majority(matches.length) - 1] ?? 0
}

/** Whether the voters for whom `holds` is true form a majority. */
export function isMajority(
  voters: readonly ReplicaId[],
  holds: (replica: ReplicaId) => boolean
): boolean {
  let count = 0
  for (const voter of voters) if (holds(voter)) count++
  return count >= majority(voters.length)
}

/** Counts only the votes of `voters`; everyone may have answered. */
export function voteOutcome(
  voters: readonly ReplicaId[],
  votes: ReadonlyMap<ReplicaId, boolean>
): VoteOutcome {
  let granted = 0
  let missing = 0
  for (const voter of voters) {
    const vote = votes.get(voter)
    if (vote === undefined) missing++
    else if (vote) granted++
  }
  const needed = majority(voters.length)
  if (granted >= needed) return 'won'
  return granted + missing >= needed ? 'pending' : 'lost'
}
