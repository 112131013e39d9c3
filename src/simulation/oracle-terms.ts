import type { Replica } from '../partition/replica.ts'
import type { Entry, Index, Term } from '../raft/types.ts'
import type { GroupId, ReplicaId } from '../wire/ids.ts'
import { Violation } from './violation.ts'

/** What the leader of one term appended: consecutive entries, one behind the other. */
interface Run {
  readonly first: Index
  /** Term of the entry before the first. */
  readonly before: Term
  readonly hashes: number[]
}

/**
 * Election safety and log matching (Raft paper, figure 3). A leader only appends, so the entries of
 * one term are one run; two logs that agree on a run's place and content agree on all before it.
 */
export class TermsOracle {
  readonly #leaders = new Map<GroupId, Map<Term, ReplicaId>>()
  readonly #newest = new Map<GroupId, Term>()
  readonly #runs = new Map<GroupId, Map<Term, Run>>()

  /** The latest term that has had a leader; 0: none. */
  newest(group: GroupId): Term {
    return this.#newest.get(group) ?? 0
  }

  /** `replica` does what only the leader of `term` does. */
  leads(group: GroupId, term: Term, replica: ReplicaId): void {
    const leaders = ofGroup(this.#leaders, group)
    const leader = leaders.get(term)
    if (leader === undefined) {
      leaders.set(term, replica)
      this.#newest.set(group, Math.max(term, this.newest(group)))
    } else if (leader !== replica) {
      throw new Violation(
        `group ${group}: replicas ${leader} and ${replica} both lead term ${term}`
      )
    }
  }

  /** `replica` has `entry` in its log, behind one of term `before`. */
  appended({ group, id }: Replica, entry: Entry, before: Term): void {
    const { index, term } = entry
    const runs = ofGroup(this.#runs, group)
    const run = runs.get(term)
    if (run === undefined) {
      runs.set(term, { first: index, before, hashes: [hashOf(entry)] })
      return
    }
    const at = index - run.first
    const expected = at === 0 ? run.before : term
    if (at < 0 || at > run.hashes.length || before !== expected) {
      throw new Violation(
        `group ${group}: replica ${id} has entry ${index} of term ${term} behind one of term ` +
          `${before}, others have that term from ${run.first} on, behind term ${run.before}`
      )
    }
    const hash = hashOf(entry)
    if (at === run.hashes.length) run.hashes.push(hash)
    else if (run.hashes[at] !== hash) {
      throw new Violation(
        `group ${group}: replica ${id} has another entry ${index} of term ${term} than others`
      )
    }
  }

  /** Whether `entry` is what its leader appended. */
  isKnown(group: GroupId, entry: Entry): boolean {
    const run = this.#runs.get(group)?.get(entry.term)
    return run !== undefined && run.hashes[entry.index - run.first] === hashOf(entry)
  }
}

function ofGroup<V>(map: Map<GroupId, Map<Term, V>>, group: GroupId): Map<Term, V> {
  let found = map.get(group)
  if (found === undefined) {
    found = new Map()
    map.set(group, found)
  }
  return found
}

const KINDS = { command: 1, configuration: 2, empty: 3 } as const

function hashOf({ kind, data }: Entry): number {
  let hash = 0x811c9dc5 ^ KINDS[kind]
  for (let i = 0; i < data.length; i++) {
    hash = Math.imul(hash ^ (data[i] as number), 0x01000193)
  }
  return hash >>> 0
}
