import { startNode } from './compose.ts'
import { InvalidOptions, type NodeOptions } from './options.ts'

export { InvalidOptions, type NodeOptions }

/** A node in the caller's process. */
export interface Node extends AsyncDisposable {
  /** Where its HTTP API listens; undefined: nowhere. */
  readonly http: URL | undefined
  /** A multiaddr to reach it by. */
  readonly p2p: string
  /** Resolves when it serves; rejects if it ends before. */
  readonly ready: Promise<void>
  /** Hands over what it leads, finishes what is inside, closes. Idempotent. */
  stop(): Promise<void>
}

/**
 * Starts a node inside this process and resolves when it listens. Rejects with InvalidOptions when the
 * options cannot work. A node that cannot go on closes itself and tells `options.onFatal`.
 */
export async function createNode(options: NodeOptions): Promise<Node> {
  const { http, p2p, ready, stop } = await startNode(options)
  return { http, p2p, ready, stop, [Symbol.asyncDispose]: stop }
}
