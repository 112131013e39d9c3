import type { KeyChange } from '../state/key-change.ts'

export interface HistoryLimits {
  /** Of one group. */
  readonly historyChangesMax: number
  readonly historyBytesMax: number
  /** Of all groups of a node. */
  readonly nodeHistoryBytesMax: number
}

/** One change, and where it stands among those of its command. */
export interface Remembered {
  readonly change: KeyChange
  readonly place: number
}

/** What an entry takes beside its key and record: the objects, and the room in the array. */
const ENTRY_BYTES = 160
/** The array is made anew once so many entries at its beginning are gone. */
const GONE_MIN = 1_024

/**
 * The last changes of one group as they were applied here, in memory: what watches are told. Those
 * of one command go together.
 */
export class History {
  /** Positions rise. Those before `#first` are gone. */
  #entries: (Remembered | undefined)[] = []
  #first = 0
  #bytes = 0
  /** All that changed behind it is here. */
  #floor: number

  /** `floor`: the position the state stands at. */
  constructor(floor: number) {
    this.#floor = floor
  }

  get floor(): number {
    return this.#floor
  }

  /** Changes held. */
  get count(): number {
    return this.#entries.length - this.#first
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Requires: no position above that of `change` was added. */
  add(change: KeyChange): void {
    const last = this.#entries.at(-1)
    const place = last?.change.position === change.position ? last.place + 1 : 0
    this.#entries.push({ change, place })
    this.#bytes += bytesOf(change)
  }

  /** The latest change; 0: there is none. */
  get latest(): number {
    return this.#entries.at(-1)?.change.position ?? 0
  }

  /** Those behind `position`, oldest first. Requires: `position` >= `floor`. */
  *after(position: number): Iterable<Remembered> {
    for (let i = this.#find(position); i < this.#entries.length; i++) {
      yield this.#entries[i] as Remembered
    }
  }

  /** Forgets the oldest commands until no more than this is left, or only the last one is. */
  shrink(changesMax: number, bytesMax: number): void {
    while (this.count > changesMax || this.#bytes > bytesMax) {
      if (this.#entries[this.#first]?.change.position === this.latest) break
      this.#forget()
    }
    if (this.#first < GONE_MIN || this.#first * 2 < this.#entries.length) return
    this.#entries = this.#entries.slice(this.#first)
    this.#first = 0
  }

  /** The oldest command with all its changes. */
  #forget(): void {
    const { position } = (this.#entries[this.#first] as Remembered).change
    this.#floor = position
    for (;;) {
      const entry = this.#entries[this.#first]
      if (entry === undefined || entry.change.position !== position) return
      this.#bytes -= bytesOf(entry.change)
      this.#entries[this.#first++] = undefined
    }
  }

  /** The first entry behind `position`. */
  #find(position: number): number {
    let low = this.#first
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle] as Remembered).change.position > position) high = middle
      else low = middle + 1
    }
    return low
  }
}

function bytesOf({ at, record }: KeyChange): number {
  return ENTRY_BYTES + at.length + (record?.length ?? 0)
}
