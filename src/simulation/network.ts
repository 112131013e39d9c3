import type { Channel, PeerId, Transport } from '../transport/transport.ts'
import { assert } from '../world/assert.ts'
import type { Random } from '../world/random.ts'
import { lateCopy } from './late-frames.ts'
import { drawDelay, type Spread } from './latency.ts'
import { SimulatedEndpoint } from './network-endpoint.ts'
import type { SimulatedLink } from './network-link.ts'
import type { Life, World } from './world.ts'

/** How badly the network behaves. May change at any time; it holds for what is sent afterwards. */
export interface NetworkKnobs {
  /** One way, in milliseconds: shortest and longest. */
  latencyMs: readonly [number, number]
  spread: Spread
  /** Share of frames, in [0, 1], that are lost, that come twice, that leave their order. */
  loss: number
  duplicate: number
  reorder: number
  /**
   * Share of frames between nodes that come once more, seconds later, by whatever link stands then:
   * of an earlier life of their sender, maybe to another life of their receiver.
   */
  ghosts: number
  /** How much later a frame out of order may come. */
  reorderMs: number
  /** From the beginning of a cut to the end of a link across it, if the cut lasts. */
  cutDetectMs: readonly [number, number]
  dialTimeoutMs: number
  /** Per link, direction and channel: what is sent and not delivered. */
  queuedBytesMax: number
}

const CALM: NetworkKnobs = {
  latencyMs: [0.1, 1],
  spread: 'even',
  loss: 0,
  duplicate: 0,
  reorder: 0,
  ghosts: 0,
  reorderMs: 20,
  cutDetectMs: [3_000, 10_000],
  dialTimeoutMs: 3_000,
  queuedBytesMax: 16 * 1024 * 1024
}

/** How much later frames of old come again: by then processes may have ended and begun. */
const GHOST_MS = [200, 20_000] as const

/**
 * The network between simulated processes. By itself it behaves like sockets on a good network:
 * links keep order and lose nothing. Knobs and cuts take that away. Every delivery is an event of
 * `world`, and every choice is drawn from its seed.
 *
 * A *cut* drops silently what is sent across it; a link across it ends on both sides after a while,
 * and dials fail as `unreachable`. A *kill* is seen by peers at once, as a kernel would show it,
 * and dials are `refused`. A *clog* holds everything back, in order.
 */
export class SimulatedNetwork {
  readonly knobs: NetworkKnobs
  readonly world: World
  readonly random: Random
  /** Bears the events that belong to no process. */
  readonly #life: Life
  readonly #byAddress = new Map<string, SimulatedEndpoint>()
  #endpoints: SimulatedEndpoint[] = []
  /** How many cuts stand between two peers, by `from>to`. */
  readonly #cuts = new Map<string, number>()
  readonly #clogs = new Map<string, number>()
  /** By how much longer than others a pair takes. */
  readonly #slow = new Map<string, number>()

  constructor(world: World, knobs: Partial<NetworkKnobs> = {}) {
    this.world = world
    this.knobs = { ...CALM, ...knobs }
    this.random = world.random.fork('network')
    this.#life = world.life('network')
  }

  /**
   * The transport of one life of `peer`. `address`: a multiaddr without /p2p; empty for a client. A
   * later endpoint takes the address over.
   */
  endpoint(life: Life, peer: PeerId, role: 'node' | 'client', address: string): Transport {
    const endpoint = new SimulatedEndpoint(this, life, { peer, role, address })
    this.#reap()
    this.#endpoints.push(endpoint)
    if (address !== '') this.#byAddress.set(address, endpoint)
    return endpoint
  }

  /**
   * To be called when a life ended without stopping its transport: a killed process. Otherwise its
   * peers learn of it only when they send to it or dial it.
   */
  killed(life: Life): void {
    assert(!life.alive, `${life.name} lives`)
    this.#reap()
  }

  /**
   * Cuts `from` off from `to`; `both` ways, or only what `from` sends. The result heals it
   * (idempotent). Cuts add up: a pair is connected when no cut stands between them.
   */
  cut(from: readonly PeerId[], to: readonly PeerId[], ways: 'one' | 'both' = 'both'): () => void {
    const pairs: string[] = []
    for (const a of from) {
      for (const b of to) {
        if (a === b) continue
        pairs.push(`${a}>${b}`)
        if (ways === 'both') pairs.push(`${b}>${a}`)
      }
    }
    for (const pair of pairs) this.#cuts.set(pair, (this.#cuts.get(pair) ?? 0) + 1)
    for (const endpoint of this.#endpoints) {
      for (const link of endpoint.standing()) if (this.isSevered(link)) this.suspect(link)
    }
    let healed = false
    return () => {
      if (healed) return
      healed = true
      for (const pair of pairs) this.#uncut(pair)
    }
  }

