import type { Table } from '../state/table.ts'
import type { DiskLevel } from '../wire/disk-level.ts'
import type { GroupId } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import type { DiskFault } from '../world/disk.ts'
import { sometimes } from '../world/sometimes.ts'
import type { KeyRange, StateStore, StateView, StateWrite } from '../world/state-store.ts'
import { GarbageCollector } from './garbage.ts'
import { type CutDone, readCut } from './overlay-cut.ts'
import { type GroupShell, OverlayGroup } from './overlay-group.ts'
import { Reclaimer } from './reclaimer.ts'
import { RecordCache } from './record-cache.ts'
import {
  decodePointer,
  garbageKey,
  groupOfPointerKey,
  POINTERS,
  prefixRange,
  rangeBehind,
  STORE_VERSION,
  stateKey,
  statePrefix,
  subKeyOf,
  VERSION_KEY
} from './state-keys.ts'
import { StoreNewer } from './store-errors.ts'
import { WriteQueue } from './write-queue.ts'

/** A sub-key and its value. */
export type StateEntry = readonly [key: Uint8Array, value: Uint8Array]
type Done = (fault: DiskFault | undefined) => void

export interface OverlayOptions {
  /** A background write or read failed: the process must end. */
  readonly onFault: (fault: DiskFault) => void
  /** Records of the store kept in memory as well. Default 16 MiB. */
  readonly cacheBytes?: number
  /**
   * Whether a record read from the store can be one that was written under this sub-key: a lookup
   * that finds another one throws a DiskFault of damage. Default: all can.
   */
  readonly isSound?: GroupShell['isSound']
}

/** A group's window on the overlay. It stays the table when a snapshot replaces the state. */
export interface GroupTable extends Table {
  /** Has the next flush ask for the group, though nothing was set (its applied index moved). */
  touch(): void
}

/** What was durable of a group at one moment; later flushes do not show. */
export interface GroupView {
  /**
   * The first entries behind sub-key `after` (undefined: of all), in byte order: at most `limit`,
   * about 1 MiB. None: the end.
   */
  page(
    after: Uint8Array | undefined,
    limit: number,
    done: (fault: DiskFault | undefined, entries: readonly StateEntry[]) => void
  ): void
  /** Frees what it pins. Idempotent; required. */
  release(): void
}

/** Takes a snapshot in, beside the state that it will replace. */
export interface Receiver {
  /** Any number at once; each is durable at its `done`. */
  put(entries: readonly StateEntry[], done: Done): void
  /**
   * Replaces the group's state by what was put and `extra`, in one synced batch. From the call on
   * nothing may be set in the group's table; from `done` on the table is the new state.
   */
  finish(extra: readonly StateEntry[], done: Done): void
  /** Gives up: what was put is deleted in the background. */
  abort(): void
}

const SCAN_ENTRIES = 1024
const CACHE_BYTES = 16 * 1024 * 1024

/**
 * The changes of all groups that are not in the store yet, over the store. Reads see them; a flush
 * writes those of all groups, with their applied indexes, as one synced batch (rule: state and
 * applied index are never in two batches).
 */
export class Overlay {
  readonly #store: StateStore
  readonly #queue: WriteQueue
  readonly #garbage: GarbageCollector
  readonly #reclaimer: Reclaimer
  readonly #cache: RecordCache
  readonly #onFault: (fault: DiskFault) => void
  readonly #isSound: GroupShell['isSound']
  readonly #groups = new Map<GroupId, OverlayGroup>()
  readonly #dirty = new Set<GroupId>()
  #flushing = false
  #versionWritten: boolean

