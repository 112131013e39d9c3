import { NODE_LIMITS } from '../../src/node/config.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { Swarm } from '../../src/simulation/swarm.ts'
import { Violation } from '../../src/simulation/violation.ts'
import { World } from '../../src/simulation/world.ts'
import { comeAlive, comeToRest, settle } from './liveness.ts'
import { Locksmiths } from './locksmiths.ts'
import { drawShape } from './shape.ts'

export interface LockSeedReport {
  readonly seed: string
  readonly simulatedMs: number
  readonly faults: number
  readonly calls: number
  /** What was broken, in words; undefined: nothing. */
  readonly broken: string | undefined
}

const CHAOS_MS = 12_000
const HEALTHY_MS_MAX = 20_000
const SETTLED_MS_MAX = 20_000

/**
 * Nothing but locks: a drawn cluster of few partitions under drawn faults, so that many more seeds
 * of them fit into an hour than of runs that do everything.
 */
export function runLockSeed(seed: string): LockSeedReport {
  const world = new World(`locks ${seed}`)
  const shape = drawShape(world.random.fork('shape'))
  const few = { ...shape, nodes: 3, replicas: 3, partitions: Math.min(2, shape.partitions) }
  const cluster = new SimulatedCluster(world, few)
  const swarm = new Swarm(cluster)
  const shell = { random: world.random.fork('locksmiths'), life: world.life('locksmiths') }
  const smiths = new Locksmiths(cluster, shell)
  let broken: string | undefined
  try {
    cluster.boot()
    cluster.runTo(HEALTHY_MS_MAX, () => cluster.isHealthy)
    smiths.start()
    swarm.start()
    cluster.run(CHAOS_MS)
    swarm.stop(true)
    comeAlive(cluster, few.limits)
    smiths.stop()
    const busy = (): string | undefined =>
      smiths.inFlight === 0 ? undefined : `${smiths.inFlight} are not done with their locks`
    settle(cluster, SETTLED_MS_MAX, busy)
    smiths.readAll()
    settle(cluster, SETTLED_MS_MAX, busy)
    const { logBytesMax, segmentBytes } = { ...NODE_LIMITS, ...few.limits }
    comeToRest(cluster, logBytesMax + segmentBytes)
    smiths.check()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    broken = error instanceof Violation ? error.message : (error.stack ?? error.message)
  }
  return { seed, simulatedMs: world.now, faults: swarm.count, calls: smiths.calls, broken }
}
