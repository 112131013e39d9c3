import { type Answer, EXIT } from './answer.ts'
import type { ClientCall } from './call.ts'
import { viewOf } from './client.ts'
import { type Summary, shortNames, statusOf, summaryOf } from './cluster-report.ts'

/** `keymesh status`. */
export async function status({ connection, signal }: ClientCall): Promise<Answer> {
  return summarized(summaryOf(statusOf(await viewOf(connection, signal))))
}

/** A partition without a leader is a no: some keys cannot be had. */
export function summarized(summary: Summary): Answer {
  return {
    json: () => summary,
    plain: () => lines(summary).join('\n'),
    exitCode: summary.state === 'unavailable' ? EXIT.no : EXIT.done
  }
}

function lines(summary: Summary): readonly string[] {
  const { state, clusterId, epoch, replicas, nodes, partitions } = summary
  const name = shortNames([...nodes.down, ...nodes.withoutRoom])
  const listed = (what: string, ids: readonly string[]): string =>
    ids.length === 0 ? '' : `; ${what}: ${ids.map(name).join(', ')}`
  const ill = listed('down', nodes.down) + listed('without room', nodes.withoutRoom)
  const few =
    nodes.total < replicas
      ? `; ${counted(nodes.total, 'node holds', 'nodes hold')} ${nodes.total}`
      : ''
  return [
    `${state}: ${reasons(summary).join('; ')}`,
    `cluster     ${clusterId}, epoch ${epoch}`,
    `nodes       ${nodes.up} of ${nodes.total} up${ill}`,
    `partitions  ${partitions.withLeader} of ${partitions.total} have a leader`,
    `replicas    ${replicas} wanted of each partition${few}`
  ]
}

function reasons({ nodes, partitions, system }: Summary): readonly string[] {
  const { withoutLeader, degraded } = partitions
  const found: string[] = []
  if (withoutLeader.length > 0) {
    found.push(`${counted(withoutLeader.length, 'partition has', 'partitions have')} no leader`)
  }
  if (nodes.down.length > 0)
    found.push(`${counted(nodes.down.length, 'node is', 'nodes are')} down`)
  if (nodes.withoutRoom.length > 0) {
    found.push(`${counted(nodes.withoutRoom.length, 'disk is', 'disks are')} almost full`)
  }
  if (degraded > 0) {
    found.push(
      `${counted(degraded, 'partition has', 'partitions have')} fewer replicas than wanted`
    )
  }
  if (system !== 'serving') found.push(`the system group is ${system}`)
  return found.length > 0 ? found : ['all nodes are up, all partitions have a leader']
}

function counted(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`
}
