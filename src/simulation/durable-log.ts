import { decodeMark } from '../raft/codec.ts'
import type { HardState, SnapshotMark } from '../raft/types.ts'
import {
  decodeCheckpoint,
  decodeCreate,
  decodeHardState,
  EntryCursor,
  NO_HARD_STATE
} from '../storage/payloads.ts'
import { HEADER_BYTES, type RecordHeader, RecordKind, RecordReader } from '../storage/records.ts'
import { segmentName } from '../storage/recovery.ts'
import type { GroupId } from '../wire/ids.ts'
import type { SimulatedDisk } from './disk.ts'
import { TermList } from './term-list.ts'
import { Violation } from './violation.ts'

/** What a node would know of a group after losing everything that was not synced. */
export interface DurableGroup {
  hardState: HardState
  /** Its base: state stands for everything up to there. */
  readonly log: TermList
}

const NAME = /^log-(\d{12})\.segment$/

/**
 * The log of one node as its disk would give it back after a power cut that takes all it may take.
 * It reads what was synced, record by record, and asks nobody what they believe to be durable.
 */
export class DurableLog {
  readonly #disk: SimulatedDisk
  readonly #onCut: (group: GroupId, mark: SnapshotMark) => void
  #groups = new Map<GroupId, DurableGroup>()
  /** 0: none was found yet. */
  #segment = 0
  #offset = 0

  /** `onCut` hears of each mark that takes the place of entries. */
  constructor(disk: SimulatedDisk, onCut: (group: GroupId, mark: SnapshotMark) => void) {
    this.#disk = disk
    this.#onCut = onCut
  }

  group(group: GroupId): DurableGroup | undefined {
    this.#advance()
    return this.#groups.get(group)
  }

  /** Reads what has become durable since. */
  #advance(): void {
    for (;;) {
      const bytes = this.#disk.durable(segmentName(this.#segment))
      // The segment it was reading is gone, so a later one says all that is still to be said.
      if (this.#segment === 0 || bytes.length < this.#offset) {
        if (!this.#begin()) return
        continue
      }
      if (bytes.length > this.#offset) this.#read(bytes)
      if (this.#disk.durable(segmentName(this.#segment + 1)).length === 0) return
      this.#segment++
      this.#offset = 0
    }
  }

  #begin(): boolean {
    const names = this.#disk.list().filter((name) => NAME.test(name))
    const oldest = names.find((name) => this.#disk.durable(name).length > 0)
    this.#segment = Number(NAME.exec(oldest ?? '')?.[1] ?? 0)
    this.#offset = 0
    this.#groups = new Map()
    return this.#segment > 0
  }

  #read(bytes: Uint8Array): void {
    const reader = new RecordReader(bytes)
    for (;;) {
      const header = reader.at(this.#offset)
      if (header === undefined) return
      const end = this.#offset + header.length
      this.#replay(header, bytes.subarray(this.#offset + HEADER_BYTES, end))
      this.#offset = end
    }
  }

  #replay({ kind, group }: RecordHeader, payload: Uint8Array): void {
    switch (kind) {
      case RecordKind.checkpoint:
        this.#checkpoint(payload)
        return
      case RecordKind.create: {
        const { mark, hardState } = decodeCreate(payload)
        this.#groups.set(group, { hardState, log: new TermList(mark.index, mark.term) })
        return
      }
      case RecordKind.bury:
        this.#groups.delete(group)
        return
      case RecordKind.hardState:
        this.#of(group).hardState = decodeHardState(payload)
        return
      case RecordKind.entries:
      case RecordKind.moved: {
        const { log } = this.#of(group)
        const cursor = new EntryCursor(payload)
        for (let entry = cursor.next(); entry !== undefined; entry = cursor.next()) {
          if (kind === RecordKind.moved) log.learn(entry.index, entry.term)
          else log.put(entry.index, entry.term)
        }
        return
      }
      case RecordKind.reset:
      case RecordKind.compact:
        this.#cut(kind, group, decodeMark(payload))
        return
      default:
        throw new Violation(`a record of kind ${kind}, which the oracles do not know`)
    }
  }

  /** Adds something only where reading began: entries may stand in segments that are gone. */
  #checkpoint(payload: Uint8Array): void {
    for (const { group, replica, hardState, mark, last } of decodeCheckpoint(payload)) {
      if (replica === 0) continue
      const known = this.#groups.get(group)
      if (known !== undefined) known.hardState = hardState
      else {
        const log = new TermList(mark.index, mark.term)
        log.pad(last)
        this.#groups.set(group, { hardState, log })
      }
    }
  }

  #cut(kind: number, group: GroupId, mark: SnapshotMark): void {
    const { log } = this.#of(group)
    if (kind === RecordKind.reset) log.reset(mark.index, mark.term)
    else log.cut(mark.index, mark.term)
    this.#onCut(group, mark)
  }

  #of(group: GroupId): DurableGroup {
    const found = this.#groups.get(group)
    if (found !== undefined) return found
    const made = { hardState: NO_HARD_STATE, log: new TermList(0, 0) }
    this.#groups.set(group, made)
    return made
  }
}
