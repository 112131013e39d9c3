import type { Index } from '../raft/types.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import type { DigestClaim } from '../wire/node-frames.ts'
import type { ReplicaHost } from './host.ts'
import type { Replica } from './replica.ts'

export interface AuditOptions {
  readonly self: NodeId
  readonly tell: (claims: readonly DigestClaim[]) => void
  /** A replica here does not hold what the others hold; it has stopped serving. */
  readonly onDamage: (replica: Replica, reason: string) => void
}

type Claims = Map<NodeId, string>

/** Indexes per group for which claims are kept until they can be compared. */
const INDEXES_MAX = 8

/**
 * Replicas that applied the same entries hold the same state: this compares their digests, at the
 * same applied index, while they run. Nobody ran etcd's check when its replicas had drifted apart
 * for weeks (etcd 3.5.0); so this is always on. A replica that a majority contradicts stops; if no
 * digest can have a majority any more, all that see it stop, because nobody knows who is right.
 */
export class Audit {
  readonly #host: ReplicaHost
  readonly #options: AuditOptions
  /** Per group and index: who claims which digest. */
  readonly #claims = new Map<GroupId, Map<Index, Claims>>()

  constructor(host: ReplicaHost, options: AuditOptions) {
    this.#host = host
    this.#options = options
  }

  /** Tells the others what this node's replicas hold. Call it every few seconds. */
  tick(): void {
    const own: DigestClaim[] = []
    for (const replica of this.#host.replicas()) {
      const { group, state } = replica
      own.push({ group, index: state.applied.index, digest: state.digest() })
      const checkpoint = replica.checkpoints.latest
      if (checkpoint !== undefined) own.push({ group, ...checkpoint })
    }
    this.#options.tell(own)
  }

  hear(node: NodeId, claims: readonly DigestClaim[]): void {
    for (const { group, index, digest } of claims) {
      const replica = this.#host.get(group)
      if (replica === undefined) continue
      this.#remember(group, index).set(node, digest)
      this.#compare(replica, index)
    }
  }

  #remember(group: GroupId, index: Index): Claims {
    let byIndex = this.#claims.get(group)
    if (byIndex === undefined) {
      byIndex = new Map()
      this.#claims.set(group, byIndex)
    }
    let claims = byIndex.get(index)
    if (claims === undefined) {
      claims = new Map()
      byIndex.set(index, claims)
      const [oldest] = byIndex.keys()
      if (byIndex.size > INDEXES_MAX && oldest !== undefined) byIndex.delete(oldest)
    }
    return claims
  }

  #compare(replica: Replica, index: Index): void {
    const own = replica.digestAt(index)
    if (own === undefined) return
    const claims = this.#remember(replica.group, index).set(this.#options.self, own)
    const voters = replica.raft.status.configuration.members.filter((member) => member.voter)
    const count = new Map<string, number>()
    let silent = 0
    for (const { node } of voters) {
      const digest = claims.get(node)
      if (digest === undefined) silent++
      else count.set(digest, (count.get(digest) ?? 0) + 1)
    }
    if (count.size < 2) return
    const majority = Math.floor(voters.length / 2) + 1
    const most = Math.max(...count.values())
    const isAlone = most >= majority && (count.get(own) ?? 0) < majority
    if (!isAlone && most + silent >= majority) return
    const others = isAlone ? 'a majority of its replicas' : 'all of its replicas'
    this.#options.onDamage(
      replica,
      `group ${replica.group} at index ${index}: the state here differs from that of ${others}`
    )
  }
}
