import { partitionOf } from '../keyspace/hash.ts'
import type { ClusterMap, ClusterView } from '../wire/cluster-map.ts'
import { type GroupId, groupOfPartition, type NodeId, SYSTEM_GROUP } from '../wire/ids.ts'
import type { Reply } from '../wire/request.ts'
import { unreachable } from '../world/assert.ts'
import type { Random } from '../world/random.ts'
import { type Call, keyOf, type Route } from './calls.ts'
import { planOf } from './plan.ts'
import { backOff } from './retry.ts'

/** Hints followed at once before the group is left alone for a moment. */
const BOUNCES_FREE = 2

/** The way to every group: the cluster map, and what was learned since about who leads. */
export class Routes {
  readonly #random: Random
  readonly #routes = new Map<GroupId, Route>()
  readonly #members = new Map<GroupId, readonly NodeId[]>()
  readonly #addresses = new Map<NodeId, readonly string[]>()
  #view: ClusterView | undefined

  constructor(random: Random) {
    this.#random = random
  }

  get view(): ClusterView | undefined {
    return this.#view
  }

  get map(): ClusterMap | undefined {
    return this.#view?.map
  }

  get epoch(): number {
    return this.#view?.map.epoch ?? 0
  }

  /**
   * Takes over a map that is no older. Leaders are believed where we know none; all of them if the
   * source is `near`, which hears the leaders themselves. False: it was of no use.
   */
  adopt(view: ClusterView, near: boolean): boolean {
    const known = this.#view?.map
    if (known !== undefined && known.clusterId !== view.map.clusterId) return false
    if (known !== undefined && known.epoch > view.map.epoch) return false
    this.#view = view
    if (known === undefined || known.epoch < view.map.epoch) this.#index(view.map)
    for (const { group } of view.map.placements) {
      const leader = view.leaders[group] ?? ''
      if (leader === '') continue
      const route = this.of(group)
      if (route.leader === undefined || route.suspect || near) this.lead(route, leader)
    }
    return true
  }

  of(group: GroupId): Route {
    const found = this.#routes.get(group)
    if (found !== undefined) return found
    const route = newRoute(group)
    this.#routes.set(group, route)
    return route
  }

  all(): IterableIterator<Route> {
    return this.#routes.values()
  }

  /** Requires: a map. */
  routeOf(call: Call, map: ClusterMap): Route {
    const { operation } = call
    const { partitions } = map.settings
    switch (operation.kind) {
      case 'get':
        return this.#ofKey(operation.key, partitions)
      case 'mutate': {
        if (operation.group !== undefined) return this.of(operation.group)
        const key = keyOf(operation.operation)
        return key === undefined ? this.of(SYSTEM_GROUP) : this.#ofKey(key, partitions)
      }
      case 'transact':
        call.plan ??= planOf(operation, partitions, operation.keyed?.once.key)
        return this.of(call.plan[0]?.group ?? SYSTEM_GROUP)
      case 'forward':
      case 'scan':
      case 'watch':
      case 'position':
        return this.of(operation.group)
      case 'outcome':
        return this.of(operation.of.anchor)
      case 'lock': {
        const key = keyOf(operation.operation)
        return key === undefined ? this.of(SYSTEM_GROUP) : this.#ofKey(key, partitions)
      }
      case 'lock-view':
      case 'await-grant':
        return this.#ofKey(operation.key, partitions)
      default:
        return unreachable(operation)
    }
  }

  #ofKey(key: Uint8Array, partitions: number): Route {
    return this.of(groupOfPartition(partitionOf(key, partitions)))
  }

  /** An answer came from the state of `group` at `applied`; `node`: who has it for sure. */
  saw(group: GroupId, applied: number, node: NodeId | undefined): void {
    if (applied === 0) return
    const route = this.of(group)
    route.basis = Math.max(route.basis ?? 0, applied)
    if (applied <= route.token) return
    route.token = applied
    route.tokenFrom = node
  }

  /** The node believed to lead the group of `key`, if any is known. */
  leaderFor(key: Uint8Array): NodeId | undefined {
    const { map } = this
    if (map === undefined) return undefined
    const group = groupOfPartition(partitionOf(key, map.settings.partitions))
    return this.#routes.get(group)?.leader
  }

  members(route: Route): readonly NodeId[] {
    return this.#members.get(route.group) ?? []
  }

  addresses(node: NodeId): readonly string[] {
    return this.#addresses.get(node) ?? []
  }

  nodes(): IterableIterator<NodeId> {
    return this.#addresses.keys()
  }

  lead(route: Route, node: NodeId): void {
    if (route.leader !== node) route.suspect = false
    route.leader = node
  }

  /** The leader itself answered as one, or says that it is. */
  proved(route: Route, node: NodeId): void {
    route.leader = node
    route.suspect = false
    route.bounces = 0
    route.notBefore = 0
  }

  /**
   * `node` does not lead; `hint` may. Says nothing about a leader we learned of meanwhile: of many
   * copies refused together only the first counts.
   */
  refusedBy(route: Route, reply: Reply, node: NodeId, now: number): void {
    const hint = reply.leader === node ? '' : reply.leader
    const stale = route.leader !== undefined && route.leader !== node
    if (stale && (!route.suspect || hint === route.leader)) return
    route.leader = hint === '' ? undefined : hint
    route.suspect = false
    if (hint === '') route.cursor++
    route.bounces++
    const over = route.bounces - BOUNCES_FREE - 1
    if (over >= 0) route.notBefore = now + backOff(over, this.#random)
  }

  /** Nobody there; next time somebody else is asked. */
  lost(route: Route, node: NodeId): void {
    if (route.leader === node) route.leader = undefined
    route.cursor++
  }

  #index(map: ClusterMap): void {
    this.#members.clear()
    this.#addresses.clear()
    for (const { group, members } of map.placements) {
      const voters = members.filter((member) => member.voter)
      this.#members.set(
        group,
        (voters.length > 0 ? voters : members).map((member) => member.node)
      )
    }
    for (const node of map.nodes) {
      if (node.state !== 'removed') this.#addresses.set(node.id, node.addresses)
    }
  }
}

function newRoute(group: GroupId): Route {
  return {
    type: 'route',
    at: 0,
    slot: -1,
    group,
    leader: undefined,
    suspect: false,
    probe: undefined,
    bounces: 0,
    notBefore: 0,
    cursor: 0,
    basis: undefined,
    basisErrand: undefined,
    token: 0,
    lapse: undefined,
    tokenFrom: undefined,
    reachedAt: Number.NEGATIVE_INFINITY,
    waiting: new Set(),
    unencoded: new Set()
  }
}
