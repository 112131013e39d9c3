import type { Replica } from '../partition/replica.ts'
import type { Entry, Index, Term } from '../raft/types.ts'
import type { GroupId, ReplicaId } from '../wire/ids.ts'
import type { SimulatedNode } from './node.ts'

/** A promise of the system that the simulation saw broken. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/**
 * Sees the true state of all nodes at once and throws Violation when a safety property of Raft is
 * broken (Raft paper, figure 3): at most one leader per term, and one sequence of applied entries.
 */
export class Oracles {
  readonly #leaders = new Map<string, ReplicaId>()
  /** Per group, by index: term and content of what was applied there, first by whomever. */
  readonly #applied = new Map<GroupId, Map<Index, { readonly term: Term; readonly hash: number }>>()
  #entries = 0

  /** Entries of which the first application was seen. */
  get entries(): number {
    return this.#entries
  }

  /** To be called after every step. */
  check(nodes: readonly SimulatedNode[]): void {
    for (const node of nodes) {
      const { machine } = node
      if (machine === undefined) continue
      checkDisk(node)
      for (const replica of machine.host.replicas()) this.#checkLeader(replica)
    }
  }

  readonly observe = (replica: Replica, entries: readonly Entry[]): void => {
    let applied = this.#applied.get(replica.group)
    if (applied === undefined) {
      applied = new Map()
      this.#applied.set(replica.group, applied)
    }
    for (const { index, term, data } of entries) {
      const hash = hashOf(data)
      const before = applied.get(index)
      if (before === undefined) {
        applied.set(index, { term, hash })
        this.#entries++
      } else if (before.term !== term || before.hash !== hash) {
        throw new Violation(
          `group ${replica.group}: replica ${replica.id} applied another entry at ${index} ` +
            `(term ${term}, first seen with term ${before.term})`
        )
      }
    }
  }

  #checkLeader({ group, id, raft }: Replica): void {
    const { role, term } = raft.status
    if (role !== 'leader') return
    const key = `${group}/${term}`
    const leader = this.#leaders.get(key)
    if (leader === undefined) this.#leaders.set(key, id)
    else if (leader !== id) {
      throw new Violation(`group ${group}: replicas ${leader} and ${id} both lead term ${term}`)
    }
  }
}

/** A disk that failed cannot be trusted with anything more (design §6): the process must end. */
function checkDisk({ name, life, machine, disk, store }: SimulatedNode): void {
  if (life === undefined || machine?.stopping) return
  if (disk.failedLife === life || store.failedLife === life) {
    throw new Violation(`${name} lives on though its disk failed`)
  }
}

function hashOf(data: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of data) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
