import type { Entry, HardState, Message, Term } from '../../../src/raft/types.ts'
import { utf8Text } from '../../../src/wire/bytes.ts'
import type { ReplicaId } from '../../../src/wire/ids.ts'
import { assert } from '../../../src/world/assert.ts'
import type { Group, Node, Observer } from './group.ts'

/**
 * Sees the true state of every replica and disk, and checks what Raft promises (paper, figure 3)
 * after every step: at most one leader a term, log matching, leader completeness, a committed
 * prefix that never changes and stands on a majority of disks, one vote a term, and Ready's own
 * contract.
 */
export class Oracle implements Observer {
  readonly #leaders = new Map<Term, ReplicaId>()
  /** By index/term: the term before and the data. Equal for all logs, hence equal prefixes. */
  readonly #entries = new Map<string, string>()
  readonly #votes = new Map<string, ReplicaId>()
  /** The entries known committed, from index 2 on. */
  readonly #committed: { readonly term: Term; readonly shown: string }[] = []
  #group: Group | undefined

  watch(group: Group): void {
    this.#group = group
  }

  get leaders(): number {
    return this.#leaders.size
  }

  get committed(): number {
    return this.#committed.length
  }

  handed(node: Node, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const before = node.writtenLog.term(entry.index - 1)
      const shown = `${before} ${show(entry)}`
      const key = `${entry.index}/${entry.term}`
      const known = this.#entries.get(key)
      assert(
        known === undefined || known === shown,
        `log matching: ${key} is ${known} and ${shown}`
      )
      this.#entries.set(key, shown)
    }
  }

  durable(node: Node, { term, vote }: HardState): void {
    if (vote !== 0) this.#vote(node.id, term, vote)
  }

  released(message: Message): void {
    if (message.type === 'vote-reply' && !message.rejected) {
      this.#vote(message.from, message.term, message.to)
    }
  }

  applied(node: Node, entry: Entry): void {
    const { index } = entry
    const committed = this.#committed[index - 2]
    assert(committed !== undefined, `${node.id} applied ${index}, which nobody committed`)
    assert(committed.shown === show(entry), `${node.id} applied ${show(entry)} at ${index}`)
    const isDurable = node.durableLog.term(index) === entry.term
    assert(isDurable, `${node.id} applied ${index}, which is not durable there`)
  }

  stepped(node: Node): void {
    const { role, term, commit } = node.raft.status
    if (role === 'leader') {
      const known = this.#leaders.get(term)
      assert(known === undefined || known === node.id, `term ${term}: ${known} and ${node.id} lead`)
      if (known === undefined) {
        this.#leaders.set(term, node.id)
        this.#checkCompleteness(node)
      }
      this.#extend(node)
    }
    assert(commit - 1 <= this.#committed.length, `${node.id} commits ${commit}, its leader did not`)
    if (commit > 1 && commit >= node.raft.status.firstIndex) {
      const agreed = this.#committed[commit - 2]?.term
      assert(node.raft.term(commit) === agreed, `${node.id} commits another entry at ${commit}`)
    }
  }

  #checkCompleteness(node: Node): void {
    const { firstIndex } = node.raft.status
    for (let index = firstIndex; index < this.#committed.length + 2; index++) {
      const { term } = this.#committed[index - 2] as { term: Term }
      assert(node.raft.term(index) === term, `leader ${node.id} lacks committed ${index}/${term}`)
    }
  }

  /** A leader's commit index defines what is committed: it must be on a majority of disks. */
  #extend(node: Node): void {
    const { commit, term } = node.raft.status
    const isNews = this.#committed.length + 2 <= commit
    assert(!isNews || node.raft.term(commit) === term, `${commit} counted in a later term`)
    for (let index = this.#committed.length + 2; index <= commit; index++) {
      const entry = node.writtenLog.entries(index, index + 1, 1)[0]
      assert(entry !== undefined, `leader ${node.id} commits ${index} and has it not`)
      this.#committed.push({ term: entry.term, shown: show(entry) })
      const nodes = [...(this.#group?.nodes.values() ?? [])]
      const durable = nodes.filter((it) => it.durableLog.term(index) === entry.term).length
      assert(durable * 2 > nodes.length, `${index} is committed on ${durable} of ${nodes.length}`)
    }
  }

  #vote(voter: ReplicaId, term: Term, candidate: ReplicaId): void {
    const key = `${voter}/${term}`
    const known = this.#votes.get(key)
    assert(known === undefined || known === candidate, `${voter} voted twice in term ${term}`)
    this.#votes.set(key, candidate)
  }
}

const show = ({ index, term, kind, data }: Entry): string =>
  `${index}/${term} ${kind} ${utf8Text(data) ?? '?'}`
