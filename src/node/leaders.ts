import type { Replica } from '../partition/replica.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'

/** Who leads which group, as told by the leaders themselves: a hint for routing, nothing more. */
export class Leaders {
  readonly #told = new Map<GroupId, { readonly node: NodeId; readonly term: number }>()

  /**
   * `node` says that it leads these groups. An older term never displaces a newer one. Returns
   * those of which that is news.
   */
  tell(node: NodeId, led: readonly (readonly [GroupId, number])[]): readonly GroupId[] {
    const news: GroupId[] = []
    for (const [group, term] of led) {
      const known = this.#told.get(group)
      if (known !== undefined && term <= known.term) continue
      this.#told.set(group, { node, term })
      news.push(group)
    }
    return news
  }

  forget(node: NodeId): void {
    for (const [group, told] of this.#told) if (told.node === node) this.#told.delete(group)
  }

  /** A replica of the group knows best; without one, or a leader, what was told counts. */
  of(group: GroupId, replica: Replica | undefined): NodeId | undefined {
    const told = this.#told.get(group)
    if (replica === undefined) return told?.node
    return (
      replica.leaderNode ?? (replica.raft.status.term <= (told?.term ?? 0) ? told?.node : undefined)
    )
  }
}
