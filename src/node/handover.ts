import type { ReplicaHost } from '../partition/host.ts'
import type { Replica } from '../partition/replica.ts'
import type { ReplicaId } from '../wire/ids.ts'
import type { Clock, Timers } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Mesh } from './mesh.ts'

const HANDOVER_MS_MAX = 2_000
const STEP_MS = 50

/**
 * Before a node stops, or when its clock is wrong: passes every leadership to the follower that is
 * furthest, as far as it can.
 */
export class Handover {
  readonly #host: ReplicaHost
  readonly #mesh: Mesh
  readonly #clock: Clock
  readonly #timers: Timers

  constructor(
    host: ReplicaHost,
    mesh: Mesh,
    { clock, timers }: { readonly clock: Clock; readonly timers: Timers }
  ) {
    this.#host = host
    this.#mesh = mesh
    this.#clock = clock
    this.#timers = timers
  }

  /** Calls `done` when nothing is led here any more, or nobody is left to lead it, or after 2 s. */
  run(done: () => void): void {
    const until = this.#clock.monotonic() + HANDOVER_MS_MAX
    const step = (): void => {
      const isLate = this.#clock.monotonic() >= until
      if (isLate) sometimes('node: stops before it has handed over')
      if (!this.pass() || isLate) done()
      else this.#timers.after(STEP_MS, step)
    }
    step()
  }

  /** Begins to pass on what is led here. Returns whether anything is that somebody can lead. */
  pass(): boolean {
    let waiting = false
    for (const replica of this.#host.replicas()) {
      if (!replica.isLeader) continue
      const heir = this.#heir(replica)
      if (heir === undefined) continue
      waiting = true
      if (!replica.raft.status.transferring) replica.transfer(heir)
    }
    return waiting
  }

  #heir(replica: Replica): ReplicaId | undefined {
    let best: { readonly id: ReplicaId; readonly match: number } | undefined
    for (const { replica: id, node, voter } of replica.raft.status.configuration.members) {
      if (!voter || id === replica.id || !this.#mesh.mayLead(node, replica.group)) continue
      const match = replica.raft.progress(id)?.match ?? 0
      if (best === undefined || match > best.match) best = { id, match }
    }
    return best?.id
  }
}
