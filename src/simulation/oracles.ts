import type { Onlooker } from '../partition/onlooker.ts'
import type { Replica } from '../partition/replica.ts'
import type { Entry, Index, Message, Ready } from '../raft/types.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import type { SimulatedNode } from './node.ts'
import { AnswersOracle } from './oracle-answers.ts'
import type { ChangesOracle } from './oracle-changes.ts'
import { CommitsOracle } from './oracle-commits.ts'
import { ConductOracle } from './oracle-conduct.ts'
import { DurabilityOracle, type Media } from './oracle-durability.ts'
import { EffectsOracle } from './oracle-effects.ts'
import { LocksOracle } from './oracle-locks.ts'
import { ReadsOracle } from './oracle-reads.ts'
import { TermsOracle } from './oracle-terms.ts'
import { TransactionsOracle } from './oracle-transactions.ts'

/** What is kept on a majority is looked at so often, in virtual ms, besides at every commit. */
const KEPT_MS = 1_000

/**
 * Sees the true state of all nodes at once, as they act, and throws Violation the moment a promise
 * is broken:
 *
 *   - one leader per term; log matching (oracle-terms.ts)
 *   - leader completeness; a committed prefix never changes; everybody applies the same sequence
 *     and holds the same state after it (oracle-commits.ts)
 *   - one vote per term and durable life; what is promised, acknowledged or committed is durable,
 *     not counting unsynced data, for good and on a majority (oracle-durability.ts)
 *   - each command counts exactly once (oracle-effects.ts)
 *   - transactions happen whole, at one moment, and once (oracle-transactions.ts), and strong reads
 *     show what stood while they ran (key-histories.ts)
 *   - a lock has one holder, or several who share it; tokens rise, nobody is overtaken, and a place
 *     ends only by what may end it (oracle-locks.ts)
 *   - what changed in which key, for watches to be held against (oracle-changes.ts)
 *   - answers stand on what is committed and never go backwards (oracle-answers.ts)
 *   - a strong read shows all that was committed when it came, and a majority followed the leader
 *     after that (oracle-reads.ts)
 *   - a node whose disk failed ends, one whose disk hangs does not lead, and none goes back to an
 *     older map (oracle-conduct.ts)
 */
export class Oracles {
  readonly answers: AnswersOracle
  readonly effects = new EffectsOracle()
  /** Where watches are looked at; set before anything is applied. */
  changes: ChangesOracle | undefined
  readonly transactions = new TransactionsOracle()
  readonly #locks = new LocksOracle()
  readonly #terms = new TermsOracle()
  readonly #commits: CommitsOracle
  readonly #durability = new DurabilityOracle()
  readonly #reads: ReadsOracle
  readonly #conduct = new ConductOracle()
  readonly #unsound = new Set<NodeId>()
  #keptAt = 0
  readonly #watchers: Onlooker['applied'][] = []

  constructor() {
    this.#commits = new CommitsOracle(this.#terms)
    this.answers = new AnswersOracle(this.#commits)
    this.#reads = new ReadsOracle(this.#terms, this.#commits)
  }

  /** Entries that are committed. */
  get entries(): number {
    return this.#commits.entries
  }

  /** Shows `watcher` all that replicas apply from now on. */
  watch(watcher: Onlooker['applied']): void {
    this.#watchers.push(watcher)
  }

  /** For a new life of `node`. */
  onlooker(node: Media): Onlooker {
    this.#durability.opened(node)
    return {
      opened: (replica) => this.#commits.opened(replica),
      obeys: (replica, ready) => this.#obeys(node.name, replica, ready),
      reads: (replica, read) => this.#reads.watched(replica, read),
      inquires: (inquiries) => this.transactions.inquires(inquiries),
      confirms: (replica, asked) => this.#reads.confirms(replica, asked),
      sends: (group, message) => this.#sends(node.name, group, message),
      ran: (replica, entry, answers) => {
        const isSound = !this.#unsound.has(node.name)
        this.transactions.ran(replica, entry, { answers, isSound })
        this.effects.ran(replica, entry, answers)
        if (isSound) this.#locks.ran(replica, entry, answers)
      },
      applied: (replica, entries) => this.#applied(node.name, replica, entries)
    }
  }

  /**
   * To be called when the state that `node` holds may differ from what its entries say, by a fault
   * that its disk cannot be blamed for: its states are no longer compared.
   */
  distrust(node: NodeId): void {
    this.#unsound.add(node)
  }

  /** To be called when `node` lost what it promised to keep, by damage or another disk. */
  lost(node: NodeId): void {
    this.#durability.lost(node)
  }

  /** To be called when the files of `node` were changed by something else than the node. */
  replaced(node: Media): void {
    this.#durability.opened(node)
  }

  /** To be called after every step; `now` in virtual ms. */
  check(nodes: readonly SimulatedNode[], now: number): void {
    for (const node of nodes) this.#conduct.check(node, now)
    if (now < this.#keptAt) return
    this.#keptAt = now + KEPT_MS
    this.checkKept(nodes)
  }

  /** Everything committed must be on the disks of a majority, now. */
  checkKept(nodes: readonly SimulatedNode[]): void {
    const seen = new Set<GroupId>()
    for (const { machine } of nodes) {
      for (const { group, raft } of machine?.host.replicas() ?? []) {
        if (seen.has(group)) continue
        seen.add(group)
        const { last, lastTerm } = this.#commits.of(group).terms
        if (last === 1) continue
        const { members } = raft.configuration
        this.#durability.checkKept({ group, index: last, term: lastTerm, members })
      }
    }
  }

  #obeys(node: NodeId, replica: Replica, ready: Ready): void {
    const { group, raft } = replica
    const committed = this.#commits.obeys(replica, ready)
    const { terms } = this.#commits.of(group)
    const termAt = (index: Index): number => raft.term(index) ?? terms.at(index) ?? 0
    this.#durability.obeys(ready, termAt)
    const last = ready.committed.at(-1)
    if (last !== undefined) this.#durability.applies(node, group, last)
    if (committed === 0) return
    const { members } = raft.configuration
    const term = terms.at(committed) ?? 0
    this.#durability.checkKept({ group, index: committed, term, members })
  }

  #sends(node: NodeId, group: GroupId, message: Message): void {
    const { type, term, from } = message
    if (type === 'append' || type === 'heartbeat') this.#terms.leads(group, term, from)
    this.#durability.sends(node, group, message)
  }

  #applied(node: NodeId, replica: Replica, entries: readonly Entry[]): void {
    const isSound = !this.#unsound.has(node)
    this.#commits.applied(replica, entries, isSound)
    this.effects.applied(replica, isSound)
    this.changes?.applied(replica, entries)
    for (const watcher of this.#watchers) watcher(replica, entries)
  }
}
