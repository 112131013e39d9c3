/** Lines that cannot be written wait; more than this are dropped. */
const WAITING_BYTES_MAX = 256 * 1024
/** A reader that is slow is waited for, so long at a time. */
const BUSY_MS = 10

/**
 * Writes lines at once. One that cannot be written, because the disk under a log is full,
 * waits for the next: a node must not end because it cannot say something.
 */
export class LogSink {
  readonly #write: (bytes: Uint8Array) => number
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #dropped = 0

  /** `write` returns how many bytes it took, or throws as writeSync does. */
  constructor(write: (bytes: Uint8Array) => number) {
    this.#write = write
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#waitingBytes > 0) this.#flush()
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes.length > WAITING_BYTES_MAX) {
      this.#dropped++
      return
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    this.#flush()
  }

  /** How many lines were dropped since the last call, once that can be written. */
  takeDropped(): number {
    if (this.#dropped === 0 || this.#waitingBytes > 0) return 0
    const dropped = this.#dropped
    this.#dropped = 0
    return dropped
  }

  #flush(): void {
    for (;;) {
      const [first] = this.#waiting
      if (first === undefined) return
      const written = this.#writeSome(first)
      if (written === undefined) return
      this.#waitingBytes -= written
      if (written === first.length) this.#waiting.shift()
      else this.#waiting[0] = first.subarray(written)
    }
  }

  /** Undefined: nothing can be written now. */
  #writeSome(bytes: Buffer): number | undefined {
    for (;;) {
      try {
        return this.#write(bytes)
      } catch (error) {
        if (!(error instanceof Error)) throw error
        if (!('code' in error) || error.code !== 'EAGAIN') return undefined
        Atomics.wait(PAUSE, 0, 0, BUSY_MS)
      }
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4))
