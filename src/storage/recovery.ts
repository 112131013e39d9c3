import { decodeMark } from '../raft/codec.ts'
import type { Entry, Index } from '../raft/types.ts'
import { equalBytes, Malformed } from '../wire/bytes.ts'
import type { GroupId } from '../wire/ids.ts'
import { AssertionError, assert } from '../world/assert.ts'
import type { Disk } from '../world/disk.ts'
import { sometimes } from '../world/sometimes.ts'
import { GroupIndex, type Place, type RecordRun } from './group-index.ts'
import { damaged, newer } from './log-corrupt.ts'
import {
  decodeBury,
  decodeCheckpoint,
  decodeCreate,
  decodeHardState,
  EntryCursor,
  type GroupSummary
} from './payloads.ts'
import {
  HEADER_BYTES,
  RECORD_VERSION,
  type RecordHeader,
  RecordKind,
  RecordReader
} from './records.ts'
import { type Segment, Segments } from './segments.ts'

export interface RecoveredLog {
  readonly groups: Map<GroupId, GroupIndex>
  readonly segments: Segments
  /** Number and checksum of the last record; 0, 0 when there is none. */
  readonly sequence: number
  readonly crc: number
}

const NAME = /^log-(\d{12})\.segment$/

export const segmentName = (number: number): string =>
  `log-${String(number).padStart(12, '0')}.segment`

/**
 * Reads all segments of `disk`, oldest first, and cuts what a crash left of the last batch
 * (durably) before it returns. Throws LogCorrupt when anything is damaged that a crash cannot have
 * damaged.
 */
export function recover(disk: Disk): RecoveredLog {
  const segments = new Segments(findSegments(disk))
  const { newest } = segments
  const replay = new Replay(disk, segments)
  for (const segment of segments.all) replay.segment(segment, segment === newest)
  replay.finish()
  // What a dead process wrote and never synced is in the cache only; from here on it counts as
  // durable.
  if (newest !== undefined) disk.settle(segmentName(newest.number), replay.newestBatchAt)
  return { groups: replay.groups, segments, sequence: replay.sequence, crc: replay.crc }
}

function findSegments(disk: Disk): Segment[] {
  const segments: Segment[] = []
  for (const name of disk.list()) {
    const number = NAME.exec(name)?.[1]
    if (number !== undefined) segments.push({ number: Number(number), bytes: disk.size(name) })
  }
  segments.sort((a, b) => a.number - b.number)
  for (const [i, segment] of segments.entries()) {
    const wanted = (segments[0] as Segment).number + i
    if (segment.number !== wanted) throw damaged(segmentName(wanted), 0, 'the file is missing')
  }
  return segments
}

/** The state of one pass over the segments. */
class Replay {
  readonly groups = new Map<GroupId, GroupIndex>()
  sequence = 0
  crc = 0
  /** Where the newest batch begins in the segment read last. */
  newestBatchAt = 0
  #batch = 0
  /** Nothing was read yet: the first record's number and chain are taken as they are. */
  #first = true
  readonly #disk: Disk
  readonly #segments: Segments
  #file = ''

  constructor(disk: Disk, segments: Segments) {
    this.#disk = disk
    this.#segments = segments
  }

