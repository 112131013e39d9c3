import type {
  Channel,
  DialFailure,
  Link,
  PeerId,
  Transport,
  TransportHandlers
} from '../transport/transport.ts'
import { concatBytes } from '../wire/bytes.ts'
import { FRAME_BYTES_MAX } from '../wire/limits.ts'
import { assert } from '../world/assert.ts'
import type { Cancel } from '../world/clock.ts'
import type { SimulatedNetwork } from './network.ts'
import { type End, SimulatedLink } from './network-link.ts'
import type { Life } from './world.ts'

/** A dial that has not ended. */
interface Attempt {
  readonly address: string
  /** Known once the other side answered. */
  peer: PeerId | undefined
  /** Its hello is on its way. */
  spoken: boolean
  over: boolean
  readonly timer: Cancel
}

interface Held {
  readonly link: SimulatedLink
  readonly end: End
}

/** The transport of one simulated process. Links as `Links` of libp2p-links.ts makes them. */
export class SimulatedEndpoint implements Transport {
  readonly self: PeerId
  readonly life: Life
  readonly #network: SimulatedNetwork
  readonly #role: Link['role']
  readonly #address: string
  #handlers: TransportHandlers | undefined
  #stopped = false
  readonly #links = new Map<PeerId, Held>()
  readonly #attempts = new Map<string, Attempt>()

  constructor(
    network: SimulatedNetwork,
    life: Life,
    who: { readonly peer: PeerId; readonly role: Link['role']; readonly address: string }
  ) {
    this.#network = network
    this.life = life
    this.self = who.peer
    this.#role = who.role
    this.#address = who.address
  }

  addresses(): readonly string[] {
    return this.#address === '' ? [] : [`${this.#address}/p2p/${this.self}`]
  }

