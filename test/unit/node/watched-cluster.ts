import { expect } from 'vitest'
import { SimulatedCluster } from '../../../src/simulation/cluster.ts'
import { World } from '../../../src/simulation/world.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { HeardLog } from './heard-log.ts'

export interface WatchedOptions {
  readonly slowMs: number
  readonly debug?: boolean
}

/** A simulated cluster of three that serves, and what its nodes wrote into their logs. */
export class WatchedCluster {
  readonly log: HeardLog
  readonly cluster: SimulatedCluster

  constructor(seed: string, { slowMs, debug = false }: WatchedOptions) {
    this.log = new HeardLog(debug)
    this.cluster = new SimulatedCluster(new World(seed), {
      nodes: 3,
      replicas: 3,
      partitions: 2,
      clients: 1,
      limits: {},
      logger: this.log,
      slowMs
    })
    this.cluster.boot()
    expect(this.cluster.runTo(20_000, () => this.cluster.isHealthy)).toBe(true)
    // The session of the client, and links to all.
    this.put('warm')
    this.cluster.run(2_000)
    this.log.lines.length = 0
  }

  put(key: string, timeoutMs = 20_000): void {
    const operation = { type: 'put', key: utf8(key), value: utf8('value') } as const
    let done = false
    this.cluster.clients[0]?.call({ kind: 'mutate', operation }, timeoutMs, () => {
      done = true
    })
    expect(this.cluster.runTo(timeoutMs + 1_000, () => done)).toBe(true)
  }

  get(key: string): void {
    let done = false
    const operation = { kind: 'get', key: utf8(key), consistency: 'strong' } as const
    this.cluster.clients[0]?.call(operation, 20_000, () => {
      done = true
    })
    expect(this.cluster.runTo(21_000, () => done)).toBe(true)
  }

  /** Added to each sync of all disks. */
  slowDisks(ms: number): void {
    for (const { disk } of this.cluster.nodes) disk.syncDelayMs = ms
  }
}
