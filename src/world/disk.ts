/** A read, write or sync that the disk refused. Writes and syncs are never retried (fsyncgate). */
export class DiskFault extends Error {
  override readonly name = 'DiskFault'
  /**
   * What the disk gives back is not what was written, or cannot be read at all: trying again, or
   * starting again, does not help.
   */
  readonly isDamage: boolean

  constructor(message: string, options: ErrorOptions & { readonly isDamage?: boolean } = {}) {
    super(message, options)
    this.isDamage = options.isDamage ?? false
  }
}

export function diskDamage(message: string, options: ErrorOptions = {}): DiskFault {
  return new DiskFault(message, { ...options, isDamage: true })
}

export const isDiskDamage = (error: unknown): error is DiskFault =>
  error instanceof DiskFault && error.isDamage

/** The file system under a directory, at this moment. */
export interface Space {
  /** Bytes that may still be written; Infinity: it has no bound that is known. */
  readonly freeBytes: number
  /** Bytes it holds when it is full; Infinity as above. */
  readonly totalBytes: number
}

/**
 * One directory of flat files. Names are `[a-z0-9.-]+`. Reads and appends are synchronous (they
 * meet the page cache); only `sync` waits for the medium.
 */
export interface Disk {
  /** Names of all files, sorted. */
  list(): string[]
  /** Bytes in `name`; -1 when there is no such file. */
  size(name: string): number
  /** Up to `length` bytes from `offset`: fewer at the end of the file. Throws DiskFault. */
  read(name: string, offset: number, length: number): Uint8Array
  /** Opens `name` for append, creating it. It is durable only after `syncDirectory`. */
  open(name: string): AppendFile
  /**
   * Cuts `name` to `size` bytes, durably, before it returns. Only at start, never on a hot path.
   */
  truncate(name: string, size: number): void
  /**
   * Makes all that `name` and the directory show durable before it returns. An earlier process may
   * have died between a write and its sync, or of a sync that failed: after that the cache can show
   * bytes that no later sync would write, so those from `from` on are written again, in place. Only
   * at start.
   */
  settle(name: string, from: number): void
  /** Removes `name`. Durable after `syncDirectory`. */
  remove(name: string): void
  /** Replaces the whole content of `name`, atomically and durably, before it returns. */
  replace(name: string, bytes: Uint8Array): void
  /** Cheap (2 us): it may be asked before every write. Throws DiskFault. */
  space(): Space
  /** Makes creations and removals so far durable. */
  syncDirectory(done: (fault: DiskFault | undefined) => void): void
}

/** An open file that only grows. */
export interface AppendFile {
  /**
   * Adds `bytes` at the end, all or an exception. The caller may reuse `bytes` after it returns.
   */
  append(bytes: Uint8Array): void
  /** Calls `done` once all bytes appended before this call are durable. One at a time per file. */
  sync(done: (fault: DiskFault | undefined) => void): void
  close(): void
}
