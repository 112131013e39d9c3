import { assert } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import { ConfigurationHistory } from './configurations.ts'
import { Tail } from './tail.ts'
import { TermRuns } from './term-runs.ts'
import type { Entry, Index, RaftStart, SnapshotMark, StableLog, Term } from './types.ts'

/** Entries of one message, however small: what their heads take must fit a frame. */
const ENTRIES_MAX = 4_096

/** What a Ready gave the driver to persist: good up to `reach` once its batch is durable. */
interface Promised {
  readonly index: Index
  readonly term: Term
  /** Less than `index` where the log was truncated since. */
  reach: Index
}

/**
 * The log of one replica: the recent entries, the terms of all, and how far it is handed to the
 * driver, durable, committed and delivered. The driver's StableLog has the entries that fell off
 * the tail.
 *
 * Invariant: mark.index <= delivered <= commit <= last; persisted <= handed <= last.
 */
export class RaftLog {
  readonly configurations: ConfigurationHistory
  readonly #stable: StableLog
  readonly #tail: Tail
  readonly #terms: TermRuns
  #mark: SnapshotMark
  #last: Index
  #commit: Index
  #delivered: Index
  #handed: Index
  #persisted: Index
  #promises: Promised[] = []

  constructor(start: RaftStart, tailBytesMax: number) {
    const { mark, lastIndex, applied } = start
    assert(mark.index <= applied, `applied ${applied} is below the mark ${mark.index}`)
    assert(applied <= lastIndex, `applied ${applied} is ahead of the log's end ${lastIndex}`)
    this.#stable = start.stable
    this.#mark = mark
    this.#last = lastIndex
    this.#commit = applied
    this.#delivered = applied
    this.#handed = lastIndex
    this.#persisted = lastIndex
    this.#terms = new TermRuns(start.termRuns)
    this.#tail = new Tail(lastIndex + 1, tailBytesMax)
    this.configurations = new ConfigurationHistory(mark.configuration, start.configurations)
  }

  get mark(): SnapshotMark {
    return this.#mark
  }

  get firstIndex(): Index {
    return this.#mark.index + 1
  }

  get last(): Index {
    return this.#last
  }

  get lastTerm(): Term {
    return this.#last === this.#mark.index ? this.#mark.term : this.#terms.lastTerm
  }

  get commit(): Index {
    return this.#commit
  }

  /** Handed out as committed; the driver has applied or is applying it. */
  get delivered(): Index {
    return this.#delivered
  }

  /** Durable here, with the terms it has now. */
  get persisted(): Index {
    return this.#persisted
  }

  /** Undefined for what is compacted away or does not exist. */
  term(index: Index): Term | undefined {
    if (index > this.#last || index < this.#mark.index) return undefined
    return index === this.#mark.index ? this.#mark.term : this.#terms.at(index)
  }

  /** Paper 5.4.1: the later term in the last entry wins, then the longer log. */
  isUpToDate(lastIndex: Index, lastTerm: Term): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.#last)
  }