  /** Replays one segment; `newest` says that a crash may have torn its end. */
  segment(segment: Segment, newest: boolean): void {
    this.#file = segmentName(segment.number)
    const bytes = this.#disk.read(this.#file, 0, segment.bytes)
    // Older segments go only once this one's checkpoint is durable, and a newer one comes only
    // then.
    const mayBeginTorn = newest && (!this.#first || segment.number === 1)
    if (bytes.length === 0 && !mayBeginTorn) throw this.#bad(0, 'it is empty')
    const reader = new RecordReader(bytes)
    let offset = 0
    this.newestBatchAt = 0
    while (offset < bytes.length) {
      const header = reader.at(offset)
      if (header === undefined || (newest && this.#isStale(header))) {
        this.#checkTorn(reader, offset, offset > 0 ? newest : mayBeginTorn)
        sometimes('storage: cuts a torn batch')
        if (offset === 0) sometimes('storage: begins a torn segment anew')
        this.#disk.truncate(this.#file, offset)
        break
      }
      this.#follow(header, offset)
      const payload = bytes.subarray(offset + HEADER_BYTES, offset + header.length)
      this.#replay(header, payload, segment.number, offset)
      offset += header.length
    }
    segment.bytes = offset
  }

  /** Checks what holds only once all was read. */
  finish(): void {
    for (const index of this.groups.values()) {
      if (!index.complete()) {
        throw damaged(this.#file, 0, `entries of group ${index.group} are in no segment`)
      }
      if (index.hasMoved) this.#relearn(index)
      // The torn part of a batch may have held the hard state that went with entries or a mark that
      // survived. A term seen is a term entered: that never breaks a promise, for no vote of that
      // term can have been sent before its record was durable.
      const term = Math.max(index.lastTerm, index.mark.term)
      if (index.alive && term > index.hardState.term) {
        sometimes('storage: a term outlived the vote in it')
        index.hardState = { term, vote: 0 }
      }
    }
  }

  /**
   * A bad record at `offset` is what a crash left only if it belongs to the newest batch. The batch
   * after it is written only when it is synced, so any record of a later batch proves that this one
   * was durable once.
   */
  #checkTorn(reader: RecordReader, offset: number, mayBeTorn: boolean): void {
    const bad = this.sequence + 1
    if (!mayBeTorn) throw damaged(this.#file, offset, `record ${bad} does not match its checksum`)
    const size = reader.bytes.length
    const upTo = bad + Math.floor((size - offset) / HEADER_BYTES)
    let at = offset + 1
    while (at + HEADER_BYTES <= size) {
      const header = reader.plausible(at, bad, upTo) ? reader.at(at) : undefined
      if (header !== undefined && header.batch > bad) {
        const proof = `yet record ${header.sequence} of a later batch follows`
        throw this.#bad(offset, `record ${bad} does not match its checksum, ${proof}`)
      }
      at += header?.length ?? 1
    }
  }

  /**
   * A sector that a crash kept from the disk shows what stood there before: an older part of the
   * log may, by its place, begin with a whole record.
   */
  #isStale({ sequence }: RecordHeader): boolean {
    return !this.#first && sequence <= this.sequence
  }

  /** Numbers, batches and checksums must chain; every segment begins a batch with a checkpoint. */
  #follow(header: RecordHeader, offset: number): void {
    const { sequence, batch, previous, kind, version, crc } = header
    if (version !== RECORD_VERSION) throw newer(this.#file, version)
    const follows = sequence === this.sequence + 1 && previous === this.crc
    if (!follows && !this.#first) throw this.#bad(offset, `record ${sequence} breaks the chain`)
    if (batch !== sequence && batch !== this.#batch) {
      throw this.#bad(offset, `record ${sequence} is of batch ${batch}, after ${this.#batch}`)
    }
    const checkpoint = kind === RecordKind.checkpoint && batch === sequence
    if (offset === 0 && !checkpoint) throw this.#bad(0, 'it does not begin with a checkpoint')
    if (batch === sequence) this.newestBatchAt = offset
    this.#batch = batch
    this.sequence = sequence
    this.crc = crc
  }

  #replay(header: RecordHeader, payload: Uint8Array, segment: number, offset: number): void {
    try {
      if (header.kind === RecordKind.checkpoint) this.#checkpoint(decodeCheckpoint(payload))
      else if (header.kind === RecordKind.entries || header.kind === RecordKind.moved) {
        this.#entries(header, payload, { segment, offset, length: header.length })
      } else this.#change(header, payload)
      this.#first = false
    } catch (error) {
      // An assertion of the index is not our mistake here: the input is a file.
      if (!(error instanceof Malformed || error instanceof AssertionError)) throw error
      throw this.#bad(offset, `record ${header.sequence} makes no sense (${error.message})`)
    }
  }

  #checkpoint(summaries: readonly GroupSummary[]): void {
    if (this.#first) {
      for (const summary of summaries) this.#index(summary.group).restore(summary)
      return
    }
    assert(summaries.length === this.groups.size, 'the checkpoint has other groups')
    for (const summary of summaries) {
      const index = this.groups.get(summary.group)
      const same = index?.replica === summary.replica && index.minReplica === summary.minReplica
      assert(
        same && index.last === summary.last,
        `the checkpoint differs in group ${summary.group}`
      )
      assert(index.mark.index === summary.mark.index, `the mark differs in group ${summary.group}`)
      index.hardState = summary.hardState
    }
  }

  #entries(header: RecordHeader, payload: Uint8Array, place: Place): void {
    const index = this.#index(header.group)
    const cursor = new EntryCursor(payload)
    const { first, count } = cursor
    if (header.kind === RecordKind.entries) {
      index.place(first, first + count, place)
      for (const entry of cursor) index.add(entry)
      return
    }
    const moved = [...cursor]
    for (const run of index.runsOf(first, first + count)) this.#compare(run, moved)
    index.move(first, first + count, place)
  }

  /** Where both copies of an entry are still here they must be one entry. */
  #compare(run: RecordRun, moved: readonly Entry[]): void {
    const first = (moved[0] as Entry).index
    for (const before of this.#cursorAt(run)) {
      const now = moved[before.index - first]
      if (now === undefined || before.index < run.first || before.index >= run.end) continue
      const same = before.term === now.term && before.kind === now.kind
      assert(same && equalBytes(before.data, now.data), `entry ${now.index} is here in two forms`)
    }
  }

  /** A record that was replayed before, so that its checksum is known to hold. */
  #cursorAt({ segment, offset, length }: Place): EntryCursor {
    const bytes = this.#disk.read(segmentName(segment), offset, length)
    return new EntryCursor(bytes.subarray(HEADER_BYTES))
  }

  #relearn(index: GroupIndex): void {
    const mark = index.mark.index
    const runs = index.runsOf(mark + 1, index.last + 1)
    try {
      index.relearn(this.#entriesOf(runs, mark))
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error
      throw this.#bad(0, `entries of group ${index.group} make no sense (${error.message})`)
    }
  }

  *#entriesOf(runs: readonly RecordRun[], mark: Index): Generator<Entry, void> {
    for (const run of runs) {
      for (const entry of this.#cursorAt(run)) {
        const { index } = entry
        if (index > mark && index >= run.first && index < run.end) yield entry
      }
    }
  }

  #change(header: RecordHeader, payload: Uint8Array): void {
    const index = this.#index(header.group)
    assert(
      index.alive || header.kind === RecordKind.create || header.kind === RecordKind.bury,
      'dead'
    )
    switch (header.kind) {
      case RecordKind.create:
        index.create(decodeCreate(payload))
        break
      case RecordKind.hardState:
        index.hardState = decodeHardState(payload)
        break
      case RecordKind.reset:
        index.reset(decodeMark(payload))
        break
      case RecordKind.compact:
        index.compact(decodeMark(payload))
        break
      case RecordKind.bury:
        index.bury(decodeBury(payload))
        break
      default:
        throw new Malformed(`unknown kind ${header.kind}`)
    }
  }

  #index(group: GroupId): GroupIndex {
    let index = this.groups.get(group)
    if (index === undefined) {
      index = new GroupIndex(group, this.#segments)
      this.groups.set(group, index)
    }
    return index
  }

  #bad(offset: number, what: string): Error {
    return damaged(this.#file, offset, what)
  }
}
