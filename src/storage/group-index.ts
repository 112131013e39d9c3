import { decodeConfiguration } from '../raft/codec.ts'
import type { Configuration, Entry, HardState, Index, SnapshotMark, Term } from '../raft/types.ts'
import type { GroupId, ReplicaId } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import { type Creation, type GroupSummary, NO_HARD_STATE, NO_MARK } from './payloads.ts'

/** Where a record stands. */
export interface Place {
  readonly segment: number
  readonly offset: number
  readonly length: number
}

/** A record that holds the entries [first, end) of a group. */
export interface RecordRun extends Place {
  readonly first: Index
  readonly end: Index
}

/** Pops this many dead records before the arrays are cut. */
const DEAD_MAX = 1024

/**
 * What the log knows of one group in memory: where its entries are, a few numbers per record, and
 * all that a start needs. Replaying records and appending new ones change it by the same methods.
 */
export class GroupIndex {
  readonly group: GroupId
  replica: ReplicaId = 0
  minReplica: ReplicaId = 0
  hardState: HardState = NO_HARD_STATE
  mark: SnapshotMark = NO_MARK
  last: Index = 0
  configurations: (readonly [Index, Configuration])[] = []
  /** Parallel, one element a record, ascending by first index; those before #head are dead. */
  #first: Index[] = []
  #segment: number[] = []
  #offset: number[] = []
  #length: number[] = []
  #head = 0
  #terms: [Index, Term][] = []

  constructor(group: GroupId) {
    this.group = group
  }

  get alive(): boolean {
    return this.replica !== 0
  }

  create({ replica, hardState, mark }: Creation): void {
    assert(!this.alive, `group ${this.group} has a replica already`)
    assert(replica >= this.minReplica && replica > 0, `replica ${replica} was buried`)
    this.replica = replica
    this.minReplica = replica
    this.hardState = hardState
    this.reset(mark)
  }

  /**
   * Takes over a checkpoint. Where it is the oldest one left, entries up to `last` may be missing:
   * a later compaction mark must cover them (see `complete`).
   */
  restore(summary: GroupSummary): void {
    this.replica = summary.replica
    this.minReplica = summary.minReplica
    this.hardState = summary.hardState
    this.reset(summary.mark)
    this.last = summary.last
  }

  reset(mark: SnapshotMark): void {
    this.mark = mark
    this.last = mark.index
    this.configurations = []
    this.#terms = []
    this.#cut(0)
    this.#head = 0
  }

  /** Begins a record of entries from `first` on: what stood from there on is gone. */
  place(first: Index, place: Place): void {
    assert(this.alive, `group ${this.group} has no replica`)
    assert(first > this.mark.index && first <= this.last + 1, `entries from ${first} leave a hole`)
    if (first <= this.last) this.#truncate(first)
    this.#first.push(first)
    this.#segment.push(place.segment)
    this.#offset.push(place.offset)
    this.#length.push(place.length)
  }

  /** Counts the next entry of the record placed last. */
  add(entry: Entry): void {
    assert(entry.index === this.last + 1, `entry ${entry.index} after ${this.last}`)
    const run = this.#terms.at(-1)
    assert(run === undefined || run[1] <= entry.term, `term ${entry.term} in the log after ${run}`)
    this.last = entry.index
    if (run?.[1] !== entry.term) this.#terms.push([entry.index, entry.term])
    if (entry.kind !== 'configuration') return
    this.configurations.push([entry.index, decodeConfiguration(entry.data)])
  }

  compact(mark: SnapshotMark): void {
    assert(mark.index <= this.last, `compaction to ${mark.index} above the last entry ${this.last}`)
    assert(mark.index >= this.mark.index, `compaction back to ${mark.index}`)
    this.mark = mark
    const live = mark.index + 1
    while (this.#head < this.#first.length && this.#end(this.#head) <= live) this.#head++
    if (this.#head > DEAD_MAX && this.#head * 2 > this.#first.length) this.#dropDead()
    while (this.#terms.length > 1 && (this.#terms[1]?.[0] as Index) <= live) this.#terms.shift()
    if (this.last === mark.index) this.#terms = []
    const firstTerm = this.#terms[0]
    if (firstTerm !== undefined && firstTerm[0] < live) firstTerm[0] = live
    this.configurations = this.configurations.filter(([index]) => index > mark.index)
  }

  bury(minReplica: ReplicaId): void {
    this.reset(NO_MARK)
    this.hardState = NO_HARD_STATE
    this.replica = 0
    this.minReplica = Math.max(this.minReplica, minReplica)
  }

  /** Whether every entry above the mark is here. */
  complete(): boolean {
    if (this.last === this.mark.index) return true
    return (
      this.#head < this.#first.length && (this.#first[this.#head] as Index) <= this.mark.index + 1
    )
  }

  /** The oldest segment this group still needs; Infinity when it needs none. */
  oldestSegment(): number {
    return this.#segment[this.#head] ?? Number.POSITIVE_INFINITY
  }

  /** The last entry that stands in a segment before `segment`. Requires: there is one. */
  lastBefore(segment: number): Index {
    let low = this.#head
    let high = this.#segment.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#segment[middle] as number) < segment) low = middle + 1
      else high = middle
    }
    return this.#end(low - 1) - 1
  }

  termRuns(): readonly (readonly [Index, Term])[] {
    return this.#terms.map(([index, term]) => [index, term] as const)
  }

  get lastTerm(): Term {
    return this.#terms.at(-1)?.[1] ?? this.mark.term
  }

  /** The record that holds entry `index`. Requires: mark.index < index <= last. */
  locate(index: Index): RecordRun {
    let low = this.#head
    let high = this.#first.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#first[middle] as Index) <= index) low = middle
      else high = middle - 1
    }
    return {
      first: this.#first[low] as Index,
      end: this.#end(low),
      segment: this.#segment[low] as number,
      offset: this.#offset[low] as number,
      length: this.#length[low] as number
    }
  }

  summary(): GroupSummary {
    const { group, minReplica, replica, hardState, last, mark } = this
    return { group, minReplica, replica, hardState, last, mark }
  }

  #end(run: number): Index {
    return this.#first[run + 1] ?? this.last + 1
  }

  #truncate(from: Index): void {
    let length = this.#first.length
    while (length > this.#head && (this.#first[length - 1] as Index) >= from) length--
    this.#cut(length)
    while ((this.#terms.at(-1)?.[0] ?? 0) >= from) this.#terms.pop()
    while ((this.configurations.at(-1)?.[0] ?? 0) >= from) this.configurations.pop()
    this.last = from - 1
  }

  #cut(length: number): void {
    this.#first.length = length
    this.#segment.length = length
    this.#offset.length = length
    this.#length.length = length
  }

  #dropDead(): void {
    this.#first = this.#first.slice(this.#head)
    this.#segment = this.#segment.slice(this.#head)
    this.#offset = this.#offset.slice(this.#head)
    this.#length = this.#length.slice(this.#head)
    this.#head = 0
  }
}
