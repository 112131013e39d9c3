import type { Replica } from '../partition/replica.ts'
import { unreachable } from '../world/assert.ts'
import { type FaultShell, pick } from './faults.ts'

/** Nothing that is broken: what a node does anyway, at a time when it has no reason to. */
export const REPLICA_FAULTS = ['flush', 'snapshot', 'transfer', 'false-alarm', 'step-down'] as const
export type ReplicaFault = (typeof REPLICA_FAULTS)[number]

export function strikeReplica(shell: FaultShell, fault: ReplicaFault): void {
  const { cluster, random } = shell
  const { machine, life } = pick(random, cluster.nodes)
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

function othersOf({ id, raft }: Replica): number[] {
  const others: number[] = []
  for (const { replica } of raft.configuration.members) if (replica !== id) others.push(replica)
  return others
}
