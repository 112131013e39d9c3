import type { Link, PeerId } from './transport.ts'

/** What went over the links with one peer, all lives of them together. */
export interface Traffic {
  framesIn: number
  framesOut: number
  bytesIn: number
  bytesOut: number
  /** Not taken, because too much waited already. */
  framesDropped: number
}

/** One peer as of now. */
export interface PeerTraffic extends Readonly<Traffic> {
  /** Empty: all clients together, and whoever came after the first thousand of nodes. */
  readonly peer: PeerId
  /** Links that stand. */
  readonly links: number
  /** Sent and not yet taken by the network. */
  readonly queuedBytes: number
}

/** Anybody can dial us under ever new names. */
const PEERS_MAX = 1_000
const OTHERS = ''

/** The traffic with each node, and with all clients. It outlives links. */
export class TrafficBook {
  readonly #of = new Map<PeerId, Traffic>()

  of(peer: PeerId, role: Link['role']): Traffic {
    const name = this.#nameOf(peer, role)
    let traffic = this.#of.get(name)
    if (traffic === undefined) {
      traffic = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0, framesDropped: 0 }
      this.#of.set(name, traffic)
    }
    return traffic
  }

  /** `standing`: the links of now. */
  told(standing: Iterable<StandingLink>): PeerTraffic[] {
    const now = new Map<PeerId, { links: number; queuedBytes: number }>()
    for (const { peer, role, queuedBytes } of standing) {
      const name = this.#nameOf(peer, role)
      const before = now.get(name)
      now.set(name, {
        links: (before?.links ?? 0) + 1,
        queuedBytes: (before?.queuedBytes ?? 0) + queuedBytes
      })
    }
    return [...this.#of].map(([peer, traffic]) => {
      const { links, queuedBytes } = now.get(peer) ?? { links: 0, queuedBytes: 0 }
      return { peer, ...traffic, links, queuedBytes }
    })
  }

  #nameOf(peer: PeerId, role: Link['role']): PeerId {
    if (role === 'client') return OTHERS
    return this.#of.has(peer) || this.#of.size < PEERS_MAX ? peer : OTHERS
  }
}

interface StandingLink {
  readonly peer: PeerId
  readonly role: Link['role']
  readonly queuedBytes: number
}
