import process from 'node:process'
import type { SimulatedClient } from '../../src/simulation/client.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { assert } from '../../src/world/assert.ts'
import { rounded } from '../rig/figures.ts'
import type { Section } from './measure.ts'

// How fast the simulator is, oracles included: one thread that is a whole cluster and its clients.

interface Shape {
  readonly nodes: number
  readonly partitions: number
  /** Calls under way all the time; each is made anew when it ended, after PAUSE_MS at most. */
  readonly callers: number
}

const SHAPES: readonly Shape[] = [
  { nodes: 5, partitions: 16, callers: 32 },
  { nodes: 5, partitions: 16, callers: 0 },
  { nodes: 3, partitions: 4, callers: 8 },
  { nodes: 7, partitions: 64, callers: 32 }
]
const CLIENTS = 4
const PAUSE_MS = 100
const KEYS = 200
const STEP_MS = 500
/** Share of the time in which code is compiled and nothing counted. */
const WARM_UP = 0.3

/** Runs each shape for about `seconds` of real time. */
export function simulationSections(seconds: number): Section[] {
  const rows = SHAPES.map((shape) => {
    const { nodes, partitions, callers } = shape
    return {
      name: `${nodes} nodes, ${partitions} partitions, ${callers} callers`,
      values: speed(shape, seconds)
    }
  })
  const columns = ['events/CPU s', 'simulated s/CPU s', 'operations/simulated s']
  return [{ title: 'Simulation, on one core', columns, rows }]
}

function speed({ nodes, partitions, callers }: Shape, seconds: number): number[] {
  const world = new World('bench')
  const limits = { logEntriesKept: 1_000 }
  const cluster = new SimulatedCluster(world, {
    nodes,
    partitions,
    replicas: 3,
    clients: CLIENTS,
    limits
  })
  cluster.boot()
  assert(
    cluster.runTo(30_000, () => cluster.isHealthy),
    'the cluster does not form'
  )
  const answered = load(cluster, callers)
  runFor(cluster, seconds * WARM_UP)
  const [events, from, calls] = [world.events, world.now, answered.count]
  const cpuSeconds = runFor(cluster, seconds)
  const simulated = (world.now - from) / 1_000
  const rates = [(world.events - events) / cpuSeconds, simulated / cpuSeconds]
  return [...rates, (answered.count - calls) / simulated].map(rounded)
}

/** Runs for at least `seconds` of this process; returns how many it took. */
function runFor(cluster: SimulatedCluster, seconds: number): number {
  const before = process.cpuUsage()
  for (;;) {
    cluster.run(STEP_MS)
    const { user, system } = process.cpuUsage(before)
    const took = (user + system) / 1e6
    if (took >= seconds) return took
  }
}

/** Three reads to each write, of keys in all partitions. */
function load({ world, clients }: SimulatedCluster, callers: number): { count: number } {
  const answered = { count: 0 }
  const random = world.random.fork('callers')
  const life = world.life('callers')
  const value = utf8('v'.repeat(100))
  const next = (client: SimulatedClient): void => {
    const key = utf8(`key${random.below(KEYS)}`)
    const done = (): void => {
      answered.count++
      world.schedule(life, random.below(PAUSE_MS), 'next call', () => next(client))
    }
    if (random.below(4) > 0) client.call({ kind: 'get', key, consistency: 'strong' }, 4_000, done)
    else client.call({ kind: 'mutate', operation: { type: 'put', key, value } }, 4_000, done)
  }
  for (let i = 0; i < callers; i++) next(clients[i % clients.length] as SimulatedClient)
  return answered
}
