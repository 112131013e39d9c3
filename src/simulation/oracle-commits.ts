import type { Replica } from '../partition/replica.ts'
import type { Entry, Index, Ready, Term } from '../raft/types.ts'
import type { StateMachine } from '../state/state-machine.ts'
import type { GroupId } from '../wire/ids.ts'
import type { TermsOracle } from './oracle-terms.ts'
import { TermList } from './term-list.ts'
import { Violation } from './violation.ts'

/** Where every group begins: see open-replicas.ts. */
const FIRST = { index: 1, term: 1 } as const

/** What a group has committed, as the first replica that knew of it showed. */
export interface Committed {
  /** Terms of the entries, by index. */
  readonly terms: TermList
  /** By index: a term in which it was committed, or a later one. */
  readonly knownIn: Term[]
}

/** What is known of one life of one replica. */
interface View {
  /** Its log as it was handed out, compacted entries too. */
  readonly log: TermList
  /** Agreed upon with `Committed` up to here. */
  checked: Index
  ledIn: Term
  /** What it knew to be committed when it began to lead. */
  ledFrom: Index
  state: StateMachine
  applied: Index
}

/**
 * Leader completeness, state machine safety, and that a committed prefix never changes (Raft paper,
 * figure 3): what one replica knows to be committed is in the log of every later leader, no replica
 * drops it again, and everybody applies just that, in that order, with one and the same result.
 */
export class CommitsOracle {
  readonly #terms: TermsOracle
  readonly #committed = new Map<GroupId, Committed>()
  readonly #views = new WeakMap<Replica, View>()
  /** By group and index: the state there. */
  readonly #digests = new Map<GroupId, Map<Index, string>>()
  #entries = 0

  constructor(terms: TermsOracle) {
    this.#terms = terms
  }

  /** Entries that are committed in any group. */
  get entries(): number {
    return this.#entries
  }

  of(group: GroupId): Committed {
    let found = this.#committed.get(group)
    if (found === undefined) {
      found = { terms: new TermList(FIRST.index, FIRST.term), knownIn: [0, 0] }
      this.#committed.set(group, found)
    }
    return found
  }

  opened(replica: Replica): void {
    const { raft, state } = replica
    const { firstIndex, lastIndex } = raft.status
    const mark = firstIndex - 1
    const markTerm = raft.term(mark) ?? 0
    const log = new TermList(mark, markTerm)
    for (let i = firstIndex; i <= lastIndex; i++) log.put(i, raft.term(i) ?? 0)
    const applied = state.applied.index
    this.#views.set(replica, { log, checked: mark, ledIn: 0, ledFrom: 0, state, applied })
    this.#checkMark(replica, mark, markTerm)
  }

  /** Returns the highest index that is now known to be committed for the first time, or 0. */
  obeys(replica: Replica, { reset, entries }: Ready): Index {
    const view = this.#viewOf(replica)
    const { log } = view
    if (reset !== undefined) {
      this.#checkMark(replica, reset.index, reset.term)
      this.#checkDropped(replica, view, reset.index + 1)
      log.reset(reset.index, reset.term)
      view.checked = Math.max(view.checked, reset.index)
    }
    const first = entries[0]
    if (first !== undefined && first.index <= log.last) {
      this.#checkDropped(replica, view, first.index)
    }
    for (const entry of entries) {
      this.#terms.appended(replica, entry, log.at(entry.index - 1) ?? 0)
      log.put(entry.index, entry.term)
    }
    const { isLeader, currentTerm } = replica.raft
    if (isLeader && view.ledIn !== currentTerm) {
      view.ledIn = currentTerm
      view.ledFrom = replica.raft.commit
      this.#terms.leads(replica.group, currentTerm, replica.id)
      this.#checkComplete(replica, view)
    }
    if (isLeader) checkCounted(replica, view)
    return this.#learn(replica, view)
  }

