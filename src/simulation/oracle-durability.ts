import { majority } from '../raft/quorum.ts'
import type { Entry, Index, Message, Ready, SnapshotMark, Term } from '../raft/types.ts'
import { META_KEY } from '../state/layout.ts'
import { decodeMeta } from '../state/meta.ts'
import { decodePointer, pointerKey, stateKey, statePrefix } from '../storage/state-keys.ts'
import type { Member } from '../wire/cluster-map.ts'
import type { GroupId, NodeId, ReplicaId } from '../wire/ids.ts'
import type { SimulatedDisk } from './disk.ts'
import { type DurableGroup, DurableLog } from './durable-log.ts'
import type { SimulatedStore } from './state-store.ts'
import { Violation } from './violation.ts'

type Reply = Extract<Message, { type: 'append-reply' }>

/** What of a node a power cut cannot take. */
export interface Media {
  readonly name: NodeId
  readonly disk: SimulatedDisk
  readonly store: SimulatedStore
}

/** The voters of a group, and what they are to have. */
export interface Kept {
  readonly group: GroupId
  readonly index: Index
  readonly term: Term
  readonly members: readonly Member[]
}

/**
 * No promise before it is durable, counting only what was synced: votes and acknowledgements are
 * on the disk of whoever sends them, committed entries on those of a majority, and what was cut
 * from a log is in the store. One vote per term, over all lives of a replica.
 */
export class DurabilityOracle {
  readonly #logs = new Map<NodeId, DurableLog>()
  readonly #votes = new Map<string, ReplicaId>()
  /** What an acknowledgement says is durable: the term of the last entry it speaks of. */
  readonly #promised = new WeakMap<Message, Term>()
  /** Nodes whose disks were damaged or replaced: nothing they promised is on them for sure. */
  readonly #lost = new Set<NodeId>()

  /** A new life of the node, or another disk in its place: what it has must be read anew. */
  opened({ name, disk, store }: Media): void {
    const onCut = (group: GroupId, mark: SnapshotMark): void => {
      if (!this.#lost.has(name)) checkCut(name, store, group, mark)
    }
    this.#logs.set(name, new DurableLog(disk, onCut))
  }

  /** The disk of `name` is not what the node left: a majority has to do without it. */
  lost(name: NodeId): void {
    this.#lost.add(name)
  }

  /** Notes what is about to be promised; `termAt`: of the replica's own log. */
  obeys({ messages, messagesAfterPersist }: Ready, termAt: (index: Index) => Term): void {
    for (const list of [messages, messagesAfterPersist]) {
      for (const message of list) {
        if (message.type !== 'append-reply' || message.rejected) continue
        this.#promised.set(message, termAt(message.index))
      }
    }
  }

  /** `name` applies entries up to this one: so a state is never flushed ahead of its log. */
  applies(name: NodeId, group: GroupId, { index, term }: Entry): void {
    if (this.#lost.has(name)) return
    const durable = this.#logs.get(name)?.group(group)
    if (holds(durable, index, term)) return
    throw new Violation(
      `group ${group}: ${name} applies entry ${index} of term ${term}, and its disk has entries ` +
        `up to ${durable?.log.last}, term ${durable?.log.at(index)} there`
    )
  }

  /** `message` leaves the node `name`. */
  sends(name: NodeId, group: GroupId, message: Message): void {
    if (this.#lost.has(name)) return
    switch (message.type) {
      case 'vote':
        this.#vote(name, group, { ...message, to: message.from })
        return
      case 'vote-reply':
        if (!message.rejected) this.#vote(name, group, message)
        return
      case 'append-reply': {
        const term = this.#promised.get(message)
        if (term !== undefined) this.#acknowledge(name, group, message, term)
        return
      }
      default:
    }
  }

  /**
   * Throws unless a majority of the voters has the entry, or state that stands for it. One that has
   * lost its disk may have had it.
   */
  checkKept({ group, index, term, members }: Kept): void {
    let have = 0
    let voters = 0
    const without: NodeId[] = []
    for (const { node, voter } of members) {
      if (!voter) continue
      voters++
      if (this.#lost.has(node)) have++
      else if (holds(this.#logs.get(node)?.group(group), index, term)) have++
      else without.push(node)
    }
    if (have >= majority(voters)) return
    throw new Violation(
      `group ${group}: the committed entry ${index} of term ${term} is durable on ${have} of ` +
        `${voters} voters only, not on ${without.join(', ')}`
    )
  }

  #vote(
    name: NodeId,
    group: GroupId,
    { from, to, term }: Pick<Message, 'from' | 'to' | 'term'>
  ): void {
    const key = `${group}/${from}/${term}`
    const before = this.#votes.get(key)
    if (before !== undefined && before !== to) {
      throw new Violation(
        `group ${group}: replica ${from} votes for ${before} and for ${to} in term ${term}`
      )
    }
    this.#votes.set(key, to)
    const durable = this.#logs.get(name)?.group(group)?.hardState
    if (durable !== undefined) {
      if (durable.term > term || (durable.term === term && durable.vote === to)) return
    }
    throw new Violation(
      `group ${group}: replica ${from} votes for ${to} in term ${term}, and its disk knows only ` +
        `of term ${durable?.term}, vote ${durable?.vote}`
    )
  }

  #acknowledge(name: NodeId, group: GroupId, message: Reply, term: Term): void {
    const { index } = message
    const durable = this.#logs.get(name)?.group(group)
    if (holds(durable, index, term)) return
    // It left that term for good, and a later leader, elected by a majority that did not have the
    // entry when it voted, replaced it: nobody can commit it by this word any more.
    if (durable !== undefined && durable.hardState.term > message.term) return
    throw new Violation(
      `group ${group}: ${name} acknowledges entry ${index} of term ${term}, and its disk has ` +
        `entries up to ${durable?.log.last}, term ${durable?.log.at(index)} there`
    )
  }
}

function holds(durable: DurableGroup | undefined, index: Index, term: Term): boolean {
  if (durable === undefined) return false
  const { log } = durable
  return index < log.base || log.at(index) === term
}

/** The log was cut at `mark`: what stood there must be in the store by now. */
function checkCut(name: NodeId, store: SimulatedStore, group: GroupId, mark: SnapshotMark): void {
  const stored = storedIndex(store, group)
  if (stored >= mark.index) return
  throw new Violation(
    `group ${group}: ${name} cut its log at ${mark.index}, and its store has the state of ${stored}`
  )
}

/** The applied index that the store has for `group`; 0: none. */
export function storedIndex(store: SimulatedStore, group: GroupId): Index {
  const pointer = store.get(pointerKey(group))
  if (pointer === undefined) return 0
  const { generation, live } = decodePointer(pointer)
  const meta = store.get(stateKey(statePrefix(group, generation), META_KEY))
  return live && meta !== undefined ? decodeMeta(meta).index : 0
}
