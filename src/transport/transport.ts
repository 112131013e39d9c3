/** A libp2p PeerId in text form. Nodes and clients each have one; a node's never changes. */
export type PeerId = string

/**
 * `main` carries everything small, in order. `bulk` is a stream of its own for snapshot chunks, so
 * that they do not stand before heartbeats.
 */
export type Channel = 'main' | 'bulk'

/** What became of a dial that brought no link. `refused`: the machine answered, nobody listens. */
export type DialFailure = 'refused' | 'unreachable' | 'handshake' | 'self'

/** A live connection to one peer; at most one per peer at any time. */
export interface Link {
  readonly peer: PeerId
  readonly role: 'node' | 'client'
  /** What the peer says of itself: the bytes of its own `hello`. */
  readonly hello: Uint8Array
  /** We dialled: the address that worked. */
  readonly address: string | undefined
}

/** Called by the transport, never from inside a call into it. A throw ends the process. */
export interface TransportHandlers {
  /** Asked at each new connection: the bytes to introduce ourselves with (<= 64 KiB). */
  hello(): Uint8Array
  /** Both sides have said hello. Before `up` and after `down`, no frame comes from that peer. */
  up(link: Link): void
  /** The frame is the receiver's: it may be kept, and then holds at most four times its size. */
  frame(peer: PeerId, frame: Uint8Array, channel: Channel): void
  /** The link is gone: frames sent and not yet delivered may be lost. */
  down(peer: PeerId, reason: string): void
  dialFailed(address: string, failure: DialFailure): void
}

/**
 * Moves frames between peers: at most once each, in order per link and channel, nothing after
 * `down`. (The simulated one also drops, repeats and reorders: nothing above may rely on more than
 * "at most garbled by loss".) A frame of a link is never delivered on a later link.
 */
export interface Transport {
  readonly self: PeerId
  /** Addresses others can dial, with the /p2p suffix; empty for a client. */
  addresses(): readonly string[]
  /** Once. */
  start(handlers: TransportHandlers): void
  /**
   * Tries to make a link: `up` or `dialFailed` follows. The multiaddr may lack its /p2p suffix. A
   * no-op while a link to that peer stands or that address is being dialled. Requires `start`.
   */
  dial(address: string): void
  /**
   * Queues one frame (its parts are concatenated; they must not change afterwards); frames of one
   * turn leave in one write. False: not sent, because there is no link or its queue is full. Only
   * nodes have the `bulk` channel between them.
   */
  send(peer: PeerId, parts: readonly Uint8Array[], channel?: Channel): boolean
  /**
   * Which share of what may wait to leave for `peer` on the main channel is waiting, in [0, 1]; 0
   * without a link. Whoever sends what can wait, or can be refused, asks first: consensus cannot.
   */
  fill(peer: PeerId): number
  /**
   * Ends the link to `peer`; `down` follows with this reason. Frames sent before still go out, as
   * far as the network takes them in half a second. No frame of that peer comes after this call.
   */
  close(peer: PeerId, reason: string): void
  /** Ends all links likewise and listens no more. No handler is called again; done within 2 s. */
  stop(done: () => void): void
}
