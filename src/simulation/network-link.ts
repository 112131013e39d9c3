import type { Channel } from '../transport/transport.ts'
import type { SimulatedNetwork } from './network.ts'
import type { SimulatedEndpoint } from './network-endpoint.ts'

/** How much later than others those may hear of a death to whom it comes last. */
const LATE_NEWS_MS = [50, 3_000] as const

/**
 * `pending`: its process has not heard yet that the link is up. `over`: it holds the link no more.
 */
export type EndState = 'pending' | 'up' | 'over'

export interface End {
  readonly endpoint: SimulatedEndpoint
  state: EndState
}

/** What travels in order: frames sent at one moment, the other side's hello, or the end. */
type Item =
  | { readonly type: 'frames'; readonly sentAt: number; readonly frames: Uint8Array[] }
  | { readonly type: 'call'; readonly run: () => void }

/** One direction of one channel. */
interface Pipe {
  readonly channel: Channel
  readonly items: Item[]
  queuedBytes: number
  /** Dropped by a cut: a socket would hold them, until the link ends. */
  stuckBytes: number
}

/** A connection between two processes. Once broken, nothing of it arrives any more. */
export class SimulatedLink {
  readonly ends: readonly [End, End]
  broken = false
  suspected = false
  /** It ends when its timeout does, whether or not the cut is healed by then. */
  doomed = false
  readonly #network: SimulatedNetwork
  /** By receiving end. */
  readonly #pipes: readonly [Record<Channel, Pipe>, Record<Channel, Pipe>]

  /** `dialler` learns by a `call` that the link is up; `acceptor` knows already. */
  constructor(network: SimulatedNetwork, dialler: SimulatedEndpoint, acceptor: SimulatedEndpoint) {
    this.#network = network
    this.ends = [
      { endpoint: dialler, state: 'pending' },
      { endpoint: acceptor, state: 'up' }
    ]
    const pipes = (): Record<Channel, Pipe> => ({
      main: emptyPipe('main'),
      bulk: emptyPipe('bulk')
    })
    this.#pipes = [pipes(), pipes()]
  }

  other(end: End): End {
    return end === this.ends[0] ? this.ends[1] : this.ends[0]
  }

  /** False when too much is on its way already. */
  send(from: End, frame: Uint8Array, channel: Channel): boolean {
    const network = this.#network
    const to = this.other(from)
    const pipe = this.#pipeTo(to, channel)
    if (pipe.queuedBytes + pipe.stuckBytes + frame.length > network.knobs.queuedBytesMax) {
      return false
    }
    if (network.isCut(from.endpoint.self, to.endpoint.self)) {
      pipe.stuckBytes += frame.length
      network.suspect(this)
      return true
    }
    pipe.stuckBytes = 0
    if (to.state === 'over') {
      // A cut swallowed the news of its end: the kernel there answers what comes with a reset.
      this.break('connection reset')
      return true
    }
    if (network.chance(network.knobs.loss)) return true
    this.#queue(to, pipe, frame)
    if (network.chance(network.knobs.duplicate)) this.#queue(to, pipe, frame)
    if (network.chance(network.knobs.ghosts)) {
      network.haunt(from.endpoint.self, to.endpoint, frame, channel)
    }
    return true
  }

