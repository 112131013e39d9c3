import { join } from 'node:path'
import { NodeProcess } from './nodes.ts'
import type { Shape } from './shape.ts'

export interface Plan {
  readonly data: string
  readonly shape: Shape
  /** Of node 1, the others count up from it; 0: any free one. */
  readonly httpPort: number
  readonly p2pPort: number
}

/**
 * Starts all nodes: the first forms the cluster, and is all the others are told of. Returns their
 * HTTP URLs once each is ready. `nodes` is filled as they start, so that who stops finds them.
 */
export async function startNodes(
  plan: Plan,
  nodes: NodeProcess[],
  withinMs: number
): Promise<string[]> {
  const { nodes: total, replicas, partitions } = plan.shape
  const forming = ['--bootstrap', '--expect', total, '--replicas', replicas]
  nodes.push(startNode(plan, 1, [...forming, '--partitions', partitions].map(String)))
  const seed = await nodes[0]?.listening()
  for (let number = 2; number <= total; number++) {
    nodes.push(startNode(plan, number, ['--seed', seed ?? '']))
  }
  return await Promise.all(nodes.map((node) => node.ready(withinMs)))
}

/** Starts node `number` of the plan. */
export function startNode(plan: Plan, number: number, more: readonly string[]): NodeProcess {
  const at = (first: number): number => (first === 0 ? 0 : first + number - 1)
  const args = ['--data', join(plan.data, `node-${number}`)]
  args.push('--listen', `/ip4/127.0.0.1/tcp/${at(plan.p2pPort)}`)
  args.push('--http', `127.0.0.1:${at(plan.httpPort)}`, ...more)
  return new NodeProcess(args, join(plan.data, `node-${number}.log`))
}

/** Ends all that still run, in the order of their start; returns when the last one has ended. */
export async function stopNodes(nodes: readonly NodeProcess[]): Promise<void> {
  for (const node of nodes) node.kill('SIGTERM')
  await Promise.all(nodes.map((node) => node.ended()))
}
