import { Malformed } from '../wire/bytes.ts'
import type { ClusterView } from '../wire/cluster-map.ts'
import { decodeClusterView } from '../wire/cluster-map-codec.ts'
import { type NodeId, SYSTEM_GROUP } from '../wire/ids.ts'
import type { Reply } from '../wire/request.ts'
import type { Random } from '../world/random.ts'
import type { Agenda } from './agenda.ts'
import type { Call, Errand, Route } from './calls.ts'
import type { Nearest } from './nearest.ts'
import type { Outbox } from './outbox.ts'
import type { Peers } from './peers.ts'
import { backOff } from './retry.ts'
import type { Routes } from './routes.ts'
import type { Throttle } from './throttle.ts'

/** No answer by then: another node is asked. */
const PATIENCE_MS = 1_000
/** Between two fetches of the map, however many calls ask for one. */
const PAUSE_MS = 100
/** A map older than this is fetched again when somebody calls. */
const FRESH_MS = 30_000
const DIALS_AT_ONCE = 3
const NOTHING = new Uint8Array(0)

/** What the halves of the machine share. */
export interface Parts {
  readonly random: Random
  readonly outbox: Outbox
  readonly peers: Peers
  readonly routes: Routes
  readonly nearest: Nearest
  readonly throttle: Throttle
  readonly agenda: Agenda<Call | Route | Errand>
}

