import type { DialFailure, Link, PeerId, Transport } from '../transport/transport.ts'
import type { GroupId } from '../wire/ids.ts'
import type { KnownPeer } from '../wire/node-frames.ts'
import type { Random } from '../world/random.ts'

/** Who asks a node for something: a client, another node for its callers, or this very node. */
export type Caller = 'client' | 'peer' | 'self'

interface Dialling {
  readonly addresses: readonly string[]
  /** Which of the addresses is next. */
  next: number
  /** No dial before this time, on the monotonic clock. */
  at: number
  backoffMs: number
  /** A dial is under way. */
  pending: string | undefined
  /** The link closed a moment ago: a refused dial now means that the process is gone. */
  suspect: boolean
  /** The other side keeps the link: it is worth dialling at once when it breaks. */
  proven: boolean
  /** For a seed: who answered there. */
  peer: PeerId | undefined
}

const BACKOFF_MS_MIN = 100
const BACKOFF_MS_MAX = 2_000
/** The higher of two ids leaves the dialling to the lower, for so long. */
const COURTESY_MS = 500
/** A dial whose answer is this late brought nothing new: a link to that peer stood already. */
const DIAL_MS_MAX = 10_000

/**
 * Keeps a link to every node there should be one to: dials seeds until somebody answers, members of
 * the map always, with a back-off of its own (libp2p's keep-alive gives up after five tries).
 */
export class Mesh {
  readonly #transport: Transport
  readonly #random: Random
  readonly #onGone: (peer: PeerId) => void
  readonly #isFit: (peer: PeerId) => boolean
  readonly #seeds: Dialling[]
  readonly #targets = new Map<PeerId, Dialling>()
  readonly #links = new Map<PeerId, Link>()
  readonly #lostAt = new Map<PeerId, number>()
  readonly #unfit = new Map<PeerId, ReadonlySet<GroupId>>()

  constructor(
    transport: Transport,
    options: {
      readonly seeds: readonly string[]
      readonly random: Random
      /** The peer's process is certainly gone: its address refuses connections. */
      readonly onGone: (peer: PeerId) => void
      /** Whether neither the peer's clock nor its disk is a reason to keep leadership from it. */
      readonly isFit: (peer: PeerId) => boolean
    }
  ) {
    this.#transport = transport
    this.#random = options.random
    this.#onGone = options.onGone
    this.#isFit = options.isFit
    this.#seeds = options.seeds.map((address) => dialling([address]))
  }

  link(peer: PeerId): Link | undefined {
    return this.#links.get(peer)
  }

