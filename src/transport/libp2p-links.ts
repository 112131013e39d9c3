import type { Connection, Stream } from '@libp2p/interface'
import { Malformed } from '../wire/bytes.ts'
import { HELLO_BYTES_MAX } from '../wire/hello.ts'
import { FRAME_BYTES_MAX } from '../wire/limits.ts'
import { assert } from '../world/assert.ts'
import { decodeGreeting, encodeHello, encodeRefused, type Greeting } from './greeting.ts'
import { Conversation, type Hello } from './libp2p-conversation.ts'
import { dialFailureOf } from './libp2p-failure.ts'
import type { Host } from './libp2p-host.ts'
import { raise } from './libp2p-stream.ts'
import { type PeerTraffic, TrafficBook } from './traffic.ts'
import type {
  Channel,
  DialFailure,
  Link,
  PeerId,
  Transport,
  TransportHandlers
} from './transport.ts'

/** The version is in the name: peers that share none do not link. */
export const PROTOCOL = {
  main: '/keymesh/node/1/main',
  bulk: '/keymesh/node/1/bulk',
  client: '/keymesh/client/1'
} as const

export interface LinkBounds {
  /** From the connection to the hello of the peer. */
  readonly helloTimeoutMs: number
  readonly dialTimeoutMs: number
  /**
   * Bytes sent and not yet taken by the network, per peer and channel; above it `send` is false.
   */
  readonly queuedBytesMax: number
  /** How long a closing link may take to send what it still has. */
  readonly closeTimeoutMs: number
  readonly stopTimeoutMs: number
}

/** A dial that found the peer busy linking with us by another connection. */
interface Waiting {
  readonly peer: PeerId
  readonly timer: ReturnType<typeof setTimeout>
}

/**
 * At most one link per peer, over connections that either side may open at any time.
 *
 * A dialler says hello only while it has no link with that peer. Where two dials cross, both sides
 * keep the connection that the lower PeerId dialled: the lower one refuses a hello while its own
 * is on its way, the higher one drops its own. A hello that meets a standing link is later than it
 * (see Greeting.number), then the peer has lost that link and the new one takes its place; or it
 * crossed with it, and is refused.
 */
export class Links implements Transport {
  readonly self: PeerId
  readonly #host: Host
  readonly #role: Link['role']
  readonly #bounds: LinkBounds
  readonly #traffic = new TrafficBook()
  readonly #instance = crypto.getRandomValues(new Uint8Array(8))
  #greetings = 0
  #handlers: TransportHandlers | undefined
  #stopped = false
  readonly #conversations = new Map<Connection, Conversation>()
  readonly #links = new Map<PeerId, Conversation>()
  /** Our own dial to a peer, from its connection to its hello. */
  readonly #outgoing = new Map<PeerId, Conversation>()
  /** Addresses whose dial has not ended. */
  readonly #dialling = new Set<string>()
  readonly #waiting = new Map<string, Waiting>()

  constructor(host: Host, role: Link['role'], bounds: LinkBounds) {
    this.self = host.self
    this.#host = host
    this.#role = role
    this.#bounds = bounds
  }

