/** One file of the log. */
export interface Segment {
  readonly number: number
  /** Written so far. */
  bytes: number
}

/** Whoever keeps track of where records stand tells which of them are still needed. */
export interface Holder {
  /** A record of `length` bytes in `segment` is needed. */
  hold(segment: number, length: number): void
  /** It no longer is. */
  release(segment: number, length: number): void
}

/** At most this share of what stands in old segments may be needed for emptying them to pay. */
const NEEDED_SHARE_MAX = 0.5

interface Needed {
  records: number
  bytes: number
}

/** The files of a log, oldest first, numbered without gaps, and what of each is still needed. */
export class Segments implements Holder {
  readonly #list: Segment[]
  readonly #needed = new Map<number, Needed>()

  constructor(list: Segment[]) {
    this.#list = list
  }

  get all(): readonly Segment[] {
    return this.#list
  }

  get newest(): Segment | undefined {
    return this.#list.at(-1)
  }

  get bytes(): number {
    let bytes = 0
    for (const segment of this.#list) bytes += segment.bytes
    return bytes
  }

  /** Begins the next one. */
  begin(): void {
    this.#list.push({ number: (this.newest?.number ?? 0) + 1, bytes: 0 })
  }

  /** The oldest is gone. */
  shift(): void {
    const gone = this.#list.shift()
    if (gone !== undefined) this.#needed.delete(gone.number)
  }

  hold(segment: number, length: number): void {
    const needed = this.#needed.get(segment)
    if (needed === undefined) this.#needed.set(segment, { records: 1, bytes: length })
    else {
      needed.records++
      needed.bytes += length
    }
  }

  release(segment: number, length: number): void {
    const needed = this.#needed.get(segment)
    if (needed === undefined) return
    needed.records--
    needed.bytes -= length
  }

  /** The oldest segment that has a record anybody needs; else the newest. */
  get oldestNeeded(): number {
    for (const { number } of this.#list) {
      if ((this.#needed.get(number)?.records ?? 0) > 0) return number
    }
    return this.newest?.number ?? 0
  }

  /** The newest segments hold `bytes` or more from this one on: those before it are old. */
  firstOfNewest(bytes: number): number {
    let at = this.#list.length - 1
    for (let newer = 0; at > 0; at--) {
      newer += this.#list[at]?.bytes ?? 0
      if (newer >= bytes) break
    }
    return this.#list[at]?.number ?? 0
  }

  /**
   * The oldest segment with records that are needed, if it is older than `first` and if at most
   * half of what stands in segments before `first` is needed: what is written to empty them is then
   * no more than what that gives back.
   */
  worthEmptying(first: number): number | undefined {
    let bytes = 0
    let needed = 0
    let oldest: number | undefined
    for (const segment of this.#list) {
      if (segment.number >= first) break
      bytes += segment.bytes
      const held = this.#needed.get(segment.number)
      if (held === undefined || held.records === 0) continue
      needed += held.bytes
      oldest ??= segment.number
    }
    return needed <= bytes * NEEDED_SHARE_MAX ? oldest : undefined
  }
}