  /** Ends every cut there is. The functions that `cut` returned heal nothing more. */
  healAll(): void {
    this.#cuts.clear()
  }

  /** Nothing that `from` sends arrives at `to` before `ms` from now; nothing is lost by it. */
  clog(from: PeerId, to: PeerId, ms: number): void {
    const pair = `${from}>${to}`
    this.#clogs.set(pair, Math.max(this.#clogs.get(pair) ?? 0, this.world.now + ms))
  }

  /** What `from` sends to `to` takes `times` as long, until the result is called. */
  slow(from: PeerId, to: PeerId, times: number): () => void {
    const pair = `${from}>${to}`
    this.#slow.set(pair, times)
    return () => {
      if (this.#slow.get(pair) === times) this.#slow.delete(pair)
    }
  }

  /**
   * Breaks the link between two peers, if there is one, with whatever is on its way. `midway`: some
   * of the next frames still arrive, and the rest of what was sent with them does not.
   */
  reset(a: PeerId, b: PeerId, midway = false): void {
    for (const endpoint of this.#endpoints) {
      if (endpoint.self !== a) continue
      for (const link of endpoint.standing()) {
        if (!link.ends.some((end) => end.endpoint.self === b)) continue
        if (midway) link.tear()
        link.break('connection reset')
      }
    }
  }

  /** A frame that `from` sent to `to` comes once more, much later, if they are linked then. */
  haunt(from: PeerId, to: SimulatedEndpoint, frame: Uint8Array, channel: Channel): void {
    const late = lateCopy(frame)
    if (late === undefined) return
    this.world.schedule(this.#life, this.between(GHOST_MS), 'frame of old', () => {
      const now = this.#endpoints.find(({ self, life }) => self === to.self && life.alive)
      if (now === undefined || this.isCut(from, to.self)) return
      if (this.knobs.ghosts === 0 && !late.mayDisturbCalm) return
      this.world.schedule(now.life, 0, `frame of an old ${from}`, () => {
        now.retell(from, late.frame, channel)
      })
    })
  }

  /** What is sent from one peer to the other gets lost. */
  isCut(from: PeerId, to: PeerId): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`)
  }

  /** Nothing can be set up or kept alive between two peers. */
  isApart(a: PeerId, b: PeerId): boolean {
    return this.isCut(a, b) || this.isCut(b, a)
  }

  isSevered(link: SimulatedLink): boolean {
    const [a, b] = link.ends
    return this.isApart(a.endpoint.self, b.endpoint.self)
  }

  /** Ends `link` after a while if a cut stands across it then. */
  suspect(link: SimulatedLink): void {
    if (link.suspected || link.broken) return
    link.suspected = true
    this.world.schedule(this.#life, this.between(this.knobs.cutDetectMs), 'link timeout', () => {
      link.suspected = false
      if (link.doomed || this.isSevered(link)) link.break('timed out')
    })
  }

  /** The endpoint that took `address` last. */
  find(address: string): SimulatedEndpoint | undefined {
    this.#reap()
    return this.#byAddress.get(address)
  }

  /** When something sent now arrives, in milliseconds from now. */
  delay(from: PeerId, to: PeerId): number {
    const { latencyMs, spread } = this.knobs
    const delay = drawDelay(latencyMs, spread, this.random)
    if (this.#clogs.size === 0 && this.#slow.size === 0) return delay
    const pair = `${from}>${to}`
    const late = delay * (this.#slow.get(pair) ?? 1)
    return Math.max(late, (this.#clogs.get(pair) ?? 0) - this.world.now)
  }

  between([shortest, longest]: readonly [number, number]): number {
    return shortest + (this.random.below(1_000_000) / 1_000_000) * (longest - shortest)
  }

  chance(share: number): boolean {
    return share > 0 && this.random.below(1_000_000) < share * 1_000_000
  }

  #reap(): void {
    if (this.#endpoints.every((it) => it.life.alive)) return
    const dead = this.#endpoints.filter((it) => !it.life.alive)
    this.#endpoints = this.#endpoints.filter((it) => it.life.alive)
    for (const endpoint of dead) endpoint.die()
  }

  #uncut(pair: string): void {
    const count = this.#cuts.get(pair)
    if (count === undefined) return
    if (count === 1) this.#cuts.delete(pair)
    else this.#cuts.set(pair, count - 1)
  }
}