  start(handlers: TransportHandlers): void {
    assert(this.#handlers === undefined, 'a transport starts once')
    this.#handlers = handlers
  }

  dial(address: string): void {
    const [bare = address, expected] = address.split('/p2p/')
    if (this.#stopped || this.#attempts.has(address)) return
    if (expected !== undefined && this.#links.has(expected)) return
    const attempt: Attempt = {
      address,
      peer: undefined,
      spoken: false,
      over: false,
      timer: this.life.timers.after(this.#network.knobs.dialTimeoutMs, () => {
        this.#fail(attempt, 'unreachable')
      })
    }
    this.#attempts.set(address, attempt)
    const target = this.#network.find(bare)
    if (expected === this.self || target === this) {
      this.life.timers.soon(() => this.#fail(attempt, 'self'))
    } else if (target === undefined) {
      const delay = this.#network.between(this.#network.knobs.latencyMs)
      this.#later(delay, () => this.#fail(attempt, 'refused'))
    } else this.#reach(attempt, target, expected)
  }

  send(peer: PeerId, parts: readonly Uint8Array[], channel: Channel = 'main'): boolean {
    const held = this.#links.get(peer)
    if (held === undefined) return false
    const other = held.link.other(held.end).endpoint
    if (channel === 'bulk' && (this.#role === 'client' || other.#role === 'client')) return false
    if (!other.life.alive) this.#network.killed(other.life)
    // A copy, as a socket makes one: what the sender does to its bytes later must not matter.
    const frame = concatBytes([...parts, new Uint8Array(0)])
    assert(frame.length <= FRAME_BYTES_MAX, `a frame of ${frame.length} bytes`)
    return held.link.send(held.end, frame, channel)
  }

  fill(peer: PeerId): number {
    const held = this.#links.get(peer)
    return held === undefined ? 0 : held.link.fill(held.end)
  }

  close(peer: PeerId, reason: string): void {
    const held = this.#links.get(peer)
    if (held === undefined) return
    this.#links.delete(peer)
    held.link.close(held.end)
    this.life.timers.soon(() => this.#handlers?.down(peer, reason))
  }

  stop(done: () => void): void {
    this.#stopped = true
    for (const { link, end } of this.#links.values()) link.close(end)
    this.#links.clear()
    for (const attempt of [...this.#attempts.values()]) this.#forget(attempt)
    this.#handlers = undefined
    this.life.timers.soon(done)
  }

  /** Its process is gone. */
  die(): void {
    this.#stopped = true
    for (const { link, end } of this.#links.values()) link.die(end)
    this.#links.clear()
  }

  standing(): SimulatedLink[] {
    return [...this.#links.values()].map(({ link }) => link)
  }

  deliver(peer: PeerId, frame: Uint8Array, channel: Channel): void {
    this.#handlers?.frame(peer, frame, channel)
  }

  /** A frame that `peer` sent long ago comes again, if it is linked now. */
  retell(peer: PeerId, frame: Uint8Array, channel: Channel): void {
    if (this.#links.has(peer)) this.deliver(peer, frame, channel)
  }

  /** `end` of `link` is ours and over. Without a reason we never knew it was up. */
  lost(link: SimulatedLink, end: End, reason: string | undefined): void {
    const peer = link.other(end).endpoint.self
    if (this.#links.get(peer)?.link === link) this.#links.delete(peer)
    if (reason !== undefined) this.#handlers?.down(peer, reason)
  }

  /** From the first packet to the other side's handshake, which only a running process makes. */
  #reach(attempt: Attempt, target: SimulatedEndpoint, expected: PeerId | undefined): void {
    const network = this.#network
    const there = network.delay(this.self, target.self)
    const back = network.delay(target.self, this.self)
    if (network.isApart(this.self, target.self)) return
    if (!target.#listens()) {
      this.#later(there + back, () => this.#fail(attempt, 'refused'))
      return
    }
    network.world.schedule(target.life, there, `dial by ${this.life.name}`, () => {
      if (!this.life.alive) return
      this.#later(back, () => {
        if (attempt.over || network.isApart(this.self, target.self)) return
        if (!target.#listens()) this.#fail(attempt, 'refused')
        else if (expected !== undefined && expected !== target.self) {
          this.#fail(attempt, 'handshake')
        } else this.#greet(attempt, target)
      })
    })
  }

  #greet(attempt: Attempt, target: SimulatedEndpoint): void {
    const rival = this.#outgoing(target.self)
    attempt.peer = target.self
    if (this.#links.has(target.self)) this.#forget(attempt)
    // Another dial of ours is ahead: this one waits for what becomes of it.
    if (attempt.over || rival !== undefined || this.#handlers === undefined) return
    attempt.spoken = true
    const hello = this.#handlers.hello().slice()
    const { world } = this.#network
    const delay = this.#network.delay(this.self, target.self)
    world.schedule(target.life, delay, `hello of ${this.life.name}`, () => {
      if (!this.#network.isCut(this.self, target.self)) target.#accept(this, attempt, hello)
    })
  }

  #accept(dialler: SimulatedEndpoint, attempt: Attempt, hello: Uint8Array): void {
    const handlers = this.#handlers
    if (handlers === undefined || !dialler.life.alive) return
    const standing = this.#links.get(dialler.self)
    const far = standing?.link.other(standing.end)
    const crossed = far?.endpoint === dialler && far.state !== 'over'
    const outgoing = this.#outgoing(dialler.self)
    if (crossed || (outgoing !== undefined && this.self < dialler.self)) {
      const delay = this.#network.delay(this.self, dialler.self)
      dialler.#later(delay, () => dialler.#refused(attempt))
      return
    }
    if (standing !== undefined) {
      standing.end.state = 'over'
      this.lost(standing.link, standing.end, 'replaced by a newer link')
    }
    const link = new SimulatedLink(this.#network, dialler, this)
    const [theirs, ours] = link.ends
    const answer = handlers.hello().slice()
    link.call(theirs, `hello of ${this.life.name}`, () => {
      dialler.#welcome(attempt, { link, end: theirs }, answer)
    })
    this.#stand({ link, end: ours }, { role: dialler.#role, hello, address: undefined })
  }

  #refused(attempt: Attempt): void {
    attempt.spoken = false
    if (attempt.peer !== undefined && this.#links.has(attempt.peer)) this.#forget(attempt)
  }

  #welcome(attempt: Attempt, held: Held, hello: Uint8Array): void {
    if (attempt.over || !attempt.spoken || this.#stopped) {
      held.link.close(held.end)
      return
    }
    held.end.state = 'up'
    this.#stand(held, { role: 'node', hello, address: attempt.address })
  }

  #stand(held: Held, facts: Omit<Link, 'peer'>): void {
    const peer = held.link.other(held.end).endpoint.self
    for (const attempt of [...this.#attempts.values()]) {
      if (attempt.peer === peer) this.#forget(attempt)
    }
    this.#links.set(peer, held)
    this.#handlers?.up({ peer, ...facts })
  }

  #outgoing(peer: PeerId): Attempt | undefined {
    for (const attempt of this.#attempts.values()) {
      if (attempt.peer === peer && attempt.spoken) return attempt
    }
    return undefined
  }

  #listens(): boolean {
    return this.life.alive && !this.#stopped && this.#handlers !== undefined
  }

  #later(delayMs: number, run: () => void): void {
    this.#network.world.schedule(this.life, delayMs, 'dial', run)
  }

  #fail(attempt: Attempt, failure: DialFailure): void {
    if (attempt.over) return
    this.#forget(attempt)
    this.#handlers?.dialFailed(attempt.address, failure)
  }

  #forget(attempt: Attempt): void {
    attempt.over = true
    attempt.timer()
    if (this.#attempts.get(attempt.address) === attempt) this.#attempts.delete(attempt.address)
  }
}
