import type { Table } from '../state/table.ts'
import type { GroupId } from '../wire/ids.ts'
import { lasting } from '../wire/slab.ts'
import { assert } from '../world/assert.ts'
import type { StateStore, StateWrite } from '../world/state-store.ts'
import { keyText, Layer } from './layer.ts'
import type { Shelf } from './record-cache.ts'
import {
  decodePointer,
  encodePointer,
  type Generation,
  garbageKey,
  pointerKey,
  stateKey,
  statePrefix
} from './state-keys.ts'

/** One group's part of the overlay: changes not yet written, over its generation in the store. */
export class OverlayGroup implements Table {
  readonly group: GroupId
  readonly #store: StateStore
  readonly #cache: Shelf
  readonly #onDirty: () => void
  #generation: Generation
  #prefix: Uint8Array
  /** The largest generation number handed out in this life. */
  #highest: Generation
  /** Whether the store says that the group is here. */
  #live: boolean
  #active = new Layer()
  #flushing: Layer | undefined
  #touched = false
  #lastKey: Uint8Array | undefined
  #lastText = ''
  /** Another generation is on its way in: what stands here ends with it. */
  #switching = false
  receiving = false

  constructor(group: GroupId, store: StateStore, cache: Shelf, onDirty: () => void) {
    this.group = group
    this.#store = store
    this.#cache = cache
    this.#onDirty = onDirty
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
    return this.#active.bytes
  }

  get dirty(): boolean {
    return !this.#switching && (this.#touched || this.#active.size > 0)
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const text = this.#textOf(key)
    const slot = this.#active.find(text) ?? this.#flushing?.find(text)
    if (slot !== undefined) return slot.value
    const cached = this.#cache.find(text)
    if (cached !== undefined) return cached.value
    const stored = this.#store.get(stateKey(this.#prefix, key))
    // Copies: keys may be views of frames, and what LevelDB gives lives outside of the heap.
    if (stored !== undefined) this.#cache.keep(text, lasting.copy(key), lasting.copy(stored))
    return stored
  }

  set(key: Uint8Array, value: Uint8Array | undefined): void {
    assert(!this.#switching, `group ${this.group} changes while its state is replaced`)
    if (this.#active.size === 0) this.#onDirty()
    this.#active.put(this.#textOf(key), key, value)
  }

  /** Most keys are read and then set, by the same array. */
  #textOf(key: Uint8Array): string {
    if (key !== this.#lastKey) {
      this.#lastKey = key
      this.#lastText = keyText(key)
    }
    return this.#lastText
  }

  /** Has the next flush ask for this group, though nothing was set. */
  touch(): void {
    this.#touched = true
    this.#onDirty()
  }

  /** Freezes what was set and appends it to `batch`. */
  freeze(batch: StateWrite[]): void {
    assert(this.#flushing === undefined, 'two flushes at once')
    const layer = this.#active
    this.#flushing = layer
    this.#active = new Layer()
    this.#touched = false
    if (!this.#live) {
      this.#live = true
      batch.push(this.pointerWrite({ generation: this.#generation, live: true }))
    }
    for (const { key, value } of layer.slots()) {
      batch.push({ key: stateKey(this.#prefix, key), value })
    }
  }

  flushed(): void {
    if (this.#flushing !== undefined) this.#cache.written(this.#flushing)
    this.#flushing = undefined
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
    this.#active = new Layer()
    this.#flushing = undefined
    this.#cache.clear()
    this.#touched = false
    this.#switching = false
  }

  pointerWrite(pointer: { generation: Generation; live: boolean }): StateWrite {
    return { key: pointerKey(this.group), value: encodePointer(pointer) }
  }
}
