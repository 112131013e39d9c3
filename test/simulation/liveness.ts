import { NODE_LIMITS, type NodeLimits } from '../../src/node/config.ts'
import type { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { Violation } from '../../src/simulation/violation.ts'

/** Until every node has joined that was struck while the cluster was being formed. */
const FORMED_MS_MAX = 20_000
/** Pauses that began before the faults ended. */
const NAP_MS_MAX = 6_000
/** In which each group finds a leader. */
const ELECTION_TIMEOUTS_MAX = 10
const READY_MS_MAX = 20_000
/** A receiver waits ten seconds for the rest of a state whose sender may be gone. */
const LEFT_MS_MAX = 15_000
const EQUAL_MS_MAX = 20_000

/** Runs `cluster` until `ill` finds nothing any more. Throws Violation with what it still finds. */
export function settle(
  cluster: SimulatedCluster,
  msMax: number,
  ill: () => string | undefined
): void {
  if (cluster.runTo(msMax, () => ill() === undefined)) return
  throw new Violation(`${msMax} ms, and still: ${ill()}`)
}

/** How long a node waits at most before it campaigns, by the slowest clock. */
export function electionTimeoutMs(cluster: SimulatedCluster, limits: Partial<NodeLimits>): number {
  const { electionTicks, tickMs } = { ...NODE_LIMITS, ...limits }
  const slowest = Math.min(1, ...cluster.nodes.map(({ clockRate }) => clockRate))
  return (2 * electionTicks * tickMs) / slowest
}

/** All faults are over: each group must have a leader soon, and every sound node must be ready. */
export function comeAlive(cluster: SimulatedCluster, limits: Partial<NodeLimits>): void {
  const ill = (find: Parameters<typeof someIll>[1]) => (): string | undefined =>
    someIll(cluster, find)
  settle(
    cluster,
    FORMED_MS_MAX,
    ill(({ machine }) => (machine?.membership.isMember ? undefined : 'belongs to no cluster'))
  )
  settle(
    cluster,
    NAP_MS_MAX,
    ill(({ life }) => (life?.paused || life?.busy ? 'sleeps' : undefined))
  )
  const timeoutMs = electionTimeoutMs(cluster, limits)
  settle(cluster, ELECTION_TIMEOUTS_MAX * timeoutMs, () => cluster.leaderless)
  settle(
    cluster,
    READY_MS_MAX,
    ill(({ machine, life }) => (life?.paused ? 'sleeps' : machine?.unready[0]))
  )
}

/** Nobody asks for anything any more: everything must come to rest, and be the same everywhere. */
export function comeToRest(cluster: SimulatedCluster, logBytesMax: number): void {
  settle(cluster, LEFT_MS_MAX, () => told('requests are still inside', cluster.crowded))
  settle(cluster, EQUAL_MS_MAX, () => told('maps are apart', cluster.mapsApart))
  settle(cluster, EQUAL_MS_MAX, () => told('a transaction is left', cluster.undecided))
  settle(cluster, EQUAL_MS_MAX, () => told('too large a log', cluster.overgrownLog(logBytesMax)))
  settle(cluster, EQUAL_MS_MAX, () => told('replicas are apart', cluster.divergence))
  let ill: string | undefined = 'no flush ended'
  settle(cluster, EQUAL_MS_MAX, () => {
    cluster.checkStores((found) => {
      ill = found
    })
    return told('a store is ill', ill)
  })
}

const told = (what: string, ill: string | undefined): string | undefined =>
  ill === undefined ? undefined : `${what}: ${ill}`

function someIll(
  { sound }: SimulatedCluster,
  find: (node: SimulatedCluster['nodes'][number]) => string | undefined
): string | undefined {
  for (const node of sound) {
    const ill = node.machine === undefined ? 'is down' : find(node)
    if (ill !== undefined) return `${node.name}: ${ill}`
  }
  return undefined
}