  /** Throws StoreNewer. Begins at once to delete what earlier lives left unfinished. */
  constructor(store: StateStore, options: OverlayOptions) {
    this.#store = store
    this.#onFault = options.onFault
    this.#cache = new RecordCache(options.cacheBytes ?? CACHE_BYTES)
    this.#isSound = options.isSound ?? (() => true)
    const version = store.get(VERSION_KEY)?.[0]
    if (version !== undefined && version > STORE_VERSION) {
      throw new StoreNewer(
        `the state has format version ${version}, written by a newer version of KeyMesh; ` +
          `this one knows ${STORE_VERSION}. Start the version that wrote it, or a newer one.`
      )
    }
    this.#versionWritten = version !== undefined
    this.#reclaimer = new Reclaimer(store, options.onFault)
    this.#queue = new WriteQueue(store, (batch) => this.#reclaimer.note(batch))
    this.#garbage = new GarbageCollector(store, this.#queue, options.onFault)
    this.#garbage.start()
  }

  /** About what the changes since the last flush hold in memory. */
  get dirtyBytes(): number {
    let bytes = 0
    for (const group of this.#dirty) bytes += this.#group(group).dirtyBytes
    return bytes
  }

  /** Groups that the next flush will ask for. */
  get dirtyGroups(): readonly GroupId[] {
    return [...this.#dirty].filter((group) => this.#group(group).dirty)
  }

  table(group: GroupId): GroupTable {
    return this.#group(group)
  }

  /** Whose state the store holds. */
  stored(done: (fault: DiskFault | undefined, groups: readonly GroupId[]) => void): void {
    readAll(this.#store.view(), POINTERS, (fault, entries) => {
      const live = entries.filter(([, value]) => decodePointer(value).live)
      done(
        fault,
        live.map(([key]) => groupOfPointerKey(key))
      )
    })
  }

  /** The durable entries of `group` whose sub-key begins with `prefix`, in byte order. */
  scan(
    group: GroupId,
    prefix: Uint8Array,
    done: (fault: DiskFault | undefined, entries: readonly StateEntry[]) => void
  ): void {
    const range = prefixRange(stateKey(this.#group(group).prefix, prefix))
    readAll(this.#store.view(), range, (fault, entries) => done(fault, entries.map(inGroup)))
  }

  /**
   * Writes the changes of all groups as one synced batch. Calls `prepare` for each group that has
   * any, before it returns: what that sets goes along, and so do `notes` of the node. One at a
   * time: Requires the `done` of the one before. Without any of these it is done before it returns.
   */
  flush(prepare: (group: GroupId) => void, done: Done, notes: readonly StateWrite[] = []): void {
    assert(!this.#flushing, 'two flushes at once')
    const frozen: OverlayGroup[] = []
    for (const group of this.dirtyGroups) {
      prepare(group)
      frozen.push(this.#group(group))
    }
    this.#dirty.clear()
    const batch: StateWrite[] = [...notes]
    for (const group of frozen) group.freeze(batch)
    if (batch.length === 0) {
      for (const group of frozen) group.flushed()
      done(undefined)
      return
    }
    this.#flushing = true
    this.#write(batch, (fault) => {
      this.#flushing = false
      if (fault === undefined) for (const group of frozen) group.flushed()
      done(fault)
    })
  }

  /**
   * Pins what is durable of `group`. While a flush is under way that may be the state before it or
   * after it, never a mixture: the applied index in the view itself says which.
   */
  snapshot(group: GroupId): GroupView {
    const view = this.#store.view()
    const { prefix } = this.#group(group)
    const range = prefixRange(prefix)
    return {
      page: (after, limit, done) => {
        const rest = after === undefined ? range : rangeBehind(range, stateKey(prefix, after))
        view.page(rest, limit, (fault, entries) => done(fault, entries.map(inGroup)))
      },
      release: () => view.release()
    }
  }

  /** Reads sub-keys of `group` as they are at this moment; see readCut. */
  cut(
    group: GroupId,
    wanted: { readonly range: KeyRange; readonly limit: number },
    done: CutDone
  ): void {
    readCut(this.#store, this.#group(group), wanted, done)
  }

  /** Requires: no other receiver of `group` is unfinished. */
  receive(group: GroupId): Receiver {
    const into = this.#group(group)
    assert(!into.receiving, `two snapshots of group ${group} at once`)
    into.receiving = true
    const generation = into.freshGeneration()
    const prefix = statePrefix(group, generation)
    const mark = { key: garbageKey(group, generation), value: Uint8Array.of() }
    const writes = (entries: readonly StateEntry[]): StateWrite[] =>
      entries.map(([key, value]) => ({ key: stateKey(prefix, key), value }))
    let ended = false
    return {
      put: (entries, done) => {
        assert(!ended, 'the receiver has ended')
        this.#write([mark, ...writes(entries)], done)
      },
      finish: (extra, done) => {
        assert(!ended, 'the receiver has ended')
        ended = true
        this.#switch(into, { generation, live: true }, writes(extra), (fault) => {
          into.receiving = false
          done(fault)
        })
      },
      abort: () => {
        if (ended) return
        ended = true
        into.receiving = false
        sometimes('storage: throws half a snapshot away')
        // Through the queue: no put of this receiver can still be waiting when it is done.
        this.#write([mark], (fault) => {
          if (fault === undefined) this.#garbage.add(group, generation)
          else this.#onFault(fault)
        })
      }
    }
  }

  /** Forgets `group`: durable at `done`, deleted in the background. Its table is empty then. */
  drop(group: GroupId, done: Done): void {
    const from = this.#group(group)
    assert(!from.receiving, `group ${group} receives a snapshot`)
    this.#switch(from, { generation: from.freshGeneration(), live: false }, [], done)
  }

  /**
   * Deleting takes room before it gives any: on a full disk the background work waits, on a low one
   * what was deleted is given back. Call it a few times a second; `now` is monotonic.
   */
  tend(now: number, level: DiskLevel): void {
    this.#garbage.pause(level === 'full')
    this.#reclaimer.tick(now, level)
  }

  /** Waits for what is being written, ends the background work and closes the store. */
  close(done: () => void): void {
    this.#garbage.stop()
    this.#queue.drain(() => this.#store.close(done))
  }

  #group(group: GroupId): OverlayGroup {
    let found = this.#groups.get(group)
    if (found === undefined) {
      const onDirty = (): void => void this.#dirty.add(group)
      const isSound = this.#isSound
      const shell = { store: this.#store, cache: this.#cache, isSound, onDirty }
      found = new OverlayGroup(group, shell)
      this.#groups.set(group, found)
    }
    return found
  }

  /** One batch: the pointer moves on, the generation before is garbage, the new one is none. */
  #switch(
    group: OverlayGroup,
    to: { generation: number; live: boolean },
    writes: StateWrite[],
    done: Done
  ): void {
    const before = group.generation
    group.beginSwitch()
    this.#dirty.delete(group.group)
    writes.push(
      group.pointerWrite(to),
      { key: garbageKey(group.group, to.generation), value: undefined },
      { key: garbageKey(group.group, before), value: Uint8Array.of() }
    )
    this.#write(writes, (fault) => {
      if (fault === undefined) {
        group.switched(to.generation, to.live)
        this.#garbage.add(group.group, before)
      }
      done(fault)
    })
  }

  #write(batch: StateWrite[], done: Done): void {
    if (!this.#versionWritten) {
      this.#versionWritten = true
      batch.push({ key: VERSION_KEY, value: Uint8Array.of(STORE_VERSION) })
    }
    this.#queue.write(batch, done)
  }
}

const inGroup = ([key, value]: StateEntry): StateEntry => [subKeyOf(key), value]

/** All of `range`, page by page; releases the view. */
function readAll(
  view: StateView,
  range: { readonly gte: Uint8Array; readonly lt: Uint8Array },
  done: (fault: DiskFault | undefined, entries: readonly StateEntry[]) => void
): void {
  const all: StateEntry[] = []
  const read = (rest: typeof range): void => {
    view.page(rest, SCAN_ENTRIES, (fault, entries) => {
      for (const entry of entries) all.push(entry)
      const last = entries.at(-1)
      if (fault === undefined && last !== undefined) {
        read(rangeBehind(rest, last[0]))
        return
      }
      view.release()
      done(fault, all)
    })
  }
  read(range)
}
