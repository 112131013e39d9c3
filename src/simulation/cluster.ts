import type { NodeLimits } from '../node/config.ts'
import { isForTheOperator } from '../node/guard.ts'
import type { Onlooker } from '../partition/onlooker.ts'
import type { StateLimits } from '../state/state-limits.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import { DiskFault } from '../world/disk.ts'
import type { Logger } from '../world/log.ts'
import { SimulatedClient } from './client.ts'
import { type NetworkKnobs, SimulatedNetwork } from './network.ts'
import { addressOf, SimulatedNode } from './node.ts'
import { Oracles } from './oracles.ts'
import { Steps } from './steps.ts'
import { storeIll } from './store-check.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

export interface ClusterOptions {
  readonly nodes: number
  readonly replicas: number
  readonly partitions: number
  readonly clients: number
  readonly limits: Partial<NodeLimits>
  readonly stateLimits?: Partial<StateLimits>
  readonly knobs?: Partial<NetworkKnobs>
  /** Of all nodes. */
  readonly logger?: Logger
  readonly slowMs?: number
}

/** A whole cluster and its clients in one world. */
export class SimulatedCluster {
  readonly world: World
  readonly network: SimulatedNetwork
  /** Of all nodes. */
  readonly stateLimits: Partial<StateLimits> | undefined
  readonly oracles = new Oracles()
  readonly steps = new Steps()
  readonly nodes: readonly SimulatedNode[]
  readonly clients: readonly SimulatedClient[]
  /** So many disks may be lost for good: a minority of the replicas of any group. */
  readonly lossesMax: number

  constructor(world: World, options: ClusterOptions) {
    this.world = world
    this.network = new SimulatedNetwork(world, options.knobs)
    this.stateLimits = options.stateLimits
    const names = Array.from({ length: options.nodes }, (_, i) => `node${i + 1}`)
    const { nodes: expect, replicas, partitions } = options
    this.lossesMax = Math.floor((replicas - 1) / 2)
    this.nodes = names.map((name, i) => {
      const forming = { bootstrap: i === 0, expect, partitions, replicas }
      return new SimulatedNode(world, this.network, {
        name,
        seeds: i === 0 ? [] : [addressOf('node1')],
        forming,
        limits: options.limits,
        stateLimits: options.stateLimits,
        logger: options.logger,
        slowMs: options.slowMs,
        onlooker: (node) => this.#onlooker(node),
        onLost: (node) => this.oracles.lost(node.name),
        onFatal: (node, fault) => this.#fatal(node, fault)
      })
    })
    const seeds = names.map(addressOf)
    this.clients = Array.from(
      { length: options.clients },
      (_, i) => new SimulatedClient(world, this.network, `client${i + 1}`, seeds)
    )
  }

  boot(): void {
    for (const node of this.nodes) node.boot()
  }

  /** Runs for `ms` of virtual time, looking at the whole state after every few events. */
  run(ms: number): void {
    const { world } = this
    const until = world.now + ms
    while (world.now < until) {
      const { events } = world
      world.runUntil(Math.min(until, world.now + 1))
      if (world.events > events) this.oracles.check(this.nodes, world.now)
    }
  }

  /** Runs until `holds` or `ms` are over; returns whether it holds. */
  runTo(ms: number, holds: () => boolean): boolean {
    const until = this.world.now + ms
    while (!holds()) {
      if (this.world.now >= until) return false
      this.run(Math.min(10, until - this.world.now))
    }
    return true
  }

  /**
   * Nodes with the disk they should have, and not gone for good: nothing can be asked of others.
   */
  get sound(): readonly SimulatedNode[] {
    return this.nodes.filter(({ lost, away }) => lost === undefined && away === undefined)
  }

