import type { DialFailure, Link, PeerId } from '../transport/transport.ts'
import type { NodeId } from '../wire/ids.ts'
import type { Logger } from '../world/log.ts'

/** What each reason asks of the operator of the refused node. */
const ADVICE: Readonly<Record<string, string>> = {
  stale_disk: 'its data directory is an older copy, or a copy of it runs elsewhere',
  store_mismatch: 'the cluster knows this node with another data directory',
  unknown_node: 'the cluster does not know this node',
  wrong_cluster: 'it belongs to another cluster'
}

const DIAL_ADVICE: Readonly<Partial<Record<DialFailure, string>>> = {
  handshake: 'it has another cluster key, or none, or is no KeyMesh node',
  refused: 'nobody listens there',
  unreachable: 'nothing answers there in time'
}

/** Anybody can dial us under ever new names. */
const REMEMBERED_MAX = 1_000

/**
 * Writes down what becomes of links, and who will not talk to whom. What is tried again and again
 * is told when it changes.
 */
export class LinkLog {
  /** Links that we refused. */
  refused = 0
  readonly #logger: Logger
  /** Which nodes refuse this one, and why. */
  readonly #refusedBy = new Map<NodeId, string>()
  readonly #refused = new Map<PeerId, string>()
  readonly #undialled = new Map<string, DialFailure>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Why this node is not ready, as far as others are to blame. */
  get reasons(): readonly string[] {
    return [...this.#refusedBy].map(
      ([node, reason]) => `node ${node} refuses this node: ${told(reason)}`
    )
  }

  up({ peer, role, address }: Link): void {
    this.#refused.delete(peer)
    if (address !== undefined) this.#undialled.delete(address)
    const how = address === undefined ? {} : { address }
    this.#logger.log(role === 'node' ? 'info' : 'debug', 'link up', { peer, role, ...how })
  }

  /** `wasNode`: the link was one with a node of the cluster. */
  down(peer: PeerId, reason: string, wasNode: boolean): void {
    this.#logger.log(wasNode ? 'info' : 'debug', 'link down', { peer, reason })
  }

  dialFailed(address: string, failure: DialFailure): void {
    if (failure === 'self' || !isNews(this.#undialled, address, failure)) return
    const level = failure === 'handshake' ? 'warn' : 'info'
    this.#logger.log(level, 'dial failed', { address, failure, advice: DIAL_ADVICE[failure] })
  }

  /** We refuse `peer`. */
  refuse(peer: PeerId, reason: string): void {
    this.refused++
    if (isNews(this.#refused, peer, reason)) {
      this.#logger.log('warn', 'peer refused', { peer, reason: told(reason) })
    }
  }

  /** `node` refuses us. */
  hear(node: NodeId, reason: string): void {
    if (isNews(this.#refusedBy, node, reason)) {
      this.#logger.log('error', 'refused', { by: node, reason: told(reason) })
    }
  }

  /** `node` talks to us again. */
  clear(node: NodeId): void {
    this.#refusedBy.delete(node)
  }
}

function isNews<V>(known: Map<string, V>, name: string, value: V): boolean {
  if (known.get(name) === value) return false
  const [oldest] = known.keys()
  if (known.size >= REMEMBERED_MAX && oldest !== undefined) known.delete(oldest)
  known.set(name, value)
  return true
}

const told = (reason: string): string =>
  Object.hasOwn(ADVICE, reason) ? `${reason}, ${ADVICE[reason]}` : reason