/** Fetches the map and the bases: one request each at a time, from one node after another. */
export class Errands {
  readonly #parts: Parts
  readonly #map = newErrand(undefined)
  readonly #open = new Set<Errand>()
  #fetchedAt = Number.NEGATIVE_INFINITY
  /** The highest epoch heard of: a map below it would only be refused again. */
  #newest = 0
  /** Who told of it, until it was asked for its map. */
  #witness: NodeId | undefined
  /** Who was asked for the map, the latest last. */
  readonly #asked = new Set<NodeId>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Gets a newer map, soon. */
  wantMap(now: number): void {
    if (this.#open.has(this.#map)) return
    this.#open.add(this.#map)
    const at = this.#fetchedAt + PAUSE_MS
    if (at > now) this.#parts.agenda.set(this.#map, at)
    else this.run(this.#map, now)
  }

  /** `node` of our cluster has the map of `epoch`. */
  heard(epoch: number, node: NodeId, now: number): void {
    if (epoch <= this.#parts.routes.epoch) return
    if (epoch > this.#newest) {
      this.#newest = epoch
      this.#witness = node
    }
    this.wantMap(now)
  }

  /** A map came, from here or elsewhere; if a newer one is known of, the search goes on. */
  mapCame(now: number): void {
    this.#fetchedAt = now
    if (this.#parts.routes.epoch >= this.#newest) this.#close(this.#map)
  }

  wantFreshMap(now: number): void {
    if (now - this.#fetchedAt > FRESH_MS) this.wantMap(now)
  }

  wantBasis(route: Route, now: number): void {
    if (route.basisErrand !== undefined) return
    const errand = newErrand(route)
    route.basisErrand = errand
    this.#open.add(errand)
    this.run(errand, now)
  }

  /** Asks the next node. Whoever was asked before has had its time. */
  run(errand: Errand, now: number): void {
    if (errand.pending !== undefined) {
      this.#parts.outbox.forget(errand.pending)
      errand.pending = undefined
      errand.attempt++
    }
    const node = errand.route === undefined ? this.#source(now) : this.#replica(errand.route, now)
    const { agenda, random } = this.#parts
    if (node !== undefined) {
      errand.pending = this.#send(errand, node, now)
      agenda.set(errand, now + PATIENCE_MS)
    } else {
      agenda.set(errand, now + backOff(errand.attempt++, random))
    }
  }

  /** A link came up: who found nobody to ask may ask it at once. */
  linkUp(now: number): void {
    for (const errand of this.#open) if (errand.pending === undefined) this.run(errand, now)
  }

  /** True: what was asked for has come, and calls that waited for it can go on. */
  answered(errand: Errand, reply: Reply, now: number): boolean {
    errand.pending = undefined
    try {
      if (reply.outcome === 'ok' && this.#use(errand, reply, now)) return true
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      // That node does not speak our language; the next one may.
    }
    this.lost(errand, now)
    return false
  }

  /** The question or its answer was lost, or no use. */
  lost(errand: Errand, now: number): void {
    errand.pending = undefined
    this.#parts.agenda.set(errand, now + backOff(errand.attempt++, this.#parts.random))
  }

  #use(errand: Errand, reply: Reply, now: number): boolean {
    const { route } = errand
    if (route === undefined) {
      return this.#useView(decodeClusterView(reply.body), now)
    }
    route.basis = Math.max(route.basis ?? 0, reply.applied)
    this.#close(errand)
    route.basisErrand = undefined
    return true
  }

  /**
   * A node that is cut off from the others gives what it has, for ever the same: it must not stand
   * in for those who refuse that very epoch. Once as many were asked as there are links, nobody has
   * better; then it is taken, and whoever speaks of the newer one again is asked anew.
   */
  #useView(view: ClusterView, now: number): boolean {
    const { peers, routes } = this.#parts
    const { epoch } = view.map
    if (epoch < this.#newest && this.#map.attempt < peers.links.length) return false
    if (!routes.adopt(view, false)) return false
    this.#newest = Math.min(this.#newest, routes.epoch)
    this.mapCame(now)
    return true
  }

  #close(errand: Errand): void {
    this.#open.delete(errand)
    this.#parts.agenda.remove(errand)
    if (errand.pending !== undefined) this.#parts.outbox.forget(errand.pending)
    errand.pending = undefined
    errand.attempt = 0
  }

  /**
   * Any member knows the map; when the first ones asked are silent or have nothing new, more are
   * called. Beyond the witness those linked take turns, over all fetches: none is leant on.
   */
  #source(now: number): NodeId | undefined {
    const { peers, routes } = this.#parts
    const { links } = peers
    if (links.length === 0 || this.#map.attempt > 1) {
      peers.reachSeeds(now)
      let dials = 0
      for (const node of routes.nodes()) {
        if (dials >= DIALS_AT_ONCE) break
        if (peers.reach(node, routes.addresses(node), now) === 'dialling') dials++
      }
    }
    const node = this.#turn(links)
    if (node === undefined) return undefined
    if (node === this.#witness) this.#witness = undefined
    this.#asked.delete(node)
    this.#asked.add(node)
    return node
  }

  #turn(links: readonly NodeId[]): NodeId | undefined {
    const witness = this.#witness
    if (witness !== undefined && links.includes(witness)) return witness
    const fresh = links.find((node) => !this.#asked.has(node))
    if (fresh !== undefined) return fresh
    for (const node of this.#asked) if (links.includes(node)) return node
    return undefined
  }

  /** The leader's index is the newest: a replica far behind would give a basis too old to use. */
  #replica(route: Route, now: number): NodeId | undefined {
    const { peers, routes } = this.#parts
    const members = routes.members(route)
    const { leader } = route
    const wanted =
      leader === undefined ? members : [leader, ...members.filter((node) => node !== leader)]
    const linked = wanted.filter((node) => peers.isLinked(node))
    if (linked.length < wanted.length) {
      for (const node of wanted) {
        if (!peers.isLinked(node) && peers.reach(node, routes.addresses(node), now) === 'dialling')
          break
      }
    }
    const attempt = route.basisErrand?.attempt ?? 0
    return linked[attempt % Math.max(1, linked.length)]
  }

  #send(errand: Errand, node: NodeId, now: number): Errand['pending'] {
    const { outbox, routes } = this.#parts
    const { route } = errand
    const request = {
      kind: route === undefined ? 'map' : 'basis',
      clusterId: routes.map?.clusterId ?? '',
      group: route?.group ?? SYSTEM_GROUP,
      epoch: routes.epoch,
      timeoutMs: PATIENCE_MS,
      consistency: 'strong',
      minApplied: 0,
      principal: '',
      trace: '',
      body: NOTHING
    } as const
    return outbox.send({ node, now }, request, errand)
  }
}

function newErrand(route: Route | undefined): Errand {
  return { type: 'errand', at: 0, slot: -1, route, pending: undefined, attempt: 0 }
}
