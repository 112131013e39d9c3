import type { Connection, Stream } from '@libp2p/interface'
import type { Greeting } from './greeting.ts'
import { GREETING_BYTES_MAX } from './greeting.ts'
import { FrameStream, type FrameStreamOwner } from './libp2p-stream.ts'
import { quietEvents, sparingWindow } from './libp2p-tuning.ts'
import type { Channel, Link, PeerId } from './transport.ts'

export type Hello = Extract<Greeting, { readonly type: 'hello' }>

/**
 * One connection, from the end of its handshake to its own end. It becomes a link once both sides
 * have said hello. Invariant: when `over`, nothing of it is told to anybody any more.
 */
export class Conversation {
  readonly connection: Connection
  readonly peer: PeerId
  /** The address we dialled; undefined: they dialled. */
  readonly dialled: string | undefined
  role: Link['role'] = 'node'
  main: FrameStream | undefined
  bulk: FrameStream | undefined
  /** Their hello, once it came. */
  theirs: Hello | undefined
  /** Dialled, and our hello is on its way. */
  spoken = false
  /** Set while the link is up. */
  link: Link | undefined
  over = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(connection: Connection, dialled: string | undefined) {
    this.connection = connection
    this.peer = connection.remotePeer.toString()
    this.dialled = dialled
  }

  /** Calls `late` unless the link is up, or the conversation over, in time. */
  expect(timeoutMs: number, late: () => void): void {
    this.#timer = setTimeout(late, timeoutMs)
  }

  settled(): void {
    clearTimeout(this.#timer)
  }

  attach(
    stream: Stream,
    channel: Channel,
    owner: FrameStreamOwner,
    queuedBytesMax: number
  ): FrameStream {
    sparingWindow(stream)
    quietEvents(stream)
    const frames = new FrameStream(stream, owner, { bytesMax: GREETING_BYTES_MAX, queuedBytesMax })
    if (channel === 'main') this.main = frames
    else this.bulk = frames
    return frames
  }

  get queuedBytes(): number {
    return (this.main?.queuedBytes ?? 0) + (this.bulk?.queuedBytes ?? 0)
  }

  /** Everything a link needs is here: their hello, and for a node its second stream. */
  get complete(): boolean {
    return this.theirs !== undefined && (this.role === 'client' || this.bulk !== undefined)
  }

  /** Lets what was sent go out, as far as it gets in `timeoutMs`, and ends the connection. */
  async leave(timeoutMs: number): Promise<void> {
    this.over = true
    this.settled()
    const signal = AbortSignal.timeout(timeoutMs)
    const ends = [this.main?.finish(signal), this.bulk?.finish(signal)]
    // Whatever keeps it from ending in order: the abort below ends it.
    await Promise.allSettled(ends)
    await Promise.allSettled([this.connection.close({ signal })])
    this.connection.abort(new Error('closed'))
  }
}
