import type { Link, PeerId, Transport, TransportHandlers } from '../transport/transport.ts'
import { concatBytes } from '../wire/bytes.ts'
import { encodeHello, type Hello } from '../wire/hello.ts'
import type { Timers } from '../world/clock.ts'

/**
 * Of the queue of a link: what waits there keeps consensus waiting, too. Ten times as much made
 * heartbeats come half a second late, and elections of it.
 */
const FORWARD_FILL_MAX = 1 / 16
/** Smaller frames are not what fills a queue. */
const LARGE_BYTES = 16 * 1024

/**
 * The transport of the client that lives in a node (its gateway): frames to the node itself go
 * through its own door, frames to others over the node's links. It dials nobody: the mesh does.
 */
export class InsideTransport implements Transport {
  readonly self: PeerId
  readonly #outer: Transport
  readonly #timers: Timers
  readonly #toDoor: (frame: Uint8Array) => void
  #handlers: TransportHandlers | undefined
  #toSelf: Uint8Array[] = []
  #fromSelf: Uint8Array[] = []
  #due = false

  constructor(outer: Transport, timers: Timers, toDoor: (frame: Uint8Array) => void) {
    this.self = outer.self
    this.#outer = outer
    this.#timers = timers
    this.#toDoor = toDoor
  }

  addresses(): readonly string[] {
    return []
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers
  }

  dial(): void {}

  /** False, too, when more waits for `peer` than leaves room for what nodes tell each other. */
  send(peer: PeerId, parts: readonly Uint8Array[]): boolean {
    if (peer !== this.self) return this.#mayForward(peer, parts) && this.#outer.send(peer, parts)
    this.#toSelf.push(concatBytes(parts))
    this.#schedule()
    return true
  }

  #mayForward(peer: PeerId, parts: readonly Uint8Array[]): boolean {
    let length = 0
    for (const part of parts) length += part.length
    return length < LARGE_BYTES || this.#outer.fill(peer) <= FORWARD_FILL_MAX
  }

  fill(peer: PeerId): number {
    return peer === this.self ? 0 : this.#outer.fill(peer)
  }

  close(): void {}

  stop(done: () => void): void {
    this.#handlers = undefined
    this.#timers.soon(done)
  }

  /** The node itself is a peer from the start. */
  selfUp(hello: Hello): void {
    const own = {
      peer: this.self,
      role: 'node',
      hello: encodeHello(hello),
      address: undefined
    } as const
    this.#handlers?.up(own)
  }

  up(link: Link): void {
    this.#handlers?.up(link)
  }

  down(peer: PeerId, reason: string): void {
    this.#handlers?.down(peer, reason)
  }

  frame(peer: PeerId, frame: Uint8Array): void {
    this.#handlers?.frame(peer, frame, 'main')
  }

  /** The door's answer to a frame that came from inside. */
  reply(parts: readonly Uint8Array[]): void {
    this.#fromSelf.push(concatBytes(parts))
    this.#schedule()
  }

  #schedule(): void {
    if (this.#due) return
    this.#due = true
    this.#timers.soon(() => {
      this.#due = false
      const requests = this.#toSelf
      const replies = this.#fromSelf
      this.#toSelf = []
      this.#fromSelf = []
      for (const frame of requests) this.#toDoor(frame)
      for (const frame of replies) this.frame(this.self, frame)
    })
  }
}
