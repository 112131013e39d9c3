import type { Stream } from '@libp2p/interface'
import { FrameReader } from './frame-reader.ts'
import type { Traffic } from './traffic.ts'

/** Frames of one turn are joined up to this size before they go to the stream. */
const WRITE_BYTES = 256 * 1024

export interface FrameStreamOwner {
  /** Counted on. */
  readonly traffic: Traffic
  /** May be kept. Called only from the network's events, never from inside a call of ours. */
  frame(frame: Uint8Array): void
  /** Once: nothing comes or goes any more. */
  ended(reason: string): void
}

/**
 * Frames over one libp2p stream, both ways. Frames sent in one turn of the event loop leave in one
 * write: a write costs 50 us of CPU, a frame in it 2 (measured).
 *
 * libp2p lets an exception in a listener end the process, so nothing a peer sends may throw here: a
 * malformed stream is ended. An exception of the owner, which only our own mistake can cause, is
 * raised outside of libp2p (see `raise`).
 */
export class FrameStream {
  readonly #stream: Stream
  readonly #reader: FrameReader
  readonly #owner: FrameStreamOwner
  readonly #queuedBytesMax: number
  readonly #traffic: Traffic
  /** The length of each frame, then its parts. */
  #queue: (number | Uint8Array)[] = []
  #queuedBytes = 0
  #scheduled = false
  #ended = false

  /** `bytesMax` bounds incoming frames until `frameBytesMax` is set. */
  constructor(
    stream: Stream,
    owner: FrameStreamOwner,
    bounds: { readonly bytesMax: number; readonly queuedBytesMax: number }
  ) {
    this.#stream = stream
    this.#owner = owner
    this.#reader = new FrameReader(bounds.bytesMax)
    this.#queuedBytesMax = bounds.queuedBytesMax
    this.#traffic = owner.traffic
    stream.addEventListener('close', (event) => {
      this.#end(event.error === undefined ? 'closed by the peer' : event.error.message)
    })
    stream.addEventListener('remoteCloseWrite', () => this.abort('closed by the peer'))
    // The event, not `onDrain()`, whose promise resolves only for the first time (measured).
    stream.addEventListener('drain', () => this.#schedule())
    stream.addEventListener('message', (event) => this.#receive(event.data))
  }

  set frameBytesMax(bytesMax: number) {
    this.#reader.bytesMax = bytesMax
  }

  /**
   * Queues one frame made of `parts`, which must not change afterwards. False: it is not sent,
   * because the stream has ended or more than the bound is waiting already.
   */
  send(parts: readonly Uint8Array[]): boolean {
    let length = 0
    for (const part of parts) length += part.length
    const waiting = this.queuedBytes
    if (this.#ended || waiting + length > this.#queuedBytesMax) {
      this.#traffic.framesDropped++
      return false
    }
    this.#traffic.framesOut++
    this.#traffic.bytesOut += 4 + length
    this.#queue.push(length)
    for (const part of parts) this.#queue.push(part)
    this.#queuedBytes += 4 + length
    this.#schedule()
    return true
  }

  /** Sent and not yet taken by the network. */
  get queuedBytes(): number {
    return this.#queuedBytes + this.#stream.writeBufferLength
  }

  /** The same as a share of the bound. */
  get fill(): number {
    return Math.min(1, this.queuedBytes / this.#queuedBytesMax)
  }

  /** Hands what is queued to the stream, as far as it takes it, then closes our side of it. */
  async finish(signal: AbortSignal): Promise<void> {
    this.#flush()
    this.#ended = true
    await this.#stream.close({ signal })
  }

  /** Ends the stream at once; `ended` is called from inside, unless it was before. */
  abort(reason: string): void {
    if (this.#ended) return
    this.#stream.abort(new Error(reason))
    this.#end(reason)
  }

  #receive(data: Uint8Array | Iterable<Uint8Array>): void {
    try {
      if (data instanceof Uint8Array) this.#feed(data)
      else for (const chunk of data) this.#feed(chunk)
    } catch (error) {
      this.abort(error instanceof Error ? error.message : String(error))
    }
  }

  #feed(chunk: Uint8Array): void {
    if (this.#ended) return
    this.#traffic.bytesIn += chunk.length
    this.#reader.feed(chunk, (frame) => {
      this.#traffic.framesIn++
      raise(() => this.#owner.frame(frame))
      return !this.#ended
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0) return
    this.#scheduled = true
    soon(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    try {
      let from = 0
      while (from < this.#queue.length && !this.#ended && !this.#stream.writableNeedsDrain) {
        const [buffer, to] = join(this.#queue, from)
        from = to
        this.#queuedBytes -= buffer.length
        this.#stream.send(buffer)
      }
      this.#queue = from === this.#queue.length ? [] : this.#queue.slice(from)
    } catch (error) {
      this.abort(error instanceof Error ? error.message : String(error))
    }
  }

  #end(reason: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#queue = []
    this.#queuedBytes = 0
    raise(() => this.#owner.ended(reason))
  }
}

/**
 * Once all sockets that had something for us are read, where there is such a moment: answers to all
 * of them then share a write. A microtask would write after each chunk of each socket.
 */
const soon: (run: () => void) => void =
  typeof setImmediate === 'function' ? (run) => void setImmediate(run) : queueMicrotask

let raised = false

/**
 * Runs what belongs to us inside an event of libp2p. libp2p catches some exceptions and lets others
 * end the process; ours always shall, and nothing of ours runs in the moments until then.
 */
export function raise(run: () => void): void {
  if (raised) return
  try {
    run()
  } catch (error) {
    raised = true
    queueMicrotask(() => {
      throw error
    })
  }
}

/** Some of `queue` as one buffer, and the index of the first part that is not in it. */
function join(queue: readonly (number | Uint8Array)[], from: number): [Uint8Array, number] {
  let to = from
  let length = 0
  while (to < queue.length && (length === 0 || length < WRITE_BYTES)) {
    length += sizeOf(queue[to] as number | Uint8Array)
    to++
  }
  const buffer = new Uint8Array(length)
  let offset = 0
  for (let i = from; i < to; i++) {
    const part = queue[i] as number | Uint8Array
    if (typeof part === 'number') putU32(buffer, offset, part)
    else buffer.set(part, offset)
    offset += sizeOf(part)
  }
  return [buffer, to]
}

const sizeOf = (part: number | Uint8Array): number => (typeof part === 'number' ? 4 : part.length)

function putU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24
  bytes[offset + 1] = value >>> 16
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}