  /** Lets peers in. Their hellos are answered from `start` on. */
  async listen(): Promise<void> {
    this.#host.onInbound((connection) => {
      this.#met(new Conversation(connection, undefined))
    })
    await this.#host.handle(PROTOCOL.main, (stream, connection) => {
      this.#accept(stream, connection, 'node', 'main')
    })
    await this.#host.handle(PROTOCOL.bulk, (stream, connection) => {
      this.#accept(stream, connection, 'node', 'bulk')
    })
    await this.#host.handle(PROTOCOL.client, (stream, connection) => {
      this.#accept(stream, connection, 'client', 'main')
    })
  }

  addresses(): readonly string[] {
    return this.#role === 'client' ? [] : this.#host.addresses()
  }

  start(handlers: TransportHandlers): void {
    assert(this.#handlers === undefined, 'a transport starts once')
    this.#handlers = handlers
    queueMicrotask(() => {
      for (const conversation of [...this.#conversations.values()]) this.#consider(conversation)
    })
  }

  dial(address: string): void {
    const peer = peerIn(address)
    if (this.#stopped || this.#dialling.has(address)) return
    if (peer !== undefined && this.#links.has(peer)) return
    this.#dialling.add(address)
    if (peer === this.self) queueMicrotask(() => this.#dialFailed(address, 'self'))
    else void this.#dial(address)
  }

  send(peer: PeerId, parts: readonly Uint8Array[], channel: Channel = 'main'): boolean {
    const link = this.#links.get(peer)
    const stream = channel === 'main' ? link?.main : link?.bulk
    return stream?.send(parts) ?? false
  }

  fill(peer: PeerId): number {
    return this.#links.get(peer)?.main?.fill ?? 0
  }

  traffic(): readonly PeerTraffic[] {
    return this.#traffic.told(this.#links.values())
  }

  close(peer: PeerId, reason: string): void {
    const conversation = this.#links.get(peer)
    if (conversation === undefined) return
    this.#links.delete(peer)
    this.#leave(conversation)
    queueMicrotask(() => this.#tell((handlers) => handlers.down(peer, reason)))
  }

  stop(done: () => void): void {
    this.#stopped = true
    for (const { timer } of this.#waiting.values()) clearTimeout(timer)
    const open = [...this.#conversations.values()]
    const left = Promise.all(open.map((it) => it.leave(this.#bounds.closeTimeoutMs)))
    const stopped = left.then(() => this.#host.stop())
    let ended = false
    const end = (): void => {
      clearTimeout(late)
      if (!ended) done()
      ended = true
    }
    // What does not end in order by then is left to the end of the process, and so is its reason.
    const late = setTimeout(end, this.#bounds.stopTimeoutMs)
    stopped.then(end, end)
  }

  async #dial(address: string): Promise<void> {
    let connection: Connection
    try {
      const signal = AbortSignal.timeout(this.#bounds.dialTimeoutMs)
      connection = await this.#host.connect(address, signal)
    } catch (error) {
      // libp2p joins dials to one peer: this one may have ended with the connection of another.
      const expected = peerIn(address)
      if (expected !== undefined && this.#isLinking(expected)) this.#wait(address, expected)
      else this.#dialFailed(address, dialFailureOf(error))
      return
    }
    const peer = connection.remotePeer.toString()
    // Two dials to one peer by two addresses may end in one connection.
    const known = this.#conversations.has(connection)
    if (this.#stopped || known || this.#isLinking(peer)) {
      if (!known) connection.abort(new Error('one connection is enough'))
      this.#wait(address, peer)
      return
    }
    await this.#greet(new Conversation(connection, address))
  }

  #isLinking(peer: PeerId): boolean {
    return this.#links.has(peer) || this.#outgoing.has(peer)
  }

  /** Opens the streams of a connection we dialled and says hello. */
  async #greet(conversation: Conversation): Promise<void> {
    const { connection, peer } = conversation
    this.#outgoing.set(peer, conversation)
    this.#met(conversation)
    const signal = AbortSignal.timeout(this.#bounds.helloTimeoutMs)
    const protocols = this.#role === 'client' ? [PROTOCOL.client] : [PROTOCOL.main, PROTOCOL.bulk]
    let streams: Stream[]
    try {
      streams = await Promise.all(protocols.map((it) => connection.newStream(it, { signal })))
    } catch (error) {
      this.#lost(conversation, 'no stream', dialFailureOf(error))
      return
    }
    if (conversation.over) return
    if (this.#links.has(peer)) {
      this.#superseded(conversation)
      return
    }
    const hello = this.#hello()
    if (hello === undefined) return
    for (const [i, stream] of streams.entries()) {
      this.#attach(conversation, stream, i === 0 ? 'main' : 'bulk')
    }
    conversation.spoken = true
    conversation.main?.send([hello])
  }

  /** A new connection: it must become a link in time. */
  #met(conversation: Conversation): void {
    const { connection } = conversation
    this.#conversations.set(connection, conversation)
    connection.addEventListener('close', () => {
      this.#conversations.delete(connection)
      this.#lost(conversation, 'connection closed', 'unreachable')
    })
    conversation.expect(this.#bounds.helloTimeoutMs, () => {
      this.#lost(conversation, 'no hello in time', 'unreachable')
    })
  }

  /** A peer opened a stream. */
  #accept(stream: Stream, connection: Connection, role: Link['role'], channel: Channel): void {
    const conversation = this.#conversations.get(connection)
    const expected =
      conversation !== undefined &&
      !conversation.over &&
      conversation.dialled === undefined &&
      conversation.link === undefined &&
      conversation[channel] === undefined &&
      (role === conversation.role || (conversation.main ?? conversation.bulk) === undefined)
    if (!expected) {
      stream.abort(new Error('a stream too many'))
      return
    }
    conversation.role = role
    this.#attach(conversation, stream, channel)
    this.#consider(conversation)
  }

  #attach(conversation: Conversation, stream: Stream, channel: Channel): void {
    const owner = {
      traffic: this.#traffic.of(conversation.peer, conversation.role),
      frame: (frame: Uint8Array) => this.#received(conversation, frame, channel),
      ended: (reason: string) => this.#lost(conversation, reason, 'unreachable')
    }
    conversation.attach(stream, channel, owner, this.#bounds.queuedBytesMax)
  }

  #received(conversation: Conversation, frame: Uint8Array, channel: Channel): void {
    if (conversation.over) return
    if (conversation.link !== undefined) {
      this.#tell((handlers) => handlers.frame(conversation.peer, frame, channel))
      return
    }
    let greeting: Greeting
    try {
      if (channel !== 'main' || conversation.theirs !== undefined) {
        throw new Malformed('a frame before the hellos')
      }
      greeting = decodeGreeting(frame)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      this.#lost(conversation, error.message, 'handshake')
      return
    }
    if (greeting.type === 'refused') {
      this.#superseded(conversation)
      return
    }
    conversation.theirs = greeting
    if (conversation.dialled === undefined) this.#consider(conversation)
    else if (this.#links.has(conversation.peer)) this.#superseded(conversation)
    else this.#stand(conversation, greeting)
  }

  /** Decides about a peer that dialled us, once it has said all it has to say. */
  #consider(conversation: Conversation): void {
    const { peer, theirs } = conversation
    const waits = conversation.over || conversation.link !== undefined || !conversation.complete
    if (this.#handlers === undefined || waits || theirs === undefined) return
    if (conversation.dialled !== undefined) return
    const standing = this.#links.get(peer)
    const outgoing = this.#outgoing.get(peer)
    if (
      (standing?.theirs?.instance === theirs.instance && theirs.number < standing.theirs.number) ||
      (outgoing?.spoken === true && this.self < peer)
    ) {
      conversation.main?.send([encodeRefused()])
      this.#leave(conversation)
      return
    }
    if (outgoing !== undefined) this.#superseded(outgoing)
    if (standing !== undefined) this.#lost(standing, 'replaced by a newer link', 'unreachable')
    const hello = this.#hello()
    if (hello === undefined) return
    conversation.main?.send([hello])
    this.#stand(conversation, theirs)
  }

  #stand(conversation: Conversation, theirs: Hello): void {
    const { peer, role, dialled: address } = conversation
    conversation.settled()
    if (this.#outgoing.get(peer) === conversation) this.#outgoing.delete(peer)
    if (address !== undefined) this.#dialling.delete(address)
    if (conversation.main !== undefined) conversation.main.frameBytesMax = FRAME_BYTES_MAX
    if (conversation.bulk !== undefined) conversation.bulk.frameBytesMax = FRAME_BYTES_MAX
    const link: Link = { peer, role, hello: theirs.hello, address }
    conversation.link = link
    this.#links.set(peer, conversation)
    for (const [waiting, { peer: expected, timer }] of [...this.#waiting]) {
      if (expected !== peer) continue
      clearTimeout(timer)
      this.#waiting.delete(waiting)
      this.#dialling.delete(waiting)
    }
    this.#tell((handlers) => handlers.up(link))
  }

  /** The end of a conversation that nobody asked for. */
  #lost(conversation: Conversation, reason: string, failure: DialFailure): void {
    const { peer, dialled, link } = conversation
    if (conversation.over) return
    conversation.over = true
    conversation.settled()
    if (this.#outgoing.get(peer) === conversation) this.#outgoing.delete(peer)
    conversation.connection.abort(new Error(reason))
    if (link !== undefined) {
      if (this.#links.get(peer) === conversation) this.#links.delete(peer)
      this.#tell((handlers) => handlers.down(peer, reason))
    } else if (dialled !== undefined) this.#dialFailed(dialled, failure)
  }

  /** Our own dial gives way to another connection with the same peer. */
  #superseded(conversation: Conversation): void {
    const { peer, dialled } = conversation
    if (conversation.over) return
    if (this.#outgoing.get(peer) === conversation) this.#outgoing.delete(peer)
    this.#leave(conversation)
    if (dialled !== undefined) this.#wait(dialled, peer)
  }

  /**
   * Another connection to `peer` is about to be a link: unless it fails, the dial has succeeded.
   */
  #wait(address: string, peer: PeerId): void {
    if (this.#stopped || this.#links.has(peer)) {
      this.#dialling.delete(address)
      return
    }
    const timer = setTimeout(() => {
      this.#waiting.delete(address)
      this.#dialFailed(address, 'unreachable')
    }, this.#bounds.helloTimeoutMs)
    this.#waiting.set(address, { peer, timer })
  }

  #leave(conversation: Conversation): void {
    conversation.over = true
    void conversation.leave(this.#bounds.closeTimeoutMs)
  }

  #dialFailed(address: string, failure: DialFailure): void {
    this.#dialling.delete(address)
    this.#tell((handlers) => handlers.dialFailed(address, failure))
  }

  #hello(): Uint8Array | undefined {
    let bytes: Uint8Array | undefined
    this.#tell((handlers) => {
      const hello = handlers.hello()
      assert(hello.length <= HELLO_BYTES_MAX, `hello of ${hello.length} bytes`)
      bytes = encodeHello(this.#instance, ++this.#greetings, hello)
    })
    return bytes
  }

  #tell(run: (handlers: TransportHandlers) => void): void {
    const handlers = this.#handlers
    if (handlers !== undefined && !this.#stopped) raise(() => run(handlers))
  }
}

const peerIn = (address: string): PeerId | undefined => /\/p2p\/([^/]+)$/.exec(address)?.[1]
