/** Something that wants attention at a time of its own. Only the agenda writes these two. */
export interface Due {
  at: number
  /** Its place in the agenda; -1: it has none. */
  slot: number
}

/** A binary heap by time whose items can be moved and removed: no item outlives its cause. */
export class Agenda<T extends Due> {
  readonly #heap: T[] = []

  /** When the first item is due; Infinity when there is none. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Puts `item` at time `at`, wherever it stood before. */
  set(item: T, at: number): void {
    item.at = at
    if (item.slot < 0) {
      item.slot = this.#heap.length
      this.#heap.push(item)
    }
    this.#rise(item)
    this.#sink(item)
  }

  remove(item: T): void {
    const { slot } = item
    if (slot < 0) return
    item.slot = -1
    const last = this.#heap.pop() as T
    if (last === item) return
    this.#place(last, slot)
    this.#rise(last)
    this.#sink(last)
  }

  /** Takes out the first item if it is due. */
  take(now: number): T | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.at > now) return undefined
    this.remove(first)
    return first
  }

  #rise(item: T): void {
    while (item.slot > 0) {
      const parent = this.#heap[(item.slot - 1) >> 1] as T
      if (parent.at <= item.at) return
      this.#swap(parent, item)
    }
  }

  #sink(item: T): void {
    for (;;) {
      const left = this.#heap[item.slot * 2 + 1]
      if (left === undefined) return
      const right = this.#heap[item.slot * 2 + 2]
      const child = right !== undefined && right.at < left.at ? right : left
      if (item.at <= child.at) return
      this.#swap(item, child)
    }
  }

  /** `lower` goes up to the place of its parent `upper`, or the reverse. */
  #swap(upper: T, lower: T): void {
    const { slot } = upper
    this.#place(upper, lower.slot)
    this.#place(lower, slot)
  }

  #place(item: T, slot: number): void {
    this.#heap[slot] = item
    item.slot = slot
  }
}
