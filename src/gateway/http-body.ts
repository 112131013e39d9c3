import type { IncomingMessage } from 'node:http'
import { realTimers } from '../world/real.ts'

export interface BodyLimits {
  readonly bytesMax: number
  /** For all of it to come. */
  readonly timeoutMs: number
}

/** `cut-off`: the caller hung up; nobody reads an answer. */
export type Body =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'too-large' | 'overloaded' | 'late' | 'cut-off' }

const NOTHING = new Uint8Array(0)

/** Bytes of bodies that are read now, over all requests of one door. */
export class BodyReader {
  readonly #bytesMax: number
  #inside = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /**
   * Calls `done` once with the body of `request`. Its bytes count as inside until `settle` is
   * called. A body beyond its limits is judged at once and the rest of it dropped as it comes:
   * closing the connection under a caller who still sends would lose the answer.
   */
  read(request: IncomingMessage, limits: BodyLimits, done: (body: Body) => void): void {
    const { bytesMax, timeoutMs } = limits
    const { 'content-length': announced, 'transfer-encoding': coding } = request.headers
    const expected = announced === undefined ? 0 : Number(announced)
    if (expected === 0 && coding === undefined) {
      done({ type: 'bytes', bytes: NOTHING })
      return
    }
    if (expected > bytesMax) {
      request.resume()
      done({ type: 'too-large' })
      return
    }
    const chunks: Buffer[] = []
    let length = 0
    const end = (body: Body): void => {
      stopTimer()
      request.off('data', take).off('end', whole).off('close', lost)
      if (body.type !== 'bytes') this.settle(length)
      request.resume()
      done(body)
    }
    const take = (chunk: Buffer): void => {
      length += chunk.length
      this.#inside += chunk.length
      if (length > bytesMax) end({ type: 'too-large' })
      else if (this.#inside > this.#bytesMax) end({ type: 'overloaded' })
      else chunks.push(chunk)
    }
    const whole = (): void => end({ type: 'bytes', bytes: joined(chunks, length) })
    const lost = (): void => end({ type: 'cut-off' })
    let stopTimer = (): void => clearImmediate(soon)
    // Most bodies came with their head and are whole by then: they need no timer.
    const soon = setImmediate(() => {
      stopTimer = realTimers.after(timeoutMs, () => end({ type: 'late' }))
    })
    request.on('data', take).on('end', whole).on('close', lost)
    // Told on 'close' as well, where it is dealt with.
    request.on('error', () => {})
  }

  /** `bytes` of bodies are no longer needed. */
  settle(bytes: number): void {
    this.#inside -= bytes
  }
}

/** Of its own memory: a view of a socket's buffer would keep all of it, and values are kept. */
function joined(chunks: readonly Buffer[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}
