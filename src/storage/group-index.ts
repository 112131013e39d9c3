import { decodeConfiguration } from '../raft/codec.ts'
import type { Configuration, Entry, HardState, Index, SnapshotMark, Term } from '../raft/types.ts'
import type { GroupId, ReplicaId } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import { type Creation, type GroupSummary, NO_HARD_STATE, NO_MARK } from './payloads.ts'
import type { Holder } from './segments.ts'

/** Where a record stands. */
export interface Place {
  readonly segment: number
  readonly offset: number
  readonly length: number
}

/** A record that holds the entries [first, end) of a group, and maybe others that are elsewhere. */
export interface RecordRun extends Place {
  readonly first: Index
  readonly end: Index
}

/** Consecutive entries [from, to). */
export interface Stretch {
  readonly from: Index
  readonly to: Index
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
  readonly #holder: Holder
  /**
   * Parallel, one element a record, ascending by first index and not overlapping; those before
   * #head are dead. From the end of what was moved on, segments ascend too.
   */
  #first: Index[] = []
  #end: Index[] = []
  #segment: number[] = []
  #offset: number[] = []
  #length: number[] = []
  #head = 0
  #terms: [Index, Term][] = []
  /** Behind the last entry that was ever moved. */
  #movedEnd: Index = 0

  constructor(group: GroupId, holder: Holder) {
    this.group = group
    this.#holder = holder
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
   * a later compaction mark must cover them, or they were moved (see `complete`).
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
    this.#cut(this.#head)
    this.#cut(0)
    this.#head = 0
    this.#movedEnd = 0
  }

  /** Begins a record of the entries [first, end): what stood from `first` on is gone. */
  place(first: Index, end: Index, place: Place): void {
    assert(this.alive, `group ${this.group} has no replica`)
    assert(end > first, 'a record without entries')
    assert(first > this.mark.index && first <= this.last + 1, `entries from ${first} leave a hole`)
    if (first <= this.last) this.#truncate(first)
    this.#insert(this.#first.length, 0, [{ first, end, ...place }])
  }

