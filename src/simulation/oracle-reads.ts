import type { Replica } from '../partition/replica.ts'
import type { ReadWait } from '../partition/waits.ts'
import type { Term } from '../raft/types.ts'
import type { ReplicaId } from '../wire/ids.ts'
import type { ConfirmGroup } from '../wire/node-frames.ts'
import type { CommitsOracle } from './oracle-commits.ts'
import type { TermsOracle } from './oracle-terms.ts'
import { Violation } from './violation.ts'

/**
 * A strong read shows all that was committed when it came to its leader, and no later term had a
 * leader by then: a majority that follows a later one cannot have confirmed it. And a majority has
 * confirmed it, after it came: that holds for each read, whether or not anybody else leads. Needs
 * no write that a caller was told of, so it sees each moment in which a stale answer would have
 * been possible.
 */
export class ReadsOracle {
  readonly #terms: TermsOracle
  readonly #commits: CommitsOracle
  /** By group and term: when each replica last confirmed who leads then. */
  readonly #confirmed = new Map<string, Map<ReplicaId, number>>()
  /** Counts what comes, to tell what came first. */
  #moment = 0

  constructor(terms: TermsOracle, commits: CommitsOracle) {
    this.#terms = terms
    this.#commits = commits
  }

  /** `read` came to `replica` now; what is returned takes its place. */
  watched(replica: Replica, read: ReadWait): ReadWait {
    const { group } = replica
    // Once confirmed it may be served by a leader that has fallen meanwhile.
    const term = replica.raft.currentTerm
    const newest = this.#terms.newest(group)
    const committed = this.#commits.of(group).terms.last
    const came = ++this.#moment
    return {
      run: () => {
        const { id, raft, state } = replica
        if (raft.currentTerm < newest) {
          throw new Violation(
            `group ${group}: replica ${id} serves a strong read in term ${raft.currentTerm}, and ` +
              `term ${newest} had a leader when it came`
          )
        }
        if (state.applied.index < committed) {
          throw new Violation(
            `group ${group}: replica ${id} serves a strong read at ${state.applied.index}, and ` +
              `${committed} was committed when it came`
          )
        }
        this.#checkConfirmed(replica, term, came)
        read.run()
      },
      fail: () => read.fail(),
      isOver: (now) => read.isOver(now)
    }
  }

  /** `replica` says that it follows the leader of `asked.term`. */
  confirms({ group, id }: Replica, { term }: ConfirmGroup): void {
    const key = `${group}/${term}`
    let confirmed = this.#confirmed.get(key)
    if (confirmed === undefined) {
      confirmed = new Map()
      this.#confirmed.set(key, confirmed)
    }
    confirmed.set(id, ++this.#moment)
  }

  #checkConfirmed({ group, id, raft }: Replica, term: Term, came: number): void {
    const confirmed = this.#confirmed.get(`${group}/${term}`)
    const isConfirmed = raft.isQuorum((voter) => (confirmed?.get(voter) ?? 0) > came)
    if (isConfirmed) return
    throw new Violation(
      `group ${group}: replica ${id} serves a strong read of term ${term}, and no ` +
        'majority has confirmed it since the read came'
    )
  }
}
