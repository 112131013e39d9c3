import { majority } from '../raft/quorum.ts'
import { unreachable } from '../world/assert.ts'
import type { Random } from '../world/random.ts'
import type { SimulatedCluster } from './cluster.ts'
import { pick, shuffled } from './faults.ts'
import type { SimulatedNode } from './node.ts'

/** How a node is missing for good, though its disk is sound. */
export const ABSENCES = ['dead', 'paused', 'cut-off', 'deaf', 'mute', 'hung-disk'] as const
export type Absence = (typeof ABSENCES)[number]

/**
 * Takes nodes away for good, by chance, never so many that a group is left without a majority of
 * its replicas, the lost ones not counted: what is left must live on as if they had never been.
 */
export function takeAway(cluster: SimulatedCluster, random: Random): void {
  for (const node of shuffled(random, cluster.sound)) {
    if (random.below(3) === 0 || !canSpare(cluster, node)) continue
    const absence = pick(random, ABSENCES)
    node.leave(absence)
    cluster.world.trace(`${node.name} ${absence}`)
    begin(cluster, random, node, absence)
  }
}

/** Requires: every node of the cluster is a member. */
function canSpare({ sound }: SimulatedCluster, node: SimulatedNode): boolean {
  const left = new Set(sound.filter((each) => each !== node).map(({ name }) => name))
  const maps = sound.flatMap(({ machine }) => machine?.membership.map ?? [])
  const placements = maps[0]?.placements
  if (placements === undefined) return false
  return placements.every(({ members }) => {
    const voters = members.filter(({ voter }) => voter)
    const there = voters.filter((member) => left.has(member.node))
    return there.length >= majority(voters.length)
  })
}

function begin(
  { network, nodes, clients }: SimulatedCluster,
  random: Random,
  node: SimulatedNode,
  absence: Absence
): void {
  const { name } = node
  const others = nodes.filter((other) => other !== node).map((other) => other.name)
  // Clients that reach it still have to find out that it is of no use.
  const outside = clients.filter(() => random.below(2) === 0).map((client) => client.name)
  switch (absence) {
    case 'dead':
      node.kill(random.below(2) === 0)
      return
    case 'paused':
      node.life?.pause(Number.POSITIVE_INFINITY)
      return
    case 'cut-off':
      network.cut([name], [...others, ...outside])
      return
    case 'deaf':
      network.cut([...others, ...outside], [name], 'one')
      return
    case 'mute':
      network.cut([name], [...others, ...outside], 'one')
      return
    case 'hung-disk':
      node.disk.hangSyncs()
      return
    default:
      unreachable(absence)
  }
}
