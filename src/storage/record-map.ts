import { lasting } from '../wire/slab.ts'
import type { RecordCache } from './record-cache.ts'

/** A record of one group in memory. */
export interface Slot {
  readonly key: Uint8Array
  /** Undefined: the group has no such key. */
  value: Uint8Array | undefined
  /** Number of the flush that writes `value`; 0: it came from the store. */
  flush: number
}

/** What a slot costs beside key (which stands in the map as text as well) and value, about. */
const SLOT_BYTES = 96
/** A larger record is worth a read of the store, and would push out many others. */
const RECORD_BYTES_MAX = 4 * 1024

/** The text with one character a byte: what a Map finds a key by (0.1 us for 28 bytes). */
export function keyText(key: Uint8Array): string {
  return Buffer.prototype.latin1Slice.call(key, 0, key.length)
}

/** About what `slot` holds in memory. */
export function slotBytes({ key, value }: Slot): number {
  return SLOT_BYTES + 2 * key.length + (value?.length ?? 0)
}

/**
 * The records of one group that are in memory: those not yet in the store, which must stay, and
 * some that are, in two generations. A record that is found moves to the young one; now and then
 * the old one is dropped and the young one grows old.
 */
export class RecordMap {
  readonly #cache: RecordCache
  #young = new Map<string, Slot>()
  #old = new Map<string, Slot>()
  /** Of slots that are in the store as well. */
  #cleanBytes = 0
  /** The last flush that is durable: slots up to it may go. */
  #durable = 0
  /** Most keys are read and then set, by the same array: what the last lookup found. */
  #lastKey: Uint8Array | undefined
  #lastText = ''
  #lastSlot: Slot | undefined

  constructor(cache: RecordCache) {
    this.#cache = cache
    cache.join(this)
  }

  /** Undefined: not known here. A slot without a value: the group has no such key. */
  find(key: Uint8Array): Slot | undefined {
    if (key === this.#lastKey) return this.#lastSlot
    const text = keyText(key)
    const slot = this.#young.get(text) ?? this.#rejuvenate(text)
    this.#lastKey = key
    this.#lastText = text
    this.#lastSlot = slot
    return slot
  }

  /** The store has `value` under `key`, which `find` just did not find. Copies both. */
  keep(key: Uint8Array, value: Uint8Array): void {
    if (value.length > RECORD_BYTES_MAX) return
    // What LevelDB gives lives outside of the heap, and the key may be a view of a frame.
    const slot = { key: lasting.copy(key), value: lasting.copy(value), flush: 0 }
    this.#young.set(this.#lastText, slot)
    this.#lastKey = undefined
    this.#count(slotBytes(slot))
    this.#cache.trim()
  }

  /**
   * `value` is to be written by `flush`. Takes both arrays. Returns the slot if this flush does not
   * know it yet.
   */
  set(key: Uint8Array, value: Uint8Array | undefined, flush: number): Slot | undefined {
    const slot = this.find(key)
    if (slot === undefined) {
      const added = { key, value, flush }
      this.#young.set(this.#lastText, added)
      this.#lastSlot = added
      return added
    }
    if (slot.flush <= this.#durable) this.#count(-slotBytes(slot))
    slot.value = value
    if (slot.flush === flush) return undefined
    slot.flush = flush
    return slot
  }

  /** `flush` is durable; `slots` are those it wrote. */
  written(slots: readonly Slot[], flush: number): void {
    this.#durable = flush
    let bytes = 0
    for (const slot of slots) {
      if (slot.flush > flush) continue
      if (slot.value !== undefined && slot.value.length > RECORD_BYTES_MAX) this.#forget(slot)
      else bytes += slotBytes(slot)
    }
    this.#count(bytes)
    this.#cache.trim()
  }

  /** Drops the old generation but for what the store does not have. */
  age(): void {
    const dropped = this.#old
    this.#old = this.#young
    this.#young = new Map()
    this.#lastKey = undefined
    let bytes = 0
    for (const [text, slot] of dropped) {
      if (slot.flush > this.#durable) this.#young.set(text, slot)
      else bytes += slotBytes(slot)
    }
    this.#count(-bytes)
  }

  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
    this.#lastKey = undefined
    this.#count(-this.#cleanBytes)
  }

  #rejuvenate(text: string): Slot | undefined {
    const slot = this.#old.get(text)
    if (slot === undefined) return undefined
    this.#old.delete(text)
    // A copy: where it stands now, it may be the last of a block that could go.
    const { key, value, flush } = slot
    const isClean = flush <= this.#durable && value !== undefined
    const moved = isClean ? { key: lasting.copy(key), value: lasting.copy(value), flush } : slot
    this.#young.set(text, moved)
    return moved
  }

  #forget({ key }: Slot): void {
    const text = keyText(key)
    this.#young.delete(text)
    this.#old.delete(text)
    this.#lastKey = undefined
  }

  #count(bytes: number): void {
    this.#cleanBytes += bytes
    this.#cache.grew(bytes)
  }
}
