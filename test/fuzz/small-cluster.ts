import { SimulatedNetwork } from '../../src/simulation/network.ts'
import { addressOf, SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { assert } from '../../src/world/assert.ts'

/**
 * Three nodes whose logs are short, so that one who was away needs a snapshot. Nobody watches them:
 * the oracles of the swarm believe that those who speak to nodes mean well.
 */
export class SmallCluster {
  readonly world: World
  readonly network: SimulatedNetwork
  readonly nodes: readonly SimulatedNode[]

  constructor(seed: string) {
    this.world = new World(seed)
    this.network = new SimulatedNetwork(this.world)
    this.nodes = ['node1', 'node2', 'node3'].map(
      (name, i) =>
        new SimulatedNode(this.world, this.network, {
          name,
          seeds: i === 0 ? [] : [addressOf('node1')],
          forming: { bootstrap: i === 0, expect: 3, partitions: 4, replicas: 3 },
          limits: {
            logEntriesKept: 4,
            flushMs: 100,
            snapshotChunkBytes: 512,
            snapshotPageEntries: 4
          },
          onFatal: (_, fault) => {
            throw new Error(`${name} ended itself: ${fault.message}`, { cause: fault })
          }
        })
    )
  }

  boot(): void {
    for (const node of this.nodes) node.boot()
    this.settle()
  }

  run(ms: number): void {
    this.world.runUntil(this.world.now + ms)
  }

  /** Until every node is up and knows a leader of each group. */
  settle(): void {
    this.waitFor(60_000, () =>
      this.nodes.every(({ machine }) => {
        if (machine === undefined || machine.unready.length > 0) return false
        return [...machine.host.replicas()].every(({ leaderNode }) => leaderNode !== undefined)
      })
    )
  }

  /** Fails when it does not hold within `ms` of virtual time. */
  waitFor(ms: number, holds: () => boolean): void {
    const until = this.world.now + ms
    while (!holds()) {
      assert(this.world.now < until, `waited ${ms} ms in vain`)
      this.run(10)
    }
  }
}
