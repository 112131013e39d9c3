import type { ClusterMap, ClusterView } from '../wire/cluster-map.ts'
import type { NodeId } from '../wire/ids.ts'
import type { NodeMachine } from './machine.ts'

/** `map` with what `machine` knows of the present. */
export function clusterViewOf(machine: NodeMachine, map: ClusterMap): ClusterView {
  const { leaders, host, room } = machine
  const nodes = map.nodes.map(({ id }) => id)
  const having = (level: string): NodeId[] => nodes.filter((id) => room.levelOf(id) === level)
  return {
    map,
    leaders: map.placements.map(({ group }) => leaders.of(group, host.get(group)) ?? ''),
    unreachable: nodes.filter((id) => !machine.isReachable(id)),
    low: having('low'),
    full: having('full')
  }
}
