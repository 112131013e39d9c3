import type { Table } from '../state/table.ts'
import { compareBytes } from '../wire/bytes.ts'
import type { GroupId } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import { type DiskFault, diskDamage } from '../world/disk.ts'
import type { StateStore, StateWrite } from '../world/state-store.ts'
import type { RecordCache } from './record-cache.ts'
import { RecordMap, type Slot, slotBytes } from './record-map.ts'
import {
  decodePointer,
  encodePointer,
  type Generation,
  garbageKey,
  pointerKey,
  stateKey,
  statePrefix
} from './state-keys.ts'
import { REPLACE_NODE } from './store-errors.ts'

/** A sub-key and what was set there; undefined: nothing. */
export type Changed = readonly [key: Uint8Array, value: Uint8Array | undefined]

const NONE: readonly Slot[] = []

export interface GroupShell {
  readonly store: StateStore
  readonly cache: RecordCache
  /** Whether a record read from the store can be one that was written under this sub-key. */
  readonly isSound: (key: Uint8Array, record: Uint8Array) => boolean
  readonly onDirty: () => void
}

/** One group's part of the overlay: changes not yet written, over its generation in the store. */
export class OverlayGroup implements Table {
  readonly group: GroupId
  readonly #store: StateStore
  readonly #records: RecordMap
  readonly #isSound: GroupShell['isSound']
  readonly #onDirty: () => void
  #generation: Generation
  #prefix: Uint8Array
  /** The largest generation number handed out in this life. */
  #highest: Generation
  /** Whether the store says that the group is here. */
  #live: boolean
  /** Changes for the flush to come, which bears this number. */
  #dirty: Slot[] = []
  #dirtyBytes = 0
  #flush = 1
  /** What the flush under way writes. */
  #flushing: readonly Slot[] | undefined
  #touched = false
  /** Another generation is on its way in: what stands here ends with it. */
  #switching = false
  receiving = false

  constructor(group: GroupId, shell: GroupShell) {
    const { store } = shell
    this.group = group
    this.#store = store
    this.#records = new RecordMap(shell.cache)
    this.#isSound = shell.isSound
    this.#onDirty = shell.onDirty
    const stored = store.get(pointerKey(group))
    const pointer = stored === undefined ? undefined : decodePointer(stored)
    this.#generation = pointer?.generation ?? 0
    this.#live = pointer?.live ?? false
    this.#highest = this.#generation
    this.#prefix = statePrefix(group, this.#generation)
  }

  get generation(): Generation {
    return this.#generation
  }

  get prefix(): Uint8Array {
    return this.#prefix
  }

  get dirtyBytes(): number {
    return this.#dirtyBytes
  }

  get dirty(): boolean {
    return !this.#switching && (this.#touched || this.#dirty.length > 0)
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const slot = this.#records.find(key)
    if (slot !== undefined) return slot.value
    const stored = this.#store.get(stateKey(this.#prefix, key))
    if (stored !== undefined && !this.#isSound(key, stored)) throw this.damage()
    if (stored !== undefined) this.#records.keep(key, stored)
    return stored
  }

  set(key: Uint8Array, value: Uint8Array | undefined): void {
    assert(!this.#switching, `group ${this.group} changes while its state is replaced`)
    if (this.#dirty.length === 0) this.#onDirty()
    const before = this.#records.find(key)?.value?.length ?? 0
    const added = this.#records.set(key, value, this.#flush)
    if (added === undefined) this.#dirtyBytes += (value?.length ?? 0) - before
    else {
      this.#dirty.push(added)
      this.#dirtyBytes += slotBytes(added)
    }
  }

  /**
   * What was set and may not be in the store yet, of the sub-keys gte <= k < lt, in no order. The
   * arrays do not change any more.
   */
  changesIn(gte: Uint8Array, lt: Uint8Array): readonly Changed[] {
    const found: Changed[] = []
    const gather = (slots: readonly Slot[], isOlder: boolean): void => {
      for (const { key, value, flush } of slots) {
        // It was set again since, so it stands among the younger ones, too.
        if (isOlder && flush === this.#flush) continue
        if (compareBytes(key, gte) >= 0 && compareBytes(key, lt) < 0) found.push([key, value])
      }
    }
    gather(this.#flushing ?? NONE, true)
    gather(this.#dirty, false)
    return found
  }

  /** Has the next flush ask for this group, though nothing was set. */
  touch(): void {
    this.#touched = true
    this.#onDirty()
  }

  /** Freezes what was set and appends it to `batch`. */
  freeze(batch: StateWrite[]): void {
    assert(this.#flushing === undefined, 'two flushes at once')
    const slots = this.#dirty
    this.#flushing = slots
    this.#dirty = []
    this.#dirtyBytes = 0
    this.#flush++
    this.#touched = false
    if (!this.#live) {
      this.#live = true
      batch.push(this.pointerWrite({ generation: this.#generation, live: true }))
    }
    for (const { key, value } of slots) {
      batch.push({ key: stateKey(this.#prefix, key), value })
    }
  }

  flushed(): void {
    if (this.#flushing !== undefined) this.#records.written(this.#flushing, this.#flush - 1)
    this.#flushing = undefined
  }

  /** Whether a record read from the store can be one that was written under this sub-key. */
  isSound(key: Uint8Array, record: Uint8Array): boolean {
    return this.#isSound(key, record)
  }

  damage(): DiskFault {
    return diskDamage(`the state of group ${this.group} is damaged on disk. ${REPLACE_NODE}`)
  }

  /** A generation number that no record in the store bears. */
  freshGeneration(): Generation {
    let generation = this.#highest + 1
    while (this.#store.get(garbageKey(this.group, generation)) !== undefined) generation++
    this.#highest = generation
    return generation
  }

  /** Until `switched` nothing may be set, and nothing of this generation is flushed. */
  beginSwitch(): void {
    assert(!this.#switching, `two states replace that of group ${this.group}`)
    this.#switching = true
  }

  switched(generation: Generation, live: boolean): void {
    this.#generation = generation
    this.#prefix = statePrefix(this.group, generation)
    this.#live = live
    this.#dirty = []
    this.#dirtyBytes = 0
    this.#flushing = undefined
    this.#records.clear()
    this.#touched = false
    this.#switching = false
  }

  pointerWrite(pointer: { generation: Generation; live: boolean }): StateWrite {
    return { key: pointerKey(this.group), value: encodePointer(pointer) }
  }
}
