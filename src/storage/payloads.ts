import { decodeMark, encodeMark } from '../raft/codec.ts'
import type { Entry, EntryKind, HardState, Index, SnapshotMark, Term } from '../raft/types.ts'
import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import type { GroupId, ReplicaId } from '../wire/ids.ts'
import type { RecordBuffer } from './records.ts'

/*
 * Payloads. `entries` is the hot one: fixed fields, little-endian. `moved` is the same.
 *
 *   0             8       12
 *   | first index | count | count times: | term u64 | kind u8 | length u32 | data ... |
 *
 * The others are varints (`wire/bytes.ts`):
 *
 *   checkpoint  count, count times: group, minReplica, replica,
 *               and unless replica is 0: term, vote, last index, mark (length-prefixed)
 *   create      replica, term, vote, mark      hard state  term, vote
 *   reset       mark      compact  mark        bury        minReplica
 */
const ENTRY_BYTES = 13
const KINDS: readonly EntryKind[] = ['command', 'configuration', 'empty']
const EMPTY = new Uint8Array(0)

/** One group in a checkpoint; `replica` 0 when only its tombstone is left. */
export interface GroupSummary {
  readonly group: GroupId
  readonly minReplica: ReplicaId
  readonly replica: ReplicaId
  readonly hardState: HardState
  readonly last: Index
  readonly mark: SnapshotMark
}

export function writeEntry(buffer: RecordBuffer, entry: Entry): void {
  buffer.u64(entry.term)
  buffer.u8(KINDS.indexOf(entry.kind))
  buffer.u32(entry.data.length)
  buffer.raw(entry.data)
}

/** Steps through the payload of an `entries` or `moved` record. Throws Malformed. */
export class EntryCursor {
  readonly first: Index
  readonly count: number
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 12
  #next: Index

  constructor(payload: Uint8Array) {
    if (payload.length < 12) throw new Malformed('entries end early')
    this.#bytes = payload
    this.#view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    this.first = this.#u64(0)
    this.count = this.#view.getUint32(8, true)
    this.#next = this.first
  }

  /** The next entry, its data a view into the payload; undefined after the last. */
  next(): Entry | undefined {
    if (this.#next === this.first + this.count) {
      if (this.#at !== this.#bytes.length) throw new Malformed('bytes behind the last entry')
      return undefined
    }
    const at = this.#at
    if (at + ENTRY_BYTES > this.#bytes.length) throw new Malformed('entries end early')
    const term: Term = this.#u64(at)
    const kind = KINDS[this.#bytes[at + 8] as number]
    const end = at + ENTRY_BYTES + this.#view.getUint32(at + 9, true)
    if (kind === undefined || end > this.#bytes.length) throw new Malformed('not an entry')
    this.#at = end
    const data = end === at + ENTRY_BYTES ? EMPTY : this.#bytes.subarray(at + ENTRY_BYTES, end)
    return { index: this.#next++, term, kind, data }
  }

  /** All that are left. */
  *[Symbol.iterator](): Generator<Entry, void> {
    for (let entry = this.next(); entry !== undefined; entry = this.next()) yield entry
  }

  #u64(at: number): number {
    return this.#view.getUint32(at + 4, true) * 0x1_0000_0000 + this.#view.getUint32(at, true)
  }
}

export function encodeCheckpoint(groups: readonly GroupSummary[]): Uint8Array {
  const out = new ByteWriter()
  out.varint(groups.length)
  for (const { group, minReplica, replica, hardState, last, mark } of groups) {
    out.varint(group).varint(minReplica).varint(replica)
    if (replica === 0) continue
    out.varint(hardState.term).varint(hardState.vote).varint(last).bytes(encodeMark(mark))
  }
  return out.finish()
}

export const NO_HARD_STATE: HardState = { term: 0, vote: 0 }
export const NO_MARK: SnapshotMark = { index: 0, term: 0, configuration: { members: [] } }

export function decodeCheckpoint(payload: Uint8Array): readonly GroupSummary[] {
  const input = new ByteReader(payload)
  const groups: GroupSummary[] = []
  for (let count = input.varint(); count > 0; count--) {
    const group = input.varint()
    const minReplica = input.varint()
    const replica = input.varint()
    if (replica === 0) {
      groups.push({ group, minReplica, replica, hardState: NO_HARD_STATE, last: 0, mark: NO_MARK })
      continue
    }
    const hardState = { term: input.varint(), vote: input.varint() }
    const last = input.varint()
    groups.push({ group, minReplica, replica, hardState, last, mark: decodeMark(input.bytes()) })
  }
  input.end()
  return groups
}

export interface Creation {
  readonly replica: ReplicaId
  readonly hardState: HardState
  readonly mark: SnapshotMark
}

export function encodeCreate({ replica, hardState, mark }: Creation): Uint8Array {
  const out = new ByteWriter().varint(replica).varint(hardState.term).varint(hardState.vote)
  return out.bytes(encodeMark(mark)).finish()
}

export function decodeCreate(payload: Uint8Array): Creation {
  const input = new ByteReader(payload)
  const replica = input.varint()
  const hardState = { term: input.varint(), vote: input.varint() }
  const mark = decodeMark(input.bytes())
  input.end()
  return { replica, hardState, mark }
}

export function encodeHardState(hardState: HardState): Uint8Array {
  return new ByteWriter(16).varint(hardState.term).varint(hardState.vote).finish()
}

export function decodeHardState(payload: Uint8Array): HardState {
  const input = new ByteReader(payload)
  const hardState = { term: input.varint(), vote: input.varint() }
  input.end()
  return hardState
}

export function encodeBury(minReplica: ReplicaId): Uint8Array {
  return new ByteWriter(8).varint(minReplica).finish()
}

export function decodeBury(payload: Uint8Array): ReplicaId {
  const input = new ByteReader(payload)
  const minReplica = input.varint()
  input.end()
  return minReplica
}
