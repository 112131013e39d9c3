import { bytes, connect, type KeyMesh } from 'keymesh'
import { leadersKnown, type NodeProcess } from '../../cluster/nodes.ts'
import type { Stage } from '../../cluster/stage.ts'
import { startNodes } from '../../cluster/together.ts'

/** Nodes as processes of this machine, each partition of them with a leader. */
export interface Cluster {
  readonly nodes: NodeProcess[]
  readonly urls: string[]
  readonly seeds: readonly string[]
}

const READY_MS_MAX = 60_000
const FILLING = 128

/** Starts `count` nodes of the built package on free ports of loopback, with new data. */
export async function startKeyMesh(
  stage: Stage,
  count: number,
  partitions: number
): Promise<Cluster> {
  const shape = { nodes: count, replicas: Math.min(3, count), partitions }
  const nodes: NodeProcess[] = []
  stage.add({
    kill: (signal) => {
      for (const node of nodes) node.kill(signal)
    },
    ended: () => Promise.all(nodes.map((node) => node.ended()))
  })
  const plan = { data: stage.directory, shape, httpPort: 0, p2pPort: 0 }
  const urls = await startNodes(plan, nodes, READY_MS_MAX)
  for (const url of urls) await leadersKnown(url, READY_MS_MAX)
  const seeds = await Promise.all(nodes.map((node) => node.listening()))
  return { nodes, urls, seeds }
}

export async function openClient(seeds: readonly string[]): Promise<KeyMesh<Uint8Array>> {
  return await connect({ seeds, codec: bytes })
}

/** Writes `value` at every key. */
export async function fillKeyMesh(
  kv: KeyMesh<Uint8Array>,
  keys: readonly string[],
  value: Uint8Array
): Promise<void> {
  const left = keys.values()
  const one = async (): Promise<void> => {
    for (const key of left) await kv.put(key, value)
  }
  await Promise.all(Array.from({ length: FILLING }, one))
}
