import type { ReplicaId } from '../wire/ids.ts'
import type { Core } from './core.ts'
import type { Configuration } from './types.ts'

/**
 * Whether this leader may append `next` now: single-server changes are safe only one at a time, and
 * only after the leader committed an entry of its own term (Ongaro, raft-dev 2015; pitfalls R9).
 * Learners do not count, so any number of them may come and go in one change.
 */
export function mayChangeTo(core: Core, next: Configuration): boolean {
  const { log } = core
  const { configurations } = log
  if (log.term(log.commit) !== core.term) return false
  if (configurations.activeIndex > log.commit) return false
  return votersChanged(configurations.voters, next) <= 1
}

function votersChanged(voters: readonly ReplicaId[], next: Configuration): number {
  const now = new Set(voters)
  let changed = 0
  let kept = 0
  for (const member of next.members) {
    if (!member.voter) continue
    if (now.has(member.replica)) kept++
    else changed++
  }
  return changed + now.size - kept
}
