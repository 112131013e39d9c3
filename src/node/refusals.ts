import type { NodeId } from '../wire/ids.ts'
import type { Logger } from '../world/log.ts'

/** What each reason asks of the operator of the refused node. */
const ADVICE: Readonly<Record<string, string>> = {
  stale_disk: 'its data directory is an older copy, or a copy of it runs elsewhere',
  store_mismatch: 'the cluster knows this node with another data directory',
  unknown_node: 'the cluster does not know this node',
  wrong_cluster: 'it belongs to another cluster'
}

/** Which nodes will not talk to this one, and why: what its operator must learn. */
export class Refusals {
  readonly #logger: Logger
  /** Links that we refused. */
  refused = 0
  readonly #by = new Map<NodeId, string>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get reasons(): readonly string[] {
    return [...this.#by].map(([node, reason]) => `node ${node} refuses this node: ${told(reason)}`)
  }

  hear(node: NodeId, reason: string): void {
    if (this.#by.get(node) === reason) return
    this.#by.set(node, reason)
    this.#logger.log('error', 'refused', { by: node, reason: told(reason) })
  }

  /** `node` talks to us again. */
  clear(node: NodeId): void {
    this.#by.delete(node)
  }
}

const told = (reason: string): string =>
  Object.hasOwn(ADVICE, reason) ? `${reason}, ${ADVICE[reason]}` : reason
