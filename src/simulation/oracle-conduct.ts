import type { ReplicaHost } from '../partition/host.ts'
import type { NodeId, StoreId } from '../wire/ids.ts'
import type { SimulatedNode } from './node.ts'
import { Violation } from './violation.ts'

/** A sync that takes so long hangs: twice what a node waits for one. */
const HUNG_MS = 2_000
/** A node notices it with its next ticks, also one that was elected just now. */
const NOTICED_MS_MAX = 500

/** What a node as a whole must do, or never does. */
export class ConductOracle {
  /** By store: the newest map that its node went by. */
  readonly #epochs = new Map<StoreId, number>()
  /** Who leads on a disk that hangs, and since when. */
  readonly #hung = new Map<NodeId, number>()

  /** To be called after every step, `now` in virtual ms. */
  check(node: SimulatedNode, now: number): void {
    checkDisk(node)
    this.#checkHungDisk(node, now)
    this.#checkMap(node)
  }

  /**
   * Its heartbeats would keep others from leading, and it can commit nothing (hashicorp/raft#503).
   */
  #checkHungDisk({ name, life, machine }: SimulatedNode, now: number): void {
    const isAwake = life !== undefined && !life.paused && !life.busy
    const leads = isAwake && machine !== undefined && ledOnHungDisk(machine.host)
    if (!leads) {
      this.#hung.delete(name)
      return
    }
    const since = this.#hung.get(name)
    if (since === undefined) this.#hung.set(name, now)
    else if (now - since > NOTICED_MS_MAX) {
      throw new Violation(`${name} leads on, and its disk has hung for ${HUNG_MS} ms and more`)
    }
  }

  /** A map that is older than one that it went by names places that are no longer right. */
  #checkMap({ name, machine, lost }: SimulatedNode): void {
    if (machine === undefined || lost !== undefined) return
    const { map, identity } = machine.membership
    const { storeId } = identity
    const epoch = map?.epoch ?? 0
    const before = this.#epochs.get(storeId) ?? 0
    if (epoch < before) {
      throw new Violation(`${name} goes by the map of epoch ${epoch}, and before by ${before}`)
    }
    if (epoch > before) this.#epochs.set(storeId, epoch)
  }
}

/** A disk that failed cannot be trusted with anything more (design §6): the process must end. */
function checkDisk({ name, life, machine, disk, store }: SimulatedNode): void {
  if (life === undefined || machine?.stopping) return
  if (disk.failedLife === life || store.failedLife === life) {
    throw new Violation(`${name} lives on though its disk failed`)
  }
}

function ledOnHungDisk(host: ReplicaHost): boolean {
  if (host.syncAgeMs < HUNG_MS) return false
  for (const { isLeader } of host.replicas()) if (isLeader) return true
  return false
}