  /**
   * The highest index <= `index` whose term is <= `term`: where two logs may still agree. Below the
   * mark nothing is known: mark.index - 1 says that even the mark is too late.
   */
  lastWithTermAtMost(index: Index, term: Term): Index {
    const from = Math.min(index, this.#last)
    const found = this.#terms.lastWithTermAtMost(from, term)
    if (found > this.#mark.index) return found
    return this.#mark.term > term ? this.#mark.index - 1 : Math.min(from, this.#mark.index)
  }

  /** Requires: entry.index = last + 1, and a term no earlier than that of the last entry. */
  append(entry: Entry): void {
    assert(entry.index === this.#last + 1, `entry ${entry.index} after ${this.#last}`)
    assert(entry.term >= this.lastTerm, `term ${entry.term} after ${this.lastTerm}`)
    this.#terms.append(entry.index, entry.term)
    this.#tail.append(entry)
    if (entry.kind === 'configuration') this.configurations.append(entry)
    this.#last = entry.index
    this.#tail.evict(this.#delivered)
  }

  /** Drops `index` and everything after it. Requires: nothing of it is committed. */
  truncate(index: Index): void {
    assert(index > this.#commit, `committed entry ${index} <= ${this.#commit} would be lost`)
    this.#last = index - 1
    this.#terms.truncate(index)
    this.#tail.truncate(index)
    this.configurations.truncate(index)
    this.#handed = Math.min(this.#handed, this.#last)
    this.#persisted = Math.min(this.#persisted, this.#last)
    if (this.#promises.length > 0) sometimes('raft: overwrites what is not durable yet')
    for (const promise of this.#promises) promise.reach = Math.min(promise.reach, this.#last)
  }

  /** A snapshot that the log does not lead up to takes its place. Requires: mark.index > commit. */
  reset(mark: SnapshotMark): void {
    assert(mark.index > this.#commit, `a snapshot at ${mark.index} behind commit ${this.#commit}`)
    this.#mark = mark
    this.#last = mark.index
    this.#commit = mark.index
    this.#delivered = mark.index
    this.#handed = mark.index
    // The state at the mark is durable, and nobody needs the entries below it from us.
    this.#persisted = mark.index
    if (this.#promises.length > 0) sometimes('raft: replaces what is not durable yet by a snapshot')
    for (const promise of this.#promises) promise.reach = 0
    this.#terms.clear()
    this.#tail.clear(mark.index + 1)
    this.configurations.reset(mark.configuration)
  }

  /**
   * State up to `index` came as a snapshot, and the log leads up to it: nothing below is
   * delivered.
   */
  skipTo(index: Index): void {
    assert(index <= this.#last, `a skip to ${index}, beyond ${this.#last}`)
    this.#commit = Math.max(this.#commit, index)
    this.#delivered = Math.max(this.#delivered, index)
  }

  /** Returns whether anything became committed. Never beyond the end of the log. */
  commitTo(index: Index): boolean {
    const commit = Math.min(index, this.#last)
    if (commit <= this.#commit) return false
    this.#commit = commit
    return true
  }

  /** Forgets entries up to mark.index. Requires: they were delivered. */
  compact(mark: SnapshotMark): void {
    if (mark.index <= this.#mark.index) return
    assert(mark.index <= this.#delivered, `compaction to ${mark.index} beyond ${this.#delivered}`)
    assert(this.term(mark.index) === mark.term, `a mark of term ${mark.term} at ${mark.index}`)
    this.#mark = mark
    this.#terms.compact(mark.index)
    this.#tail.compact(mark.index)
    this.configurations.compact(mark)
  }

  /** Up to `bytesMax` of entries from `from` on, below `to`, at least one. Requires: from < to. */
  entries(from: Index, to: Index, bytesMax: number): readonly Entry[] {
    const recent = this.#tail.first
    const end = Math.min(to, from + ENTRIES_MAX)
    if (from >= recent) return this.#tail.slice(from, end, bytesMax)
    sometimes('raft: reads entries back from the log')
    const read = this.#stable.entries(from, Math.min(end, recent), bytesMax)
    assert(read[0]?.index === from, `entry ${from} is not in the stable log`)
    return read
  }

  /** Bytes of (from, to] that the tail has. */
  tailBytes(from: Index, to: Index): number {
    return this.#tail.bytesBetween(from, to)
  }

  get hasUnhanded(): boolean {
    return this.#handed < this.#last
  }

  /** What the driver must append now, and that is remembered as promised. */
  takeUnhanded(): readonly Entry[] {
    const entries = this.#tail.slice(this.#handed + 1, this.#last + 1, Number.POSITIVE_INFINITY)
    this.#handed = this.#last
    this.#promises.push({ index: this.#last, term: this.lastTerm, reach: this.#last })
    return entries
  }

  /**
   * The batch that ended in (index, term) is durable, and so is every earlier one. It counts only
   * as far as the log was not truncated since it was handed out: an entry of the same index and
   * term may have come back after a truncation, in a batch still under way (pitfalls R16). Returns
   * whether `persisted` advanced.
   */
  persist(index: Index, term: Term): boolean {
    const before = this.#persisted
    let at = 0
    for (;;) {
      const promise = this.#promises[at]
      if (promise === undefined) return false
      at++
      if (promise.index === index && promise.term === term) break
    }
    for (let i = 0; i < at; i++) {
      const { reach } = this.#promises.shift() as Promised
      this.#persisted = Math.max(this.#persisted, reach)
    }
    return this.#persisted > before
  }

  get hasDeliverable(): boolean {
    return this.#delivered < Math.min(this.#commit, this.#persisted)
  }

  /**
   * The next committed entries that are durable here too, each once, about `bytesMax` at a time.
   */
  takeDeliverable(bytesMax: number): readonly Entry[] {
    const to = Math.min(this.#commit, this.#persisted) + 1
    const entries = this.entries(this.#delivered + 1, to, bytesMax)
    this.#delivered += entries.length
    this.#tail.evict(this.#delivered)
    return entries
  }
}