  callerOf(peer: PeerId): Caller {
    if (peer === this.#transport.self) return 'self'
    return this.#links.has(peer) ? 'peer' : 'client'
  }

  /** Whether `peer` is linked, or was within the last `ms`. */
  isReachable(peer: PeerId, ms: number, now: number): boolean {
    return this.#holds(peer) || now - (this.#lostAt.get(peer) ?? Number.NEGATIVE_INFINITY) < ms
  }

  /** Groups that the replica on `peer` must not lead, as it says itself. */
  setUnfit(peer: PeerId, groups: readonly GroupId[]): void {
    this.#unfit.set(peer, new Set(groups))
  }

  /** Whether `peer` is linked and may be made leader of `group`. */
  mayLead(peer: PeerId, group: GroupId): boolean {
    if (!this.#links.has(peer) || !this.#isFit(peer)) return false
    return this.#unfit.get(peer)?.has(group) !== true
  }

  links(): Iterable<Link> {
    return this.#links.values()
  }

  /** Whether each seed was reached: its node is linked, or is this very node. */
  get seedsReached(): boolean {
    return this.#seeds.every(({ peer }) => peer !== undefined && this.#holds(peer))
  }

  /** A node there should be a link to. Later addresses replace earlier ones. */
  want({ node, addresses }: KnownPeer): void {
    for (const seed of this.#seeds) {
      if (addresses.includes(withoutPeer(seed.addresses[0] as string))) seed.peer = node
    }
    if (node === this.#transport.self || addresses.length === 0) return
    const known = this.#targets.get(node)
    if (known !== undefined && sameAddresses(known.addresses, addresses)) return
    this.#targets.set(node, dialling(addresses))
  }

  /** Known nodes with their addresses, to tell others. */
  known(): KnownPeer[] {
    return [...this.#targets].map(([node, { addresses }]) => ({ node, addresses }))
  }

  up(link: Link): void {
    this.#links.set(link.peer, link)
    const target = this.#targets.get(link.peer)
    if (target !== undefined) {
      target.suspect = false
      target.proven = false
      target.pending = undefined
    }
    for (const one of [...this.#seeds, ...this.#targets.values()]) {
      if (link.address === undefined || one.pending !== link.address) continue
      one.pending = undefined
      // The other side may hang up at once, time and again.
      one.backoffMs = Math.min(one.backoffMs * 2, BACKOFF_MS_MAX)
      one.peer = link.peer
    }
  }

  /** `peer` has let us in: it talks to us as to a node of its cluster. */
  prove(peer: PeerId): void {
    const target = this.#targets.get(peer)
    if (target?.proven !== false) return
    target.proven = true
    target.backoffMs = BACKOFF_MS_MIN
    for (const seed of this.#seeds) if (seed.peer === peer) seed.backoffMs = BACKOFF_MS_MIN
  }

  /** Redials at once: a refusal then tells that the process, not the network, went away. */
  down(peer: PeerId, now: number): void {
    this.#links.delete(peer)
    this.#lostAt.set(peer, now)
    const target = this.#targets.get(peer)
    if (target === undefined) return
    target.suspect = true
    if (target.proven) this.#dial(target, now)
    else this.#failed(target, now)
  }

  dialFailed(address: string, failure: DialFailure, now: number): void {
    for (const seed of this.#seeds) {
      if (seed.pending !== address) continue
      this.#failed(seed, now)
      if (failure === 'self') seed.peer = this.#transport.self
    }
    for (const [peer, target] of this.#targets) {
      if (target.pending !== address) continue
      this.#failed(target, now)
      if (failure === 'refused' && target.suspect && !this.#links.has(peer)) {
        target.suspect = false
        this.#onGone(peer)
      }
    }
  }

  /** Dials what is due. Call it a few times a second. */
  tick(now: number): void {
    for (const seed of this.#seeds) {
      const reached = seed.peer !== undefined && this.#holds(seed.peer)
      if (!reached && isDue(seed, now)) this.#dial(seed, now)
    }
    for (const [peer, target] of this.#targets) {
      if (this.#links.has(peer)) continue
      const courtesy = peer < this.#transport.self ? COURTESY_MS : 0
      if (isDue(target, now - courtesy)) this.#dial(target, now)
    }
  }

  #holds(peer: PeerId): boolean {
    return peer === this.#transport.self || this.#links.has(peer)
  }

  #dial(target: Dialling, now: number): void {
    const address = target.addresses[target.next % target.addresses.length] as string
    target.next++
    target.pending = address
    target.at = now + target.backoffMs
    this.#transport.dial(address)
  }

  #failed(target: Dialling, now: number): void {
    target.pending = undefined
    target.at = now + target.backoffMs + this.#random.below(BACKOFF_MS_MIN)
    target.backoffMs = Math.min(target.backoffMs * 2, BACKOFF_MS_MAX)
  }
}

function dialling(addresses: readonly string[]): Dialling {
  return {
    addresses,
    next: 0,
    at: 0,
    backoffMs: BACKOFF_MS_MIN,
    pending: undefined,
    suspect: false,
    proven: false,
    peer: undefined
  }
}

function isDue({ pending, at }: Dialling, now: number): boolean {
  return now >= (pending === undefined ? at : at + DIAL_MS_MAX)
}

function withoutPeer(address: string): string {
  const at = address.indexOf('/p2p/')
  return at < 0 ? address : address.slice(0, at)
}

function sameAddresses(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address, i) => address === b[i])
}
