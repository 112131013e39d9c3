import type { ReplicaHost } from '../partition/host.ts'
import type { Replica } from '../partition/replica.ts'
import type { Clock } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Mesh } from './mesh.ts'

/** A preferred leader must have been linked so long before it gets its groups back. */
const SETTLED_MS = 3_000
/** Transfers begun per tick: each costs its group a few milliseconds of refused writes. */
const TRANSFERS_MAX = 8

/** Gives leadership to each group's preferred replica, so that leaders are spread as placed. */
export class Balance {
  readonly #host: ReplicaHost
  readonly #mesh: Mesh
  readonly #clock: Clock
  readonly #linkedSince = new Map<string, number>()

  constructor(host: ReplicaHost, mesh: Mesh, clock: Clock) {
    this.#host = host
    this.#mesh = mesh
    this.#clock = clock
  }

  /** Call it about once a second. */
  tick(): void {
    const now = this.#clock.monotonic()
    const linked = new Set<string>()
    for (const { peer } of this.#mesh.links()) linked.add(peer)
    for (const peer of this.#linkedSince.keys())
      if (!linked.has(peer)) this.#linkedSince.delete(peer)
    for (const peer of linked) if (!this.#linkedSince.has(peer)) this.#linkedSince.set(peer, now)
    let left = TRANSFERS_MAX
    for (const replica of this.#host.replicas()) {
      if (left === 0) return
      if (this.#giveBack(replica, now)) left--
    }
  }

  #giveBack(replica: Replica, now: number): boolean {
    const preferred = replica.placement.members[0]
    if (!replica.isLeader || preferred === undefined || preferred.replica === replica.id)
      return false
    if (!this.#mesh.mayLead(preferred.node, replica.group)) return false
    const since = this.#linkedSince.get(preferred.node)
    if (since === undefined || now - since < SETTLED_MS) return false
    const { status } = replica.raft
    const progress = replica.raft.progress(preferred.replica)
    if (status.transferring || !status.committedInTerm || progress === undefined) return false
    if (!progress.recentActive || progress.match < status.commit) return false
    sometimes('node: gives leadership back to who is preferred')
    replica.transfer(preferred.replica)
    return true
  }
}
