import { compareBytes } from '../wire/bytes.ts'
import type { DiskLevel } from '../wire/disk-level.ts'
import type { GroupId } from '../wire/ids.ts'
import type { DiskFault } from '../world/disk.ts'
import type { StateStore, StateWrite } from '../world/state-store.ts'
import { groupOfStateKey, STATE_BEGIN, STATE_END } from './state-keys.ts'

/** After the last delete for so long: many deletes come in a row. */
const QUIET_MS = 1_000

interface Range {
  first: Uint8Array
  last: Uint8Array
}

/**
 * LevelDB gives the room of deleted records back when it next rewrites the files they are in, which
 * can be never. While the disk is low, this has it do so: once the deletes have stopped, for the
 * keys from the first to the last deleted, one group after the other. Whenever they were deleted: a
 * disk that gets low later, or once more, needs their room as much.
 */
export class Reclaimer {
  readonly #store: StateStore
  readonly #onFault: (fault: DiskFault) => void
  /** Where something was deleted since the store was asked for its room. */
  readonly #deleted = new Map<GroupId, Range>()
  /** Nobody knows any more what earlier lives deleted. */
  #earlier: Range | undefined = { first: STATE_BEGIN, last: STATE_END }
  #busy = false
  /** When the last delete was seen; undefined: since the last tick. */
  #quietSince: number | undefined

  constructor(store: StateStore, onFault: (fault: DiskFault) => void) {
    this.#store = store
    this.#onFault = onFault
  }

  /** `batch` was written. */
  note(batch: readonly StateWrite[]): void {
    for (const { key, value } of batch) {
      const group = value === undefined ? groupOfStateKey(key) : undefined
      if (group === undefined) continue
      this.#quietSince = undefined
      const range = this.#deleted.get(group)
      // A copy: a key that is kept for long would keep the whole block that it was cut from.
      if (range === undefined) this.#deleted.set(group, { first: key.slice(), last: key.slice() })
      else if (compareBytes(key, range.first) < 0) range.first = key.slice()
      else if (compareBytes(key, range.last) > 0) range.last = key.slice()
    }
  }

  /** `now` is monotonic. A disk with room needs none of this, a full one has none to work in. */
  tick(now: number, level: DiskLevel): void {
    this.#quietSince ??= now
    const isQuiet = now - this.#quietSince >= QUIET_MS
    if (level !== 'low' || this.#busy || !isQuiet) return
    const range = this.#take()
    if (range === undefined) return
    this.#busy = true
    this.#store.compact(range.first, range.last, (fault) => {
      this.#busy = false
      if (fault !== undefined) this.#onFault(fault)
    })
  }

  #take(): Range | undefined {
    const { value: known } = this.#deleted.entries().next()
    if (known !== undefined) {
      const [group, range] = known
      this.#deleted.delete(group)
      return range
    }
    const earlier = this.#earlier
    this.#earlier = undefined
    return earlier
  }
}
