import type { Index, SnapshotMark, Term } from '../raft/types.ts'
import type { Overlay } from '../storage/overlay.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import type { Clock } from '../world/clock.ts'
import { Histogram } from '../world/histogram.ts'
import { Spans } from '../world/spans.ts'
import type { ReplicaHost } from './host.ts'
import type { Replica } from './replica.ts'

export interface FlushOptions {
  readonly clock: Clock
  readonly fatal: (fault: Error) => void
  /** Whether there is a link to `node`: a follower that is away does not hold the log back. */
  readonly isLinked: (node: NodeId) => boolean
  readonly flushMs: number
  readonly flushBytes: number
  readonly logEntriesKept: number
  readonly logBytesMax: number
}

/** The newest segments with this share of the bound keep what followers may still ask for. */
const KEPT_SHARE = 0.5

interface Applied {
  readonly index: Index
  readonly term: Term
}

/**
 * Carries the state of all replicas to the store, one synced batch at a time, and drops the log
 * below what is durable (design §6: never above it, pitfall R22).
 */
export class Flusher {
  /** From gathering the changes to their being durable, in ms. */
  readonly latency = new Histogram()
  /** The last of these. */
  readonly spans = new Spans()
  /** What the overlay held at each flush, added up. */
  bytes = 0
  readonly #host: ReplicaHost
  readonly #overlay: Overlay
  readonly #options: FlushOptions
  /** Per group, where the store stands: what a snapshot of it will show. */
  readonly #durable = new Map<GroupId, Applied>()
  #busy = false
  #after: (() => void)[] = []
  #lastAt = 0

  constructor(host: ReplicaHost, overlay: Overlay, options: FlushOptions) {
    this.#host = host
    this.#overlay = overlay
    this.#options = options
  }

  /** The applied index that the durable state of `group` stands at; 0: none yet. */
  durableIndex(group: GroupId): Index {
    return this.#durable.get(group)?.index ?? 0
  }

  /** Where a snapshot of the durable state stands. Requires: durableIndex > 0. */
  durableMark({ group, raft }: Replica): SnapshotMark {
    const durable = this.#durable.get(group)
    assert(durable !== undefined, `group ${group} has no durable state`)
    const mark = raft.markAt(durable.index)
    return mark ?? { ...durable, configuration: raft.status.configuration }
  }

  /** The durable state of `group` is known to stand here: at start, or after a snapshot. */
  setDurable(group: GroupId, applied: Applied): void {
    this.#durable.set(group, applied)
  }

  get busy(): boolean {
    return this.#busy
  }

  /** Flushes and drops log if it is time to. */
  tick(): void {
    if (this.#busy) return
    const { clock, flushMs, flushBytes } = this.#options
    const due = clock.monotonic() - this.#lastAt >= flushMs
    if (due || this.#overlay.dirtyBytes >= flushBytes) this.flush(() => {})
  }

  /** Flushes what is applied now; `done` when it is durable. Waits for a flush under way. */
  flush(done: () => void): void {
    if (this.#busy) {
      this.#after.push(done)
      return
    }
    this.#busy = true
    this.#lastAt = this.#options.clock.monotonic()
    this.#touchApplied()
    // What is applied is durable in the log, but a group that was just made may not be in it yet: a
    // state without a log looks like a lost log at the next start.
    const made = this.#overlay.dirtyGroups.some((group) => this.durableIndex(group) === 0)
    if (!made) {
      this.#write(done)
      return
    }
    this.#host.log.commit((fault) => {
      if (fault !== undefined) this.#options.fatal(fault)
      // Whoever heard of the same sync first may have ended the node.
      else if (!this.#host.isStopped) this.#write(done)
    })
  }

  #write(done: () => void): void {
    const flushed = new Map<GroupId, Applied>()
    const began = this.#options.clock.monotonic()
    this.bytes += this.#overlay.dirtyBytes
    const prepare = (group: GroupId): void => {
      const replica = this.#host.get(group)
      assert(replica !== undefined, `group ${group} has changes and no replica`)
      replica.state.prepareFlush()
      flushed.set(group, replica.state.applied)
    }
    this.#overlay.flush(prepare, (fault) => {
      if (fault !== undefined) {
        this.#options.fatal(fault)
        return
      }
      this.#busy = false
      const ended = this.#options.clock.monotonic()
      this.latency.observe(ended - began)
      this.spans.remember(began, ended)
      for (const [group, applied] of flushed) {
        if (applied.index > this.durableIndex(group)) this.#durable.set(group, applied)
      }
      this.#dropLog()
      done()
      const waiting = this.#after
      this.#after = []
      if (waiting.length > 0) this.flush(() => waiting.forEach((one) => void one()))
    })
  }

  /**
   * An empty entry or a configuration changes no key, so nothing else makes its index durable: a
   * group without writes would hold the log's oldest segment for ever.
   */
  #touchApplied(): void {
    for (const { group, state, raft, installing } of this.#host.replicas()) {
      // While a snapshot takes the state's place, the old one must not reach the new table.
      if (installing || state.applied.index <= this.durableIndex(group)) continue
      if (state.applied.index >= raft.status.firstIndex) this.#overlay.table(group).touch()
    }
  }

  #dropLog(): void {
    const { log } = this.#host
    const { logBytesMax, fatal } = this.#options
    const over = log.bytes >= logBytesMax
    const old = log.oldEntries(logBytesMax * KEPT_SHARE)
    let dropped = false
    for (const replica of this.#host.replicas()) {
      if (this.#compact(replica, old.get(replica.group) ?? 0, over)) dropped = true
    }
    // Segments go once the marks are durable; on a calm node nothing else would make them so.
    if (!dropped) return
    log.commit((fault) => {
      if (fault !== undefined) fatal(fault)
    })
  }

  /**
   * Keeps some entries for followers that lag a little, unless they are in `old` segments, and all
   * that a linked follower still needs, unless the log is `over` its bound too.
   */
  #compact(replica: Replica, old: Index, over: boolean): boolean {
    const { raft, group, state } = replica
    const durable = this.durableIndex(group)
    const needed = this.#neededFrom(replica) - 1
    const index = Math.min(
      durable,
      Math.max(durable - this.#options.logEntriesKept, old),
      over ? Math.max(needed, old) : needed
    )
    // Of what is not applied nobody knows when it will be: a group without a majority can wait for
    // days while others fill the disk. It is little (uncommittedBytesMax), so it moves on.
    const stuck = over && old > index && state.applied.index === durable && !replica.installing
    const mark = index < raft.status.firstIndex ? undefined : raft.markAt(index)
    if (mark !== undefined) {
      raft.step({ type: 'compact', mark })
      this.#host.log.compact(group, mark)
    }
    if (stuck) this.#host.log.renew(group)
    return mark !== undefined || stuck
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
}
