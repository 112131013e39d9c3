import type { NodeId } from '../wire/ids.ts'
import {
  type Call,
  consistencyOf,
  isParked,
  type Load,
  loadOf,
  needsLeader,
  type Route
} from './calls.ts'
import type { Parts } from './errands.ts'

/** How long a group without any reachable member is left alone, when nobody dials for us. */
const UNREACHABLE_MS = 100
/** So often reads of the nearest replica have members without a link called. */
const REACH_MS = 1_000

export interface Target {
  readonly node: NodeId
  /** It is not known to lead: one copy asks, the others wait for what it learns. */
  readonly probing: boolean
}

/** Chooses where the next copy of a call goes. */
export class Targets {
  readonly #parts: Parts
  readonly #self: NodeId | undefined

  constructor(parts: Parts, self: NodeId | undefined) {
    this.#parts = parts
    this.#self = self
  }

  /**
   * Undefined: nowhere now; a link, an answer or the route's own alarm will change that. `lost`:
   * the one node that is asked cannot be reached.
   */
  next(call: Call, route: Route, now: number): Target | 'lost' | undefined {
    if (call.operation.kind === 'watch') return this.#named(call.operation.node, now)
    if (needsLeader(call)) return this.#leader(call, route, now)
    const node = this.#replica(call, route, now)
    return node === undefined ? undefined : { node, probing: false }
  }

  #named(node: NodeId, now: number): Target | 'lost' | undefined {
    const reach = this.#reach(node, now)
    if (reach === 'dialling') return undefined
    return reach === 'linked' ? { node, probing: false } : 'lost'
  }

  /** Somebody who was not asked yet and can be at once: what a silent node leaves us. */
  another(call: Call, route: Route, now: number): NodeId | undefined {
    if (!needsLeader(call)) return this.#replica(call, route, now)
    return this.#turned(route).find((node) => this.#canTake(call, node))
  }

  /** Whether a read that any replica answers has one left to ask at once. */
  hasReplica(call: Call, route: Route): boolean {
    return this.#able(call, route).length > 0
  }

  #leader(call: Call, route: Route, now: number): Target | undefined {
    if (now < route.notBefore) {
      this.#parts.agenda.set(route, route.notBefore)
      return undefined
    }
    const { leader } = route
    if (leader !== undefined) {
      if (holdsCopy(call, leader)) return undefined
      const reach = this.#reach(leader, now)
      if (reach === 'linked') return { node: leader, probing: false }
      if (reach === 'dialling') return undefined
      this.#parts.routes.lost(route, leader)
    }
    // The others would wait as long as it does for what it learns.
    if (route.probe !== undefined || isParked(call)) return undefined
    const node = this.#member(call, route, now)
    return node === undefined ? undefined : { node, probing: true }
  }

  /** The next member that can be asked at once; on the way to it, those without link are called. */
  #member(call: Call, route: Route, now: number): NodeId | undefined {
    let dialling = false
    for (const node of this.#turned(route)) {
      const reach = this.#reach(node, now)
      if (reach === 'linked' && !holdsCopy(call, node)) return node
      dialling ||= reach === 'dialling'
    }
    if (!dialling) {
      route.notBefore = now + UNREACHABLE_MS
      this.#parts.agenda.set(route, route.notBefore)
    }
    return undefined
  }

  /**
   * For reads that any replica answers: our own node first, then the nearest. To a `session` read
   * that one has refused the leader is the best there is: nobody is further.
   */
  #replica(call: Call, route: Route, now: number): NodeId | undefined {
    const { nearest, outbox } = this.#parts
    const able = this.#open(this.#able(call, route), loadOf(call.operation), now)
    const { leader, tokenFrom } = route
    if (this.#self !== undefined && able.includes(this.#self)) return this.#self
    this.#reachAll(route, now)
    if (able.length === 0) {
      this.#member(call, route, now)
      return undefined
    }
    const isSession = consistencyOf(call.operation) === 'session'
    const isBehind = isSession && call.refusers.length > 0
    if (isBehind && leader !== undefined && able.includes(leader)) return leader
    const favourite = isSession ? tokenFrom : undefined
    return nearest.pick(able, now, {
      turn: call.turn,
      favourite,
      owedBy: (node) => outbox.owedBy(node)
    })
  }

  #able(call: Call, route: Route): readonly NodeId[] {
    const members = this.#parts.routes.members(route)
    return members.filter((node) => this.#canTake(call, node) && !call.refusers.includes(node))
  }

  /** Those that do not refuse reads just now; all of them if there are none. */
  #open(nodes: readonly NodeId[], load: Load, now: number): readonly NodeId[] {
    const { throttle } = this.#parts
    const open = nodes.filter((node) => !throttle.isShedding(node, load, now))
    return open.length > 0 ? open : nodes
  }

  /** The nearest one is known only when there are links to all. */
  #reachAll(route: Route, now: number): void {
    if (now - route.reachedAt < REACH_MS) return
    route.reachedAt = now
    for (const node of this.#parts.routes.members(route)) this.#reach(node, now)
  }

  #turned(route: Route): readonly NodeId[] {
    const members = this.#parts.routes.members(route)
    if (members.length === 0) return members
    const first = route.cursor % members.length
    return [...members.slice(first), ...members.slice(0, first)]
  }

  #canTake(call: Call, node: NodeId): boolean {
    return this.#parts.peers.isLinked(node) && !holdsCopy(call, node)
  }

  #reach(node: NodeId, now: number): 'linked' | 'dialling' | 'lost' {
    const { peers, routes } = this.#parts
    return peers.reach(node, routes.addresses(node), now)
  }
}

/** A second copy to the same node would only add to its load: the link is alive. */
function holdsCopy(call: Call, node: NodeId): boolean {
  return call.copies.some((copy) => copy.node === node)
}
