import type {
  Channel,
  DialFailure,
  Link,
  PeerId,
  Transport,
  TransportHandlers
} from '../../src/transport/transport.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'

/** Where a transport suite runs: on real sockets, or in simulated time. */
export interface TransportStage {
  /** A transport that has not started; with `self` again: a new life of that peer. */
  open(role: 'node' | 'client', self?: string): Promise<Transport>
  /** Waits until `holds`; rejects with `what` when it takes far longer than it should. */
  until(holds: () => boolean, what: string): Promise<void>
  /** Lets everything happen that is under way. */
  settle(): Promise<void>
  /** An address where nobody listens. */
  readonly deadAddress: string
  close(): Promise<void>
}

export interface Received {
  readonly peer: PeerId
  readonly channel: Channel
  readonly frame: Uint8Array
}

/** Handlers that note what they are told, and check what holds at every moment. */
export class Recorder implements TransportHandlers {
  readonly transport: Transport
  readonly frames: Received[] = []
  readonly downs: { readonly peer: PeerId; readonly reason: string }[] = []
  readonly failures: { readonly address: string; readonly failure: DialFailure }[] = []
  readonly ups: Link[] = []
  readonly links = new Map<PeerId, Link>()
  /** Breaches of the contract. */
  readonly breaches: string[] = []
  onFrame: (received: Received) => void = () => {}
  readonly #hello: string

  constructor(transport: Transport, hello: string) {
    this.transport = transport
    this.#hello = hello
    transport.start(this)
  }

  hello(): Uint8Array {
    return utf8(this.#hello)
  }

  up(link: Link): void {
    if (this.links.has(link.peer)) this.breaches.push(`second link to ${link.peer}`)
    this.links.set(link.peer, link)
    this.ups.push(link)
  }

  frame(peer: PeerId, frame: Uint8Array, channel: Channel): void {
    if (!this.links.has(peer)) this.breaches.push(`a frame without a link from ${peer}`)
    const received = { peer, frame, channel }
    this.frames.push(received)
    this.onFrame(received)
  }

  down(peer: PeerId, reason: string): void {
    if (!this.links.delete(peer)) this.breaches.push(`down without a link to ${peer}`)
    this.downs.push({ peer, reason })
  }

  dialFailed(address: string, failure: DialFailure): void {
    this.failures.push({ address, failure })
  }

  helloOf(peer: PeerId): string | undefined {
    const link = this.links.get(peer)
    return link === undefined ? undefined : utf8Text(link.hello)
  }

  texts(): (string | undefined)[] {
    return this.frames.map(({ frame }) => utf8Text(frame))
  }

  address(): string {
    const [address] = this.transport.addresses()
    if (address === undefined) throw new Error('no address')
    return address
  }
}
