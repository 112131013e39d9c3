import type { KeyMesh } from '../client/api.ts'
import { bytes } from '../client/codecs.ts'
import { openKeyMesh } from '../client/keymesh.ts'
import type { ClusterView } from '../wire/cluster-map.ts'
import { realClock } from '../world/real.ts'
import type { Connection } from './client-settings.ts'

/** What a command may spend on one call. */
export interface Allowance {
  readonly timeout: number
  readonly signal: AbortSignal
}

/**
 * Connects, has `work` do its call with what is left of the time, and closes. Rejects with
 * KeyMeshError, or with the reason of `signal`.
 */
export async function withKeys<T>(
  connection: Connection,
  signal: AbortSignal,
  work: (kv: KeyMesh<Uint8Array>, allowance: Allowance) => Promise<T>
): Promise<T> {
  const { openClient } = await loaded()
  const began = realClock.monotonic()
  const { driver, defaults } = await openClient(optionsOf(connection, signal))
  await using kv = openKeyMesh(driver, defaults, bytes)
  const left = connection.timeoutMs - (realClock.monotonic() - began)
  return await work(kv, { timeout: Math.max(1, Math.ceil(left)), signal })
}

/** The cluster as the node that answers first sees it. */
export async function viewOf(connection: Connection, signal: AbortSignal): Promise<ClusterView> {
  const { openClient } = await loaded()
  const { driver } = await openClient(optionsOf(connection, signal))
  const { view } = driver
  await new Promise<void>((resolve) => driver.close(resolve))
  if (view === undefined) throw new TypeError('an open client has a view')
  return view
}

/**
 * libp2p is most of what a command loads: after what is wrong with its line was told, and before
 * the time of the call begins.
 */
function loaded() {
  return import('../client/connect.ts')
}

function optionsOf({ seeds, clusterKey, timeoutMs }: Connection, signal: AbortSignal) {
  return {
    ...(seeds === undefined ? {} : { seeds }),
    ...(clusterKey === undefined ? {} : { clusterKey }),
    timeout: timeoutMs,
    signal
  }
}
