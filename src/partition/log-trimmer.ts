import type { Index } from '../raft/types.ts'
import type { NodeLog } from '../storage/log-types.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import { sometimes } from '../world/sometimes.ts'
import type { ReplicaHost } from './host.ts'
import type { Replica } from './replica.ts'

export interface TrimOptions {
  readonly fatal: (fault: Error) => void
  /** Whether there is a link to `node`: a follower that is away does not hold the log back. */
  readonly isLinked: (node: NodeId) => boolean
  readonly logEntriesKept: number
  readonly logBytesMax: number
}

/** The newest segments with this share of the bound keep what followers may still ask for. */
const KEPT_SHARE = 0.5
/**
 * Bytes of old entries that one tick moves to the end of the log: twice what came in since the one
 * before, so that the log shrinks whatever comes, and no more than a turn can bear.
 */
const MOVED_BYTES_MIN = 256 * 1024
const MOVED_BYTES_MAX = 2 * 1024 * 1024
/** On a full disk, where what was moved has to give back its room before more is. */
const MOVED_BYTES_FULL = 64 * 1024

/**
 * Keeps the log within its bound, whatever single groups do: drops what is durable in the state,
 * and moves on what stands in the way and cannot be dropped (docs/decisions/0032, 0071).
 */
export class LogTrimmer {
  /** Bytes of entries that were written once more. */
  movedBytes = 0
  readonly #host: ReplicaHost
  readonly #durableIndex: (group: GroupId) => Index
  readonly #options: TrimOptions
  /** The last drop left the log over its bound. */
  #isOver = false
  /** What the log had written at the last tick, and what of it was moved. */
  #written = 0

  /** `durableIndex` is what the state on the disk stands at. */
  constructor(host: ReplicaHost, durableIndex: (group: GroupId) => Index, options: TrimOptions) {
    this.#host = host
    this.#durableIndex = durableIndex
    this.#options = options
  }

  /** Drops what may be dropped. Call it when more became durable. */
  drop(): void {
    const { log } = this.#host
    this.#isOver = log.bytes >= this.#bytesMax
    if (this.#isOver) sometimes('partition: the log is over its bound')
    const old = log.oldEntries(this.#keptBytes)
    let dropped = false
    for (const replica of this.#host.replicas()) {
      if (this.#compact(replica, old.get(replica.group) ?? 0)) dropped = true
    }
    // Segments go once the marks are durable; on a calm node nothing else would make them so.
    if (dropped) this.#commit(log)
  }

  /** Moves some of what could not be dropped. Call it a few times a second. */
  tick(): void {
    const { log } = this.#host
    const came = log.bytesWritten - this.#written
    this.#written = log.bytesWritten
    if (!this.#isOver || log.bytes < this.#bytesMax) return
    const isFull = this.#host.room.level === 'full'
    const budget = isFull
      ? MOVED_BYTES_FULL
      : Math.min(MOVED_BYTES_MAX, Math.max(MOVED_BYTES_MIN, 2 * came))
    const moved = log.moveOldest(this.#keptBytes, budget)
    if (moved === 0) return
    sometimes('partition: moves entries that hold the log')
    this.movedBytes += moved
    // Or it would count as what came in.
    this.#written += moved
    this.#commit(log)
  }

  /** A disk that has little room keeps nothing for followers that lag. */
  get #bytesMax(): number {
    return this.#host.room.level === 'ok' ? this.#options.logBytesMax : 0
  }

  get #keptBytes(): number {
    return this.#bytesMax * KEPT_SHARE
  }

  /**
   * Keeps some entries for followers that lag a little, unless they are in `old` segments, and all
   * that a linked follower still needs, unless the log is over its bound too.
   */
  #compact(replica: Replica, old: Index): boolean {
    const { raft, group } = replica
    const durable = this.#durableIndex(group)
    const needed = this.#neededFrom(replica) - 1
    const index = Math.min(
      durable,
      Math.max(durable - this.#options.logEntriesKept, old),
      this.#isOver ? Math.max(needed, old) : needed
    )
    const mark = index < raft.status.firstIndex ? undefined : raft.markAt(index)
    if (mark === undefined) return false
    raft.step({ type: 'compact', mark })
    this.#host.log.compact(group, mark)
    return true
  }

  /** The first index that a linked follower of ours does not have yet. */
  #neededFrom(replica: Replica): Index {
    if (!replica.isLeader) return Number.POSITIVE_INFINITY
    let from = Number.POSITIVE_INFINITY
    for (const { replica: id, node } of replica.raft.status.configuration.members) {
      if (id === replica.id || !this.#options.isLinked(node)) continue
      from = Math.min(from, (replica.raft.progress(id)?.match ?? 0) + 1)
    }
    return from
  }

  #commit(log: NodeLog): void {
    log.commit((fault) => {
      if (fault !== undefined) this.#options.fatal(fault)
    })
  }
}
