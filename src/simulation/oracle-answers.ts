import type { Index } from '../raft/types.ts'
import type { GroupId } from '../wire/ids.ts'
import type { Consistency } from '../wire/request.ts'
import type { CommitsOracle } from './oracle-commits.ts'
import { Violation } from './violation.ts'

/** What a caller was told, and when it had asked. */
export interface Told {
  /** Who remembers what it was told. */
  readonly session: string
  readonly kind: 'get' | 'mutate'
  /** Of a `mutate`: strong. */
  readonly consistency: Consistency
  readonly group: GroupId
  /** The state that answered. */
  readonly applied: Index
  readonly called: number
}

/** Per group, the highest index that anybody had been told of, over time. */
class Floors {
  readonly #floors = new Map<GroupId, [at: number, index: Index][]>()

  raise(group: GroupId, at: number, index: Index): void {
    const floors = this.#floors.get(group)
    const last = floors?.at(-1)
    if (floors === undefined) this.#floors.set(group, [[at, index]])
    else if (last !== undefined && index > last[1]) floors.push([at, index])
  }

  /** What was known before `at`. */
  before(group: GroupId, at: number): Index {
    const floors = this.#floors.get(group) ?? []
    for (let i = floors.length - 1; i >= 0; i--) {
      const [raised, index] = floors[i] as [number, Index]
      if (raised < at) return index
    }
    return 0
  }
}

/**
 * What callers are told stands on what is committed, and time does not run backwards for them: a
 * strong answer is no older than anything anybody was told before it was asked for, a session's no
 * older than what that session was told.
 */
export class AnswersOracle {
  readonly #commits: CommitsOracle
  readonly #everybody = new Floors()
  readonly #sessions = new Map<string, Floors>()

  constructor(commits: CommitsOracle) {
    this.#commits = commits
  }

  /** A caller was answered at `now`; to be called before it can ask again. */
  told({ session, kind, consistency, group, applied, called }: Told, now: number): void {
    const who = `${session} was told of group ${group} at ${applied}`
    const committed = this.#commits.of(group).terms.last
    if (applied > committed) {
      throw new Violation(`${who} (${kind}, ${consistency}), and ${committed} is committed`)
    }
    const own = this.#floorsOf(session)
    if (consistency !== 'eventual') {
      const floor = own.before(group, called)
      if (applied < floor) throw new Violation(`${who} (${consistency}), and before of ${floor}`)
    }
    if (consistency === 'strong') {
      const floor = this.#everybody.before(group, called)
      if (applied < floor) {
        throw new Violation(`${who} (${kind}, strong), and somebody before of ${floor}`)
      }
    }
    own.raise(group, now, applied)
    this.#everybody.raise(group, now, applied)
  }

  #floorsOf(session: string): Floors {
    let floors = this.#sessions.get(session)
    if (floors === undefined) {
      floors = new Floors()
      this.#sessions.set(session, floors)
    }
    return floors
  }
}
