import { encodeMark } from '../raft/codec.ts'
import type { Entry, HardState, Index, SnapshotMark } from '../raft/types.ts'
import type { GroupId, ReplicaId } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import { type AppendFile, type Disk, DiskFault } from '../world/disk.ts'
import { GroupIndex, type Place, type RecordRun, type Stretch } from './group-index.ts'
import type { NodeLog, RecoveredGroup } from './log-types.ts'
import {
  type EntryCursor,
  encodeBury,
  encodeCheckpoint,
  encodeCreate,
  encodeHardState,
  writeEntry
} from './payloads.ts'
import { cursorOf } from './read-back.ts'
import { RecordBuffer, RecordKind } from './records.ts'
import { type RecoveredLog, recover, segmentName } from './recovery.ts'
import type { Segment, Segments } from './segments.ts'

export interface LogOptions {
  /** A new segment begins once one holds this much. Default 64 MiB. */
  readonly segmentBytes?: number
}

const SEGMENT_BYTES = 64 * 1024 * 1024
/** A record takes entries until their data is this much: what reading one of them back costs. */
const RECORD_DATA_BYTES = 64 * 1024

type Done = (fault: DiskFault | undefined) => void

/**
 * Opens the log in `disk`, which may hold other files too. Reads all of it, and repairs what a
 * crash left of the last batch. Throws LogCorrupt when the log is damaged or of a newer version,
 * DiskFault when the disk refuses.
 */
export function openLog(disk: Disk, options: LogOptions = {}): NodeLog {
  return new SegmentedLog(disk, recover(disk), options.segmentBytes ?? SEGMENT_BYTES)
}

/**
 * One log for all groups of the node (docs/storage-format.md). Records gather in one buffer; a
 * batch leaves it in one append, and only when the batch before it is durable.
 */
class SegmentedLog implements NodeLog {
  readonly #disk: Disk
  readonly #segmentBytes: number
  readonly #groups: Map<GroupId, GroupIndex>
  /** The newest is the one that the gathering batch goes to. */
  readonly #segments: Segments
  readonly #buffer: RecordBuffer
  /** The segment that `#file` is; behind the last of #segments when a batch begins a new one. */
  #open: Segment | undefined
  #file: AppendFile | undefined
  #durable: number
  #written = 0
  /** Who waits for the batch at the disk; undefined when there is none. */
  #flight: Done[] | undefined
  /** Who waits for the gathering batch. */
  #waiting: Done[] = []
  #removing = false
  #fault: DiskFault | undefined
  #closed = false
  #closing: (() => void) | undefined

  constructor(disk: Disk, { groups, segments, sequence, crc }: RecoveredLog, segmentBytes: number) {
    this.#disk = disk
    this.#segmentBytes = segmentBytes
    this.#groups = groups
    this.#segments = segments
    this.#buffer = new RecordBuffer(sequence, crc)
    this.#durable = sequence
  }

  get durableSequence(): number {
    return this.#durable
  }

  get bytes(): number {
    return this.#segments.bytes
  }

  get bytesWritten(): number {
    return this.#written
  }

  get segmentCount(): number {
    return this.#segments.all.length
  }

