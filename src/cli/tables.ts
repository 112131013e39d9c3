import type { ClusterStatus } from '../gateway/cluster-status.ts'
import { type Answer, EXIT } from './answer.ts'
import type { ClientCall } from './call.ts'
import { viewOf } from './client.ts'
import { namesIn, nodeLines, statusOf } from './cluster-report.ts'
import { table } from './table.ts'

/** `keymesh cluster nodes`. */
export async function nodes({ connection, signal }: ClientCall): Promise<Answer> {
  return listNodes(statusOf(await viewOf(connection, signal)))
}

/** `keymesh cluster partitions`. */
export async function partitions({ connection, signal }: ClientCall): Promise<Answer> {
  return listPartitions(statusOf(await viewOf(connection, signal)))
}

export function listNodes(status: ClusterStatus): Answer {
  const lines = nodeLines(status)
  const name = namesIn(status)
  return {
    json: () => ({ nodes: lines }),
    plain: () =>
      table(
        [
          { head: 'NODE', of: ({ id }) => name(id) },
          { head: 'STATE', of: ({ state }) => state },
          { head: 'DISK', of: ({ disk }) => disk },
          { head: 'ZONE', of: ({ zone }) => zone },
          { head: 'LEADS', of: ({ leads }) => leads },
          { head: 'REPLICAS', of: ({ replicas }) => replicas },
          { head: 'HTTP', of: ({ http }) => http },
          { head: 'ADDRESS', of: ({ addresses }) => addresses.map(withoutId).join('\n') }
        ],
        lines
      ),
    exitCode: EXIT.done
  }
}

export function listPartitions(status: ClusterStatus): Answer {
  const name = namesIn(status)
  const states = new Map(status.nodes.map(({ id, state }) => [id, state]))
  const replica = ({ node, voter }: { readonly node: string; readonly voter: boolean }): string => {
    const state = states.get(node) ?? 'gone'
    const notes = [...(state === 'up' ? [] : [state]), ...(voter ? [] : ['learner'])]
    return notes.length === 0 ? name(node) : `${name(node)} (${notes.join(', ')})`
  }
  return {
    json: () => ({ partitions: status.partitions }),
    plain: () =>
      table(
        [
          { head: 'PARTITION', of: ({ partition }) => partition },
          { head: 'STATE', of: ({ state }) => state },
          { head: 'LEADER', of: ({ leader }) => (leader === null ? '' : name(leader)) },
          { head: 'REPLICAS', of: ({ replicas }) => replicas.map(replica).join(' ') }
        ],
        status.partitions
      ),
    exitCode: EXIT.done
  }
}

/** The id has its own column. */
function withoutId(address: string): string {
  return address.replace(/\/p2p\/[^/]+$/, '')
}
