import { compareBytes } from '../wire/bytes.ts'
import type { DiskLevel } from '../wire/disk-level.ts'
import type { DiskFault } from '../world/disk.ts'
import type { StateStore, StateWrite } from '../world/state-store.ts'
import { keyText } from './record-map.ts'
import { PREFIX_BYTES } from './state-keys.ts'

/** After the last delete for so long: many deletes come in a row. */
const QUIET_MS = 1_000

interface Deleted {
  first: Uint8Array
  last: Uint8Array
}

/**
 * LevelDB gives the room of deleted records back when it next rewrites the files they are in, which
 * can be never. While the disk is low, this has it do so: once the deletes have stopped, for the
 * keys from the first to the last deleted, one group after the other.
 */
export class Reclaimer {
  readonly #store: StateStore
  readonly #onFault: (fault: DiskFault) => void
  /** Per generation of a group. */
  readonly #deleted = new Map<string, Deleted>()
  #isLow = false
  #busy = false
  /** When the last delete was seen; undefined: since the last tick. */
  #quietSince: number | undefined

  constructor(store: StateStore, onFault: (fault: DiskFault) => void) {
    this.#store = store
    this.#onFault = onFault
  }

  /** `batch` was written. */
  note(batch: readonly StateWrite[]): void {
    if (!this.#isLow) return
    for (const { key, value } of batch) {
      if (value !== undefined || key.length < PREFIX_BYTES) continue
      this.#quietSince = undefined
      const prefix = keyText(key.subarray(0, PREFIX_BYTES))
      const deleted = this.#deleted.get(prefix)
      if (deleted === undefined) this.#deleted.set(prefix, { first: key, last: key })
      else if (compareBytes(key, deleted.first) < 0) deleted.first = key
      else if (compareBytes(key, deleted.last) > 0) deleted.last = key
    }
  }

  /** `now` is monotonic. A disk with room needs none of this, a full one has none to work in. */
  tick(now: number, level: DiskLevel): void {
    this.#isLow = level !== 'ok'
    if (level === 'ok') this.#deleted.clear()
    this.#quietSince ??= now
    const isQuiet = now - this.#quietSince >= QUIET_MS
    if (level !== 'low' || this.#busy || !isQuiet) return
    for (const [prefix, { first, last }] of this.#deleted) {
      this.#deleted.delete(prefix)
      this.#busy = true
      this.#store.compact(first, last, (fault) => {
        this.#busy = false
        if (fault !== undefined) this.#onFault(fault)
      })
      return
    }
  }
}
