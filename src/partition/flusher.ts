import type { Index, SnapshotMark, Term } from '../raft/types.ts'
import type { Overlay } from '../storage/overlay.ts'
import type { GroupId } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import type { Clock } from '../world/clock.ts'
import type { DiskFault } from '../world/disk.ts'
import { Histogram } from '../world/histogram.ts'
import { sometimes } from '../world/sometimes.ts'
import { Spans } from '../world/spans.ts'
import type { StateWrite } from '../world/state-store.ts'
import type { ReplicaHost } from './host.ts'
import { LogTrimmer, type TrimOptions } from './log-trimmer.ts'
import type { Replica } from './replica.ts'

/** What the node as a whole has to remember: it goes along with flushes. */
export interface FlushNotes {
  /** Whether it should go without a flush, if there is none soon. */
  readonly due: boolean
  /** What is new since the last call. */
  take(): readonly StateWrite[]
}

export interface FlushOptions extends TrimOptions {
  readonly clock: Clock
  readonly notes: FlushNotes
  readonly flushMs: number
  readonly flushBytes: number
}

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
  readonly trimmer: LogTrimmer
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
    this.trimmer = new LogTrimmer(host, (group) => this.durableIndex(group), options)
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

  /** Flushes, and trims the log, if it is time to. */
  tick(): void {
    this.trimmer.tick()
    if (this.#busy) return
    const { clock, flushMs, flushBytes } = this.#options
    const due = clock.monotonic() - this.#lastAt >= flushMs
    if (due || this.#overlay.dirtyBytes >= flushBytes)
      this.#flush(() => {}, this.#options.notes.due)
  }

  /**
   * Flushes what is applied now; `done` when it is durable, or when it has to wait because the disk
   * has no room for it: the log keeps it as long. Waits for a flush under way. On a node that has
   * ended nothing is written, and who stops it goes on.
   */
  flush(done: () => void): void {
    this.#flush(done, true)
  }

  #flush(done: () => void, withNotes: boolean): void {
    // The log may have failed in this very turn, as entries were moved: the node is over.
    if (this.#host.isStopped) {
      done()
      return
    }
    if (this.#busy) {
      sometimes('partition: a flush waits for a flush')
      this.#after.push(done)
      return
    }
    this.#lastAt = this.#options.clock.monotonic()
    if (!this.#host.room.fits(this.#overlay.dirtyBytes)) {
      this.trimmer.drop()
      done()
      return
    }
    this.#busy = true
    this.#touchApplied()
    // What is applied is durable in the log, but a group that was just made may not be in it yet: a
    // state without a log looks like a lost log at the next start.
    const made = this.#overlay.dirtyGroups.some((group) => this.durableIndex(group) === 0)
    if (!made) {
      this.#write(done, withNotes)
      return
    }
    this.#host.log.commit((fault) => {
      if (fault !== undefined) this.#options.fatal(fault)
      // Whoever heard of the same sync first may have ended the node.
      else if (!this.#host.isStopped) this.#write(done, withNotes)
    })
  }

  #write(done: () => void, withNotes: boolean): void {
    const notes =
      withNotes || this.#overlay.dirtyGroups.length > 0 ? this.#options.notes.take() : []
    const flushed = new Map<GroupId, Applied>()
    const began = this.#options.clock.monotonic()
    this.bytes += this.#overlay.dirtyBytes
    const prepare = (group: GroupId): void => {
      const replica = this.#host.get(group)
      assert(replica !== undefined, `group ${group} has changes and no replica`)
      replica.state.prepareFlush()
      flushed.set(group, replica.state.applied)
    }
    const written = (fault: DiskFault | undefined): void => {
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
      this.trimmer.drop()
      done()
      const waiting = this.#after
      this.#after = []
      if (waiting.length > 0) this.flush(() => waiting.forEach((one) => void one()))
    }
    this.#overlay.flush(prepare, written, notes)
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
}