  /** A group whose sound replicas do not all follow one leader that leads; undefined: none. */
  get leaderless(): string | undefined {
    const leaders = new Map<GroupId, NodeId>()
    // One whose disk was damaged may lead as long as it does not notice.
    for (const { name, machine, life, away } of this.nodes) {
      if (away !== undefined || life?.paused) continue
      for (const { group, isLeader, leaderNode } of machine?.host.replicas() ?? []) {
        if (isLeader && leaderNode === name) leaders.set(group, name)
      }
    }
    for (const { name, machine, life } of this.sound) {
      if (machine === undefined || life?.paused) return `${name} is down`
      for (const { group, leaderNode } of machine.host.replicas()) {
        if (leaderNode === undefined) return `group ${group}: ${name} knows no leader`
        if (leaders.get(group) === leaderNode) continue
        return `group ${group}: ${name} follows ${leaderNode}, and ${leaders.get(group)} leads`
      }
    }
    return undefined
  }

  /** Every sound node is up, a member, and each of its groups knows a leader now. */
  get isHealthy(): boolean {
    return this.sound.every(({ machine, life }) => {
      if (machine === undefined || life?.paused || machine.unready.length > 0) return false
      for (const replica of machine.host.replicas()) {
        if (replica.leaderNode === undefined) return false
      }
      return true
    })
  }

  /** Every live replica of each group applied the same and holds the same; else what differs. */
  get divergence(): string | undefined {
    const digests = new Map<number, string>()
    for (const { name, machine } of this.sound) {
      for (const { group, state } of machine?.host.replicas() ?? []) {
        const digest = `${state.applied.index} ${state.digest()}`
        const other = digests.get(group)
        if (other === undefined) digests.set(group, digest)
        else if (other !== digest) return `group ${group} on ${name}: ${digest}, elsewhere ${other}`
      }
    }
    return undefined
  }

  /** Who goes by another map than others, or is not in it as it is; undefined: nobody. */
  get mapsApart(): string | undefined {
    let epoch: number | undefined
    for (const { name, machine, http } of this.sound) {
      const { map, record } = machine?.membership ?? {}
      epoch ??= map?.epoch
      if (map?.epoch !== epoch) return `${name} goes by epoch ${map?.epoch}, others by ${epoch}`
      if (record?.http !== http) return `${name} is known as ${record?.http}, and is ${http}`
    }
    return undefined
  }

  /** A node that still works on requests though nobody waits for an answer. */
  get crowded(): string | undefined {
    for (const { name, machine } of this.sound) {
      const inside = machine?.door.inside ?? 0
      if (inside > 0) return `${name}: ${inside}`
    }
    return undefined
  }

  /** A replica that still has a part or a record of a transaction. */
  get undecided(): string | undefined {
    for (const { name, machine } of this.sound) {
      for (const { group, state } of machine?.host.replicas() ?? []) {
        const { parts, records } = state.transactions.counts
        if (parts + records > 0)
          return `group ${group} on ${name}: ${parts} parts, ${records} records`
      }
    }
    return undefined
  }

  /** A node whose log holds more than `bytes`. */
  overgrownLog(bytes: number): string | undefined {
    for (const { name, machine } of this.sound) {
      const held = machine?.keeping.log.bytes ?? 0
      if (held > bytes) return `${name}: ${held} bytes`
    }
    return undefined
  }

  /** Has all nodes flush; then `done` tells what is wrong with a store of theirs. */
  checkStores(done: (ill: string | undefined) => void): void {
    let left = this.sound.length
    const ills: string[] = []
    for (const node of this.sound) {
      node.machine?.keeping.flusher.flush(() => {
        const ill = storeIll(node)
        if (ill !== undefined) ills.push(ill)
        if (--left === 0) done(ills[0])
      })
    }
  }

  #onlooker(node: SimulatedNode): Onlooker {
    const oracles = this.oracles.onlooker(node)
    return {
      ...oracles,
      obeys: (replica, ready) => {
        oracles.obeys(replica, ready)
        this.steps.obeys(node, replica, ready)
      }
    }
  }

  #fatal(node: SimulatedNode, fault: Error): void {
    // What a node must do when its disk fails; whoever made it fail boots the node again.
    if (fault instanceof DiskFault && !isForTheOperator(fault)) return
    if (node.lost !== undefined && isForTheOperator(fault)) return
    throw new Violation(`${node.name} ended itself: ${fault.message}`, { cause: fault })
  }
}