  groups(): readonly RecoveredGroup[] {
    return [...this.#groups.values()].map((index) => ({
      group: index.group,
      replica: index.replica,
      minReplica: index.minReplica,
      start: {
        hardState: index.hardState,
        mark: index.mark,
        termRuns: index.termRuns(),
        lastIndex: index.last,
        configurations: [...index.configurations],
        stable: {
          entries: (from, to, bytesMax) => this.entries(index.group, from, to, bytesMax)
        }
      }
    }))
  }

  create(group: GroupId, replica: ReplicaId, mark: SnapshotMark, hardState: HardState): void {
    const creation = { replica, mark, hardState }
    this.#write(RecordKind.create, group, encodeCreate(creation))
    this.#index(group).create(creation)
  }

  append(group: GroupId, entries: readonly Entry[]): void {
    const index = this.#live(group)
    for (let next = 0; next < entries.length; ) next = this.#appendRecord(index, entries, next)
  }

  setHardState(group: GroupId, hardState: HardState): void {
    const index = this.#live(group)
    this.#write(RecordKind.hardState, group, encodeHardState(hardState))
    index.hardState = hardState
  }

  reset(group: GroupId, mark: SnapshotMark): void {
    const index = this.#live(group)
    this.#write(RecordKind.reset, group, encodeMark(mark))
    index.reset(mark)
  }

  compact(group: GroupId, mark: SnapshotMark): void {
    const index = this.#live(group)
    if (mark.index <= index.mark.index) return
    this.#write(RecordKind.compact, group, encodeMark(mark))
    index.compact(mark)
  }

  oldEntries(bytes: number): ReadonlyMap<GroupId, Index> {
    const first = this.#segments.firstOfNewest(bytes)
    const old = new Map<GroupId, Index>()
    if (this.#segments.oldestNeeded >= first) return old
    for (const index of this.#groups.values()) {
      const last = index.lastBefore(first)
      if (last !== undefined) old.set(index.group, last)
    }
    return old
  }

  moveOldest(bytes: number, bytesMax: number): number {
    const oldest = this.#segments.worthEmptying(this.#segments.firstOfNewest(bytes))
    if (oldest === undefined) return 0
    let moved = 0
    for (const index of this.#groups.values()) {
      let stretch = index.stretchIn(oldest)
      while (stretch !== undefined && moved < bytesMax) {
        moved += this.#moveSome(index, stretch)
        stretch = index.stretchIn(oldest)
      }
    }
    return moved
  }

  bury(group: GroupId, minReplica: ReplicaId): void {
    this.#write(RecordKind.bury, group, encodeBury(minReplica))
    this.#index(group).bury(minReplica)
  }

  commit(done: Done): void {
    if (this.#fault !== undefined) done(this.#fault)
    else if (this.#buffer.length > 0) {
      this.#waiting.push(done)
      if (this.#flight === undefined) this.#writeBatch()
    } else if (this.#flight !== undefined) this.#flight.push(done)
    else done(undefined)
  }

  entries(group: GroupId, from: Index, to: Index, bytesMax: number): readonly Entry[] {
    const index = this.#live(group)
    assert(from > index.mark.index && to <= index.last + 1, `entries ${from}..${to} are not here`)
    const out: Entry[] = []
    let bytes = 0
    for (let at = from; at < to; ) {
      const run = index.locate(at)
      const cursor = this.#read(run)
      const end = Math.min(to, run.end)
      for (let entry = cursor.next(); entry !== undefined && at < end; entry = cursor.next()) {
        if (entry.index < at) continue
        bytes += entry.data.length
        if (bytes > bytesMax && out.length > 0) return out
        out.push(entry)
        at++
      }
      assert(at === end, `entry ${at} is not in its record`)
    }
    return out
  }

  close(done: () => void): void {
    assert(!this.#closed, 'the log is closed twice')
    this.#closed = true
    this.#closing = done
    if (this.#flight === undefined && !this.#removing) this.#closeFile()
  }

  #index(group: GroupId): GroupIndex {
    let index = this.#groups.get(group)
    if (index === undefined) {
      index = new GroupIndex(group, this.#segments)
      this.#groups.set(group, index)
    }
    return index
  }

  #live(group: GroupId): GroupIndex {
    const index = this.#groups.get(group)
    assert(index?.alive, `the log has no replica of group ${group}`)
    return index
  }

  /** Encodes entries from `next` on into one record; returns where the following one begins. */
  #appendRecord(index: GroupIndex, entries: readonly Entry[], next: number): number {
    let count = 0
    for (let bytes = 0; next + count < entries.length && bytes < RECORD_DATA_BYTES; count++) {
      bytes += (entries[next + count] as Entry).data.length
    }
    const taken = entries.slice(next, next + count)
    const first = (taken[0] as Entry).index
    index.place(first, first + count, this.#writeEntries(RecordKind.entries, index.group, taken))
    for (const entry of taken) index.add(entry)
    return next + count
  }

  /** Moves the first entries of `stretch`, one record of them; returns what they took up. */
  #moveSome(index: GroupIndex, { from, to }: Stretch): number {
    const taken = this.entries(index.group, from, to, RECORD_DATA_BYTES)
    const end = from + taken.length
    let bytes = 0
    for (const run of index.runsOf(from, end)) bytes += run.length
    index.move(from, end, this.#writeEntries(RecordKind.moved, index.group, taken))
    return bytes
  }

  /** One record. Requires: there is an entry. */
  #writeEntries(kind: RecordKind, group: GroupId, entries: readonly Entry[]): Place {
    const buffer = this.#buffer
    const at = this.#begin(kind, group)
    buffer.u64((entries[0] as Entry).index)
    buffer.u32(entries.length)
    for (const entry of entries) writeEntry(buffer, entry)
    const { number, bytes } = this.#target()
    return { segment: number, offset: bytes + at, length: buffer.end() }
  }

  #write(kind: RecordKind, group: GroupId, payload: Uint8Array): void {
    this.#begin(kind, group)
    this.#buffer.raw(payload)
    this.#buffer.end()
  }

  /** Begins a record; returns its place in the buffer. The first of a batch may turn the page. */
  #begin(kind: RecordKind, group: GroupId): number {
    assert(!this.#closed, 'the log is closed')
    if (this.#buffer.length === 0) this.#turnPage()
    const at = this.#buffer.length
    this.#buffer.begin(kind, group)
    return at
  }

  /** Gives the gathering batch a new segment, begun by a checkpoint, when the last one is full. */
  #turnPage(): void {
    const last = this.#segments.newest
    const full = last === undefined || last.bytes >= this.#segmentBytes
    if (full) this.#segments.begin()
    // A crash may have left the newest segment empty: it still needs its checkpoint.
    if (!full && last.bytes > 0) return
    const summaries = [...this.#groups.values()].map((index) => index.summary())
    this.#buffer.begin(RecordKind.checkpoint, 0)
    this.#buffer.raw(encodeCheckpoint(summaries))
    this.#buffer.end()
  }

  #target(): Segment {
    return this.#segments.newest as Segment
  }

  #writeBatch(): void {
    const flight = this.#waiting
    this.#waiting = []
    this.#flight = flight
    const target = this.#target()
    const opened = this.#open !== target
    const batch = this.#buffer.view()
    let file: AppendFile
    try {
      if (opened) this.#file?.close()
      file =
        opened || this.#file === undefined
          ? this.#disk.open(segmentName(target.number))
          : this.#file
      this.#open = target
      this.#file = file
      file.append(batch)
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error
      this.#fail(error)
      return
    }
    target.bytes += batch.length
    this.#written += batch.length
    this.#buffer.clear()
    const last = this.#buffer.sequence
    // Once this batch is durable, so are the checkpoint that begins the newest segment and all
    // compaction marks and moved entries that count here.
    const { oldestNeeded } = this.#segments
    const synced: Done = (fault) => {
      if (fault !== undefined) this.#fail(fault)
      else this.#synced(last, oldestNeeded)
    }
    // A file opened for the first time in this life may not be in its directory for good yet.
    file.sync((fault) => {
      if (fault === undefined && opened) this.#disk.syncDirectory(synced)
      else synced(fault)
    })
  }

  #synced(last: number, oldestNeeded: number): void {
    const flight = this.#flight ?? []
    this.#flight = undefined
    this.#durable = last
    // The disk works on the next batch while the CPU works on what this one allows.
    if (this.#waiting.length > 0) this.#writeBatch()
    // If that failed, the node has ended: what is durable now must not set anything going.
    for (const done of flight) done(this.#fault)
    this.#removeBelow(oldestNeeded)
    if (this.#flight === undefined && !this.#removing && this.#closing !== undefined)
      this.#closeFile()
  }

  /** One at a time, oldest first, each for good before the next: a crash never leaves a gap. */
  #removeBelow(oldestNeeded: number): void {
    const [oldest] = this.#segments.all
    if (this.#removing || this.#fault !== undefined) return
    if (oldest === undefined || oldest.number >= oldestNeeded) return
    this.#removing = true
    try {
      this.#disk.remove(segmentName(oldest.number))
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error
      this.#fail(error)
      return
    }
    this.#segments.shift()
    this.#disk.syncDirectory((fault) => {
      this.#removing = false
      if (fault !== undefined) this.#fail(fault)
      else this.#removeBelow(oldestNeeded)
      if (!this.#removing && this.#flight === undefined && this.#closing !== undefined) {
        this.#closeFile()
      }
    })
  }

  /** Reads a record back, from the gathering batch when it is still there. */
  #read(run: RecordRun): EntryCursor {
    const target = this.#target()
    const pending = run.segment === target.number && run.offset >= target.bytes
    const at = run.offset - target.bytes
    const bytes = pending
      ? this.#buffer.view().slice(at, at + run.length)
      : this.#disk.read(segmentName(run.segment), run.offset, run.length)
    return cursorOf(bytes, run)
  }

  /** Final: what the disk holds is no longer known (fsyncgate), so nothing more is written. */
  #fail(fault: DiskFault): void {
    if (this.#fault !== undefined) return
    this.#fault = fault
    const waiting = [...(this.#flight ?? []), ...this.#waiting]
    this.#flight = undefined
    this.#waiting = []
    this.#removing = false
    for (const done of waiting) done(fault)
    if (this.#closing !== undefined) this.#closeFile()
  }

  #closeFile(): void {
    const done = this.#closing
    this.#closing = undefined
    this.#file?.close()
    this.#file = undefined
    done?.()
  }
}
