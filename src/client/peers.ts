import type { NodeId } from '../wire/ids.ts'
import type { Random } from '../world/random.ts'
import { sometimes } from '../world/sometimes.ts'
import { backOff } from './retry.ts'

/** A dial without an answer for so long is taken for failed: longer than any transport tries. */
const DIAL_MS = 10_000
const SEEDS_AT_ONCE = 3
/** A link that goes down sooner did not last. */
const FLAP_MS = 1_000

interface Dial {
  /** Undefined: a seed, whose name we learn from the link. */
  readonly node: NodeId | undefined
  failures: number
  /** While it is being dialled: when to stop believing in it. Else: not again before. */
  until: number
  busy: boolean
  /** Why the last one came to nothing, for messages. */
  reason: string
}

/** Addresses named in a message. */
const NAMED_MAX = 3

interface Life {
  readonly upAt: number
  /** Links in a row that did not last. */
  flaps: number
  /** Not dialled before. */
  until: number
}

/** How near a node is: `dialling` will be followed by news, `lost` by none before a while. */
export type Reach = 'linked' | 'dialling' | 'lost'

/** Which nodes have a link, and who is being called to get one. */
export class Peers {
  readonly #links = new Set<NodeId>()
  /** Of the last link to each node. */
  readonly #lives = new Map<NodeId, Life>()
  readonly #dials = new Map<string, Dial>()
  readonly #seeds: readonly string[]
  readonly #random: Random
  /** Undefined: the links are kept by somebody else. */
  readonly #dial: ((address: string) => void) | undefined

  constructor(
    seeds: readonly string[],
    random: Random,
    dial: ((address: string) => void) | undefined
  ) {
    this.#seeds = seeds
    this.#random = random
    this.#dial = dial
  }

  get links(): readonly NodeId[] {
    return [...this.#links]
  }

  isLinked(node: NodeId): boolean {
    return this.#links.has(node)
  }

  up(node: NodeId, now: number): void {
    this.#links.add(node)
    this.#lives.set(node, { upAt: now, flaps: this.#lives.get(node)?.flaps ?? 0, until: 0 })
    for (const [address, dial] of this.#dials) {
      if (dial.node === node) this.#dials.delete(address)
    }
  }

  /** A link that did not last is dialled again ever more slowly; one that did, at once. */
  down(node: NodeId, now: number): void {
    this.#links.delete(node)
    const life = this.#lives.get(node)
    if (life !== undefined) {
      life.flaps = now - life.upAt < FLAP_MS ? life.flaps + 1 : 0
      life.until = life.flaps < 2 ? now : now + backOff(life.flaps, this.#random)
    }
    // What was dialled while the link stood was passed over by the transport, and no news of it
    // will come; a seed may be this node under another name.
    for (const dial of this.#dials.values()) {
      if (!dial.busy || (dial.node !== node && dial.node !== undefined)) continue
      this.#fail(dial, now, 'link lost')
    }
  }

  /** For messages: whom it tried to reach, and what came of it. */
  get trouble(): string {
    const tried = [...this.#dials].slice(0, NAMED_MAX)
    return tried
      .map(([address, { busy, reason }]) => `; ${address}: ${busy ? 'no answer yet' : reason}`)
      .join('')
  }

  dialFailed(address: string, now: number, reason = 'failed'): void {
    const dial = this.#dials.get(address)
    if (dial !== undefined) this.#fail(dial, now, reason)
  }

  /** Makes sure that somebody tries to reach `node`, at one of its addresses at a time. */
  reach(node: NodeId, addresses: readonly string[], now: number): Reach {
    if (this.#links.has(node)) return 'linked'
    if (this.#dial === undefined || now < (this.#lives.get(node)?.until ?? 0)) return 'lost'
    const named = addresses.map((address) =>
      address.includes('/p2p/') ? address : `${address}/p2p/${node}`
    )
    if (named.some((address) => this.#isBusy(address, now))) return 'dialling'
    const free = named.filter((address) => this.#isFree(address, now))
    if (this.#start(free.slice(0, 1), node, now)) return 'dialling'
    // With nobody linked the addresses of the map may all be old ones.
    if (this.#links.size === 0) {
      sometimes('client: goes back to its seeds')
      this.reachSeeds(now)
    }
    return 'lost'
  }

  /** Calls the next seeds, beginning anywhere: not all clients should lean on the first one. */
  reachSeeds(now: number): void {
    const free = this.#seeds.filter((seed) => this.#isFree(seed, now))
    const busy = this.#seeds.filter((seed) => this.#isBusy(seed, now)).length
    if (free.length === 0 || busy >= SEEDS_AT_ONCE) return
    const first = this.#random.below(free.length)
    const turned = [...free.slice(first), ...free.slice(0, first)]
    this.#start(turned.slice(0, SEEDS_AT_ONCE - busy), undefined, now)
  }

  #start(addresses: readonly string[], node: NodeId | undefined, now: number): boolean {
    for (const address of addresses) {
      const failures = this.#dials.get(address)?.failures ?? 0
      const until = now + DIAL_MS
      this.#dials.set(address, { node, failures, until, busy: true, reason: '' })
      this.#dial?.(address)
    }
    return addresses.length > 0
  }

  #isBusy(address: string, now: number): boolean {
    const dial = this.#dials.get(address)
    if (dial === undefined || !dial.busy) return false
    if (now >= dial.until) this.#fail(dial, now)
    return dial.busy
  }

  #isFree(address: string, now: number): boolean {
    const dial = this.#dials.get(address)
    return dial === undefined || (!dial.busy && now >= dial.until)
  }

  #fail(dial: Dial, now: number, reason = 'no answer'): void {
    dial.busy = false
    dial.reason = reason
    dial.until = now + backOff(dial.failures + 2, this.#random)
    dial.failures++
  }
}