  /** `isSound`: nothing but its entries can have made its state. */
  applied(replica: Replica, entries: readonly Entry[], isSound: boolean): void {
    const view = this.#viewOf(replica)
    const { group, id, state } = replica
    const { terms } = this.of(group)
    if (view.state !== state) {
      // A snapshot took the state's place: it stands wherever that stood.
      view.state = state
      view.applied = (entries[0]?.index ?? state.applied.index + 1) - 1
    }
    for (const entry of entries) {
      const { index, term } = entry
      if (index !== view.applied + 1) {
        throw new Violation(
          `group ${group}: replica ${id} applied entry ${index} behind ${view.applied}`
        )
      }
      if (terms.at(index) !== term || !this.#terms.isKnown(group, entry)) {
        throw new Violation(
          `group ${group}: replica ${id} applied another entry at ${index} (term ${term}, ` +
            `committed with term ${terms.at(index)})`
        )
      }
      view.applied = index
    }
    if (state.applied.index !== view.applied) {
      throw new Violation(
        `group ${group}: replica ${id} holds the state of ${state.applied.index}, not ` +
          `${view.applied}`
      )
    }
    if (isSound) this.#checkDigest(replica)
  }

  #viewOf(replica: Replica): View {
    const view = this.#views.get(replica)
    if (view === undefined) throw new Violation(`group ${replica.group}: a replica nobody opened`)
    return view
  }

  /** State replaced the log up to here: that must be committed. */
  #checkMark({ group, id }: Replica, index: Index, term: Term): void {
    const committed = this.of(group).terms.at(index)
    if (committed === term) return
    throw new Violation(
      `group ${group}: replica ${id} has a snapshot at ${index} of term ${term}, where term ` +
        `${committed} was committed`
    )
  }

  /** The replica drops its entries from `from` on. */
  #checkDropped({ group, id }: Replica, { log }: View, from: Index): void {
    const { terms } = this.of(group)
    for (let i = Math.max(from, log.base + 1); i <= Math.min(log.last, terms.last); i++) {
      if (log.at(i) === terms.at(i)) {
        throw new Violation(`group ${group}: replica ${id} drops the committed entry ${i}`)
      }
    }
  }

  #checkComplete({ group, id, raft }: Replica, { log, ledIn }: View): void {
    const { terms, knownIn } = this.of(group)
    for (let i = log.base; i <= terms.last; i++) {
      if ((knownIn[i] as Term) >= ledIn || raft.term(i) === terms.at(i)) continue
      // Compacted away: `log` still knows of it.
      if (i < raft.status.firstIndex && log.at(i) === terms.at(i)) continue
      throw new Violation(
        `group ${group}: replica ${id} leads term ${ledIn} without the committed entry ${i}`
      )
    }
  }

  #learn(replica: Replica, view: View): Index {
    const { group, id, raft } = replica
    const { commit, currentTerm } = raft
    const { terms, knownIn } = this.of(group)
    const before = terms.last
    for (let i = view.checked + 1; i <= commit; i++) {
      const term = view.log.at(i)
      if (i <= before) {
        if (term === terms.at(i)) continue
        throw new Violation(
          `group ${group}: replica ${id} holds entry ${i} of term ${term} for committed, others ` +
            `that of term ${terms.at(i)}`
        )
      }
      if (term === undefined) {
        throw new Violation(`group ${group}: replica ${id} committed ${i} and does not have it`)
      }
      terms.put(i, term)
      knownIn.push(currentTerm)
      this.#entries++
    }
    view.checked = Math.max(view.checked, commit)
    return terms.last > before ? terms.last : 0
  }

  #checkDigest({ group, id, state }: Replica): void {
    let digests = this.#digests.get(group)
    if (digests === undefined) {
      digests = new Map()
      this.#digests.set(group, digests)
    }
    const { index } = state.applied
    const digest = state.digest()
    const other = digests.get(index)
    if (other === undefined) digests.set(index, digest)
    else if (other !== digest) {
      throw new Violation(
        `group ${group}: the state of replica ${id} at ${index} is ${digest}, elsewhere ${other}`
      )
    }
  }
}

/** A leader counts entries of its own term only (Raft paper, figure 2, and why in figure 8). */
function checkCounted({ group, id, raft, state }: Replica, { ledFrom, ledIn }: View): void {
  const { commit } = raft
  // A snapshot that lands in a leader brings a state that is there before anything is applied.
  if (commit <= state.applied.index) return
  if (commit <= ledFrom || raft.term(commit) === ledIn) return
  throw new Violation(
    `group ${group}: replica ${id} leads term ${ledIn} and commits ${commit} by counting, which ` +
      `is of term ${raft.term(commit)}`
  )
}
