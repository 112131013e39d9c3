import type { DiskFault, Space } from './disk.ts'

/** `value` undefined deletes `key`. */
export interface StateWrite {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/** All keys k with gte <= k < lt, in byte order. */
export interface KeyRange {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
  /** From the last key to the first. */
  readonly reverse?: boolean
}

/** What one page of a view may hold, about: a bound on memory, whatever the values are. */
export const PAGE_BYTES: number = 1024 * 1024

/** The ordered durable map under the state: classic-level, or the simulated one. Single owner. */
export interface StateStore {
  /**
   * The value as of the last `write` whose `done` was called. The bytes belong to the caller.
   * Throws DiskFault.
   */
  get(key: Uint8Array): Uint8Array | undefined
  /** Pins what the store holds now, so that it can be read in pages while writes go on. */
  view(): StateView
  /**
   * Applies all of `batch` or none of it, in order; `done` once it would survive a power cut. One
   * at a time: Requires the `done` of the one before.
   */
  write(batch: readonly StateWrite[], done: (fault: DiskFault | undefined) => void): void
  /**
   * Gives back the room of what was deleted from `first` to `last`, in the background; it may take
   * seconds. Nothing that can be read changes.
   */
  compact(first: Uint8Array, last: Uint8Array, done: (fault: DiskFault | undefined) => void): void
  /** Of the file system it is on. Throws DiskFault. */
  space(): Space
  close(done: () => void): void
}

export interface StateView {
  /**
   * The first entries of `range`, in its order: at most `limit`, and no more than it takes to hold
   * PAGE_BYTES. Fewer than `limit`, and less than that: the range holds no more.
   */
  page(
    range: KeyRange,
    limit: number,
    done: (
      fault: DiskFault | undefined,
      entries: readonly (readonly [Uint8Array, Uint8Array])[]
    ) => void
  ): void
  /** Frees what the view pins. Idempotent; required. */
  release(): void
}
