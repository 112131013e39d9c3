import type { NodeMachine } from '../node/machine.ts'
import type { Replica } from '../partition/replica.ts'
import { unreachable } from '../world/assert.ts'
import { type FaultShell, type Lasts, pick } from './faults.ts'
import type { SimulatedNode } from './node.ts'

/** Nothing that is broken: what a node does anyway, at a time when it has no reason to. */
export const REPLICA_FAULTS = [
  'flush',
  'snapshot',
  'race-snapshots',
  'transfer',
  'false-alarm',
  'step-down'
] as const
export type ReplicaFault = (typeof REPLICA_FAULTS)[number]

/** In a race: what a sync takes at most, of the log and of the state, and for how long. */
const LOG_SYNC_MS_MAX = 1_000
const STATE_SYNC_MS_MAX = 300
const SLOW_MS: Lasts = [500, 3_000]
/** How often a race looks whether the follower is behind. */
const LOOK_MS = 5

export function strikeReplica(shell: FaultShell, fault: ReplicaFault): void {
  const { cluster, random } = shell
  const node = pick(random, cluster.nodes)
  const { machine, life } = node
  if (machine === undefined || machine.stopping || life?.paused) return
  const { flusher, snapshots } = machine.keeping
  const replicas = [...machine.host.replicas()]
  if (replicas.length === 0) return
  const led = replicas.filter((replica) => replica.isLeader)
  const replica = pick(random, led.length > 0 && fault !== 'false-alarm' ? led : replicas)
  switch (fault) {
    case 'flush':
      flusher.flush(() => {})
      return
    case 'snapshot':
      if (replica.isLeader) snapshots.want(replica, othersOf(replica))
      return
    case 'race-snapshots':
      raceSnapshots(shell, node)
      return
    case 'transfer':
      if (replica.isLeader && othersOf(replica).length > 0) {
        replica.transfer(pick(random, othersOf(replica)))
      }
      return
    case 'false-alarm':
      replica.leaderGone()
      return
    case 'step-down':
      replica.stepDown()
      return
    default:
      unreachable(fault)
  }
}

/**
 * A node on a slow disk is sent states whenever it is behind, while its log brings it the same:
 * whichever of both is there first, the other one comes into the middle of it.
 */
function raceSnapshots({ cluster, random, later }: FaultShell, node: SimulatedNode): void {
  const { disk, store } = node
  disk.syncDelayMs = random.below(LOG_SYNC_MS_MAX)
  store.delayMs = random.below(STATE_SYNC_MS_MAX)
  let over = false
  later(SLOW_MS, 'slow disk', () => {
    over = true
    disk.syncDelayMs = store.delayMs = 0
  })
  let left = random.below(3)
  const look = (): void => {
    if (over) return
    if (left > 0 && provoke(node)) left--
    for (const { machine, life } of cluster.nodes) {
      if (machine !== undefined && !machine.stopping && !life?.paused) sendState(machine, node)
    }
    later([LOOK_MS, LOOK_MS], 'look for who is behind', look)
  }
  look()
}

/** `by` sends the state of a group it leads, if `to` is behind in one. */
function sendState({ host, keeping }: NodeMachine, to: SimulatedNode): void {
  const { flusher, snapshots } = keeping
  if (flusher.busy || snapshots.underWay.sending > 0) return
  for (const replica of host.replicas()) {
    const copy = to.machine?.host.get(replica.group)
    if (!replica.isLeader || copy === undefined) continue
    if (copy.state.applied.index >= replica.state.applied.index) continue
    flusher.flush(() => snapshots.want(replica, [copy.id]))
    return
  }
}

/** A hand-over of old comes to a replica that is being given a state: it campaigns meanwhile. */
function provoke({ machine }: SimulatedNode): boolean {
  for (const replica of machine?.host.replicas() ?? []) {
    const { id: to, raft, leaderNode } = replica
    const { leader: from, currentTerm: term } = raft
    if (!replica.installing || leaderNode === undefined) continue
    replica.receive(leaderNode, { type: 'timeout-now', from, to, term })
    return true
  }
  return false
}

function othersOf({ id, raft }: Replica): number[] {
  const others: number[] = []
  for (const { replica } of raft.configuration.members) if (replica !== id) others.push(replica)
  return others
}
