import type { Codec, KeyMesh } from '../client/api.ts'
import { json } from '../client/codecs.ts'
import { openKeyMesh } from '../client/keymesh.ts'
import { TIMEOUT_MS_DEFAULT } from '../wire/limits.ts'
import { startNode } from './compose.ts'
import type { NodeOptions } from './options.ts'

export type { NodeOptions }

/** A node in the caller's process. */
export interface Node<V = unknown> extends AsyncDisposable {
  /** The client of `connect`, without a connection in between. Closing it stops the node. */
  readonly kv: KeyMesh<V>
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
 * Starts a node inside this process and resolves when it listens. Rejects with an Error of the name
 * InvalidOptions, whose message says what to mend, when the options cannot work. A node that cannot
 * go on closes itself and tells `options.onFatal`.
 */
export async function createNode<V = unknown>(
  options: NodeOptions & { readonly codec?: Codec<V> }
): Promise<Node<V>> {
  const { machine, http, p2p, ready, stop } = await startNode(options)
  const { clock, timers, random, turns } = machine.gateway
  const carrier = {
    call: machine.call,
    clock,
    timers,
    random,
    turns,
    get view() {
      return machine.view()
    },
    close: (done: () => void) => void stop().then(done)
  }
  const defaults = { timeoutMs: TIMEOUT_MS_DEFAULT, consistency: 'strong' } as const
  const kv = openKeyMesh(carrier, defaults, options.codec ?? json<V>())
  return { kv, http, p2p, ready, stop, [Symbol.asyncDispose]: stop }
}