  /** The share of the bound that is on its way by the main channel. */
  fill(from: End): number {
    const { queuedBytes, stuckBytes } = this.#pipeTo(this.other(from), 'main')
    return Math.min(1, (queuedBytes + stuckBytes) / this.#network.knobs.queuedBytesMax)
  }

  /** Runs `run` at `to`, in order behind the frames of the main channel. A cut swallows it. */
  call(to: End, label: string, run: () => void): void {
    const network = this.#network
    if (network.isCut(this.other(to).endpoint.self, to.endpoint.self)) {
      this.#swallow(to)
      return
    }
    const pipe = this.#pipeTo(to, 'main')
    pipe.items.push({ type: 'call', run })
    this.#schedule(to, pipe, label)
  }

  /** `by` closed the link in order: the other side learns of it behind all frames. */
  close(by: End): void {
    by.state = 'over'
    const other = this.other(by)
    this.call(other, 'closed', () => this.#down(other, 'closed by the peer'))
  }

  /**
   * The process of `dead` is gone. What it sent last arrives and then the news, or neither; or all
   * of it comes late, when the next life of the process may be there already.
   */
  die(dead: End): void {
    const network = this.#network
    if (this.broken || network.chance(0.5)) {
      this.close(dead)
      return
    }
    dead.state = 'over'
    if (network.chance(0.5)) this.break('connection reset')
    else this.#lateNews(this.other(dead))
  }

  /** A part of the frames that come next to each end arrives now; `break` is to follow. */
  tear(): void {
    const { random, world } = this.#network
    for (const to of this.ends) {
      const { endpoint } = to
      const from = this.other(to).endpoint.self
      for (const pipe of Object.values(this.#pipesTo(to))) {
        const [head] = pipe.items
        if (head?.type !== 'frames' || this.#isCutTo(to)) continue
        const torn = head.frames.splice(0, random.below(head.frames.length + 1))
        world.schedule(endpoint.life, 0, this.#label(to), () => {
          if (to.state !== 'up') return
          for (const frame of torn) endpoint.deliver(from, frame, pipe.channel)
        })
      }
    }
  }

  /** All that is on its way to `to`, and then the end of the link, comes much later. */
  #lateNews(to: End): void {
    const network = this.#network
    const held: (() => void)[] = []
    for (const pipe of Object.values(this.#pipesTo(to))) {
      for (const item of pipe.items.splice(0)) {
        if (item.type === 'call') held.push(item.run)
        else for (const frame of item.frames) held.push(() => this.#deliver(to, pipe, frame))
      }
    }
    network.world.schedule(to.endpoint.life, network.between(LATE_NEWS_MS), 'late news', () => {
      if (this.broken) return
      if (this.#isCutTo(to)) {
        this.#swallow(to)
        return
      }
      for (const each of held) each()
      this.#down(to, 'closed by the peer')
    })
  }

  /** Drops what is on its way; each side that holds the link learns of it soon. */
  break(reason: string): void {
    if (this.broken) return
    this.broken = true
    const network = this.#network
    for (const end of this.ends) {
      const delay = network.between(network.knobs.latencyMs)
      network.world.schedule(end.endpoint.life, delay, reason, () => this.#down(end, reason))
    }
  }

  #down(end: End, reason: string): void {
    if (end.state === 'over') return
    const told = end.state === 'up'
    end.state = 'over'
    end.endpoint.lost(this, end, told ? reason : undefined)
  }

  #queue(to: End, pipe: Pipe, frame: Uint8Array): void {
    const network = this.#network
    pipe.queuedBytes += frame.length
    if (network.chance(network.knobs.reorder)) {
      const late = network.between([0, network.knobs.reorderMs])
      const delay = network.delay(this.other(to).endpoint.self, to.endpoint.self) + late
      network.world.schedule(to.endpoint.life, delay, this.#label(to), () => {
        this.#deliver(to, pipe, frame)
      })
      return
    }
    const last = pipe.items.at(-1)
    if (last?.type === 'frames' && last.sentAt === network.world.now) {
      last.frames.push(frame)
      return
    }
    pipe.items.push({ type: 'frames', sentAt: network.world.now, frames: [frame] })
    this.#schedule(to, pipe, this.#label(to))
  }

  /**
   * One event for the item that was just added. An event takes the head of the queue, whichever
   * item it was made for: so order holds even among events of one moment.
   */
  #schedule(to: End, pipe: Pipe, label: string): void {
    const { world } = this.#network
    const delay = this.#network.delay(this.other(to).endpoint.self, to.endpoint.self)
    world.schedule(to.endpoint.life, delay, label, () => {
      const item = pipe.items.shift()
      if (item === undefined) return
      if (item.type === 'frames') {
        for (const frame of item.frames) this.#deliver(to, pipe, frame)
      } else if (this.broken) return
      else if (this.#isCutTo(to)) this.#swallow(to)
      else item.run()
    })
  }

  /** A call did not arrive. */
  #swallow(to: End): void {
    // Nobody repeats an answer to a hello: a link that never stood would last for ever.
    if (to.state === 'pending') this.doomed = true
    this.#network.suspect(this)
  }

  #deliver(to: End, pipe: Pipe, frame: Uint8Array): void {
    pipe.queuedBytes -= frame.length
    this.#network.world.step(to.endpoint.life, 'frame')
    if (this.broken || to.state !== 'up') return
    if (this.#isCutTo(to)) this.#network.suspect(this)
    else to.endpoint.deliver(this.other(to).endpoint.self, frame, pipe.channel)
  }

  #isCutTo(to: End): boolean {
    return this.#network.isCut(this.other(to).endpoint.self, to.endpoint.self)
  }

  #pipesTo(end: End): Record<Channel, Pipe> {
    return this.#pipes[end === this.ends[0] ? 0 : 1]
  }

  #pipeTo(end: End, channel: Channel): Pipe {
    return this.#pipesTo(end)[channel]
  }

  #label(to: End): string {
    return `frames of ${this.other(to).endpoint.life.name}`
  }
}

function emptyPipe(channel: Channel): Pipe {
  return { channel, items: [], queuedBytes: 0, stuckBytes: 0 }
}