  /** The entries [first, end) stand at `place` now, wherever they stood. Nothing else changes. */
  move(first: Index, end: Index, place: Place): void {
    assert(this.alive, `group ${this.group} has no replica`)
    assert(end > first, 'a record without entries')
    assert(first > this.mark.index && end <= this.last + 1, `${first}..${end} is not in the log`)
    const from = this.#search(first)
    let to = from
    while (to < this.#first.length && (this.#first[to] as Index) < end) to++
    const runs: RecordRun[] = [{ first, end, ...place }]
    if (from < to) {
      const left = this.#run(from)
      const right = this.#run(to - 1)
      // What is left before the mark is dead.
      const isLive = first > this.mark.index + 1
      if (left.first < first && isLive) runs.unshift({ ...left, end: first })
      if (right.end > end) runs.push({ ...right, first: end })
    }
    this.#insert(from, to - from, runs)
    this.#movedEnd = Math.max(this.#movedEnd, end)
  }

  /** Whether entries were moved that are still here, as far as that is known cheaply. */
  get hasMoved(): boolean {
    return this.#movedEnd > this.mark.index + 1
  }

  /**
   * Terms and configurations, anew from all entries above the mark, in order: a log read from its
   * oldest checkpoint on meets entries that were moved later than some that follow them.
   */
  relearn(entries: Iterable<Entry>): void {
    const { last } = this
    this.last = this.mark.index
    this.#terms = []
    this.configurations = []
    for (const entry of entries) this.add(entry)
    assert(this.last === last, `entries end at ${this.last}, not at ${last}`)
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
    while (this.#head < this.#first.length && (this.#end[this.#head] as Index) <= live) {
      this.#release(this.#head)
      this.#head++
    }
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
    let next = this.mark.index + 1
    for (let run = this.#head; run < this.#first.length; run++) {
      if ((this.#first[run] as Index) > next) return false
      next = this.#end[run] as Index
    }
    return next === this.last + 1
  }

  /** The last entry that stands in a segment before `segment`; undefined: none does. */
  lastBefore(segment: number): Index | undefined {
    const ascending = Math.max(this.#head, this.#search(this.#movedEnd))
    let low = ascending
    let high = this.#segment.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#segment[middle] as number) < segment) low = middle + 1
      else high = middle
    }
    if (low > ascending) return (this.#end[low - 1] as Index) - 1
    let run = ascending - 1
    while (run >= this.#head && (this.#segment[run] as number) >= segment) run--
    return run < this.#head ? undefined : (this.#end[run] as Index) - 1
  }

  /** The first live entries in a row that stand in `segment`; undefined: none does. */
  stretchIn(segment: number): Stretch | undefined {
    let run = this.#head
    while (this.#segment[run] !== segment) {
      const passed = this.#first[run] === undefined || (this.#segment[run] as number) > segment
      if (passed && (this.#first[run] ?? this.#movedEnd) >= this.#movedEnd) return undefined
      run++
    }
    const from = Math.max(this.#first[run] as Index, this.mark.index + 1)
    let to = this.#end[run++] as Index
    while (this.#segment[run] === segment && this.#first[run] === to) {
      to = this.#end[run++] as Index
    }
    return { from, to }
  }

  termRuns(): readonly (readonly [Index, Term])[] {
    return this.#terms.map(([index, term]) => [index, term] as const)
  }

  get lastTerm(): Term {
    return this.#terms.at(-1)?.[1] ?? this.mark.term
  }

  /** The record that holds entry `index`. Requires: mark.index < index <= last. */
  locate(index: Index): RecordRun {
    const run = this.#run(this.#search(index))
    assert(run.first <= index, `entry ${index} is in no record`)
    return run
  }

  /** The records that hold any of [first, end), as far as they are here. */
  runsOf(first: Index, end: Index): RecordRun[] {
    const runs: RecordRun[] = []
    for (let run = this.#search(first); (this.#first[run] ?? end) < end; run++) {
      runs.push(this.#run(run))
    }
    return runs
  }

  summary(): GroupSummary {
    const { group, minReplica, replica, hardState, last, mark } = this
    return { group, minReplica, replica, hardState, last, mark }
  }

  /** The first live record that ends behind `index`. */
  #search(index: Index): number {
    let low = this.#head
    let high = this.#first.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#end[middle] as Index) <= index) low = middle + 1
      else high = middle
    }
    return low
  }

  #run(at: number): RecordRun {
    return {
      first: this.#first[at] as Index,
      end: this.#end[at] as Index,
      segment: this.#segment[at] as number,
      offset: this.#offset[at] as number,
      length: this.#length[at] as number
    }
  }

  #truncate(from: Index): void {
    let length = this.#first.length
    while (length > this.#head && (this.#first[length - 1] as Index) >= from) length--
    // Nothing lives any more, though the first record may begin before the mark.
    if (from === this.mark.index + 1) length = this.#head
    this.#cut(length)
    if (length > this.#head) {
      this.#end[length - 1] = Math.min(from, this.#end[length - 1] as Index)
    }
    this.#movedEnd = Math.min(this.#movedEnd, from)
    while ((this.#terms.at(-1)?.[0] ?? 0) >= from) this.#terms.pop()
    while ((this.configurations.at(-1)?.[0] ?? 0) >= from) this.configurations.pop()
    this.last = from - 1
  }

  /** Puts `runs` in the place of `count` records from `at` on. */
  #insert(at: number, count: number, runs: readonly RecordRun[]): void {
    for (const run of runs) this.#holder.hold(run.segment, run.length)
    for (let run = at; run < at + count; run++) this.#release(run)
    const [only] = runs
    if (at === this.#first.length && runs.length === 1 && only !== undefined) {
      this.#first.push(only.first)
      this.#end.push(only.end)
      this.#segment.push(only.segment)
      this.#offset.push(only.offset)
      this.#length.push(only.length)
      return
    }
    this.#first.splice(at, count, ...runs.map(({ first }) => first))
    this.#end.splice(at, count, ...runs.map(({ end }) => end))
    this.#segment.splice(at, count, ...runs.map(({ segment }) => segment))
    this.#offset.splice(at, count, ...runs.map(({ offset }) => offset))
    this.#length.splice(at, count, ...runs.map(({ length }) => length))
  }

  #release(run: number): void {
    this.#holder.release(this.#segment[run] as number, this.#length[run] as number)
  }

  /** Drops live records from `length` on. */
  #cut(length: number): void {
    for (let run = Math.max(length, this.#head); run < this.#first.length; run++) {
      this.#release(run)
    }
    this.#first.length = length
    this.#end.length = length
    this.#segment.length = length
    this.#offset.length = length
    this.#length.length = length
  }

  #dropDead(): void {
    this.#first = this.#first.slice(this.#head)
    this.#end = this.#end.slice(this.#head)
    this.#segment = this.#segment.slice(this.#head)
    this.#offset = this.#offset.slice(this.#head)
    this.#length = this.#length.slice(this.#head)
    this.#head = 0
  }
}
