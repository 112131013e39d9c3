import type { Replica } from '../partition/replica.ts'
import type { ReadWait } from '../partition/waits.ts'
import type { CommitsOracle } from './oracle-commits.ts'
import type { TermsOracle } from './oracle-terms.ts'
import { Violation } from './violation.ts'

/**
 * A strong read shows all that was committed when it came to its leader, and no later term had a
 * leader by then: a majority that follows a later one cannot have confirmed it. Needs no write that
 * a caller was told of, so it sees each moment in which a stale answer would have been possible.
 */
export class ReadsOracle {
  readonly #terms: TermsOracle
  readonly #commits: CommitsOracle

  constructor(terms: TermsOracle, commits: CommitsOracle) {
    this.#terms = terms
    this.#commits = commits
  }

  /** `read` came to `replica` now; what is returned takes its place. */
  watched(replica: Replica, read: ReadWait): ReadWait {
    const { group } = replica
    const newest = this.#terms.newest(group)
    const committed = this.#commits.of(group).terms.last
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
        read.run()
      },
      fail: () => read.fail(),
      isOver: (now) => read.isOver(now)
    }
  }
}
