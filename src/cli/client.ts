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
  const began = realClock.monotonic()
  const { driver, defaults } = await open(connection, signal)
  await using kv = openKeyMesh(driver, defaults, bytes)
  const left = connection.timeoutMs - (realClock.monotonic() - began)
  return await work(kv, { timeout: Math.max(1, left), signal })
}

/** The cluster as the node that answers first sees it. */
export async function viewOf(connection: Connection, signal: AbortSignal): Promise<ClusterView> {
  const { driver } = await open(connection, signal)
  const { view } = driver
  await new Promise<void>((resolve) => driver.close(resolve))
  if (view === undefined) throw new TypeError('an open client has a view')
  return view
}

async function open({ seeds, clusterKey, timeoutMs }: Connection, signal: AbortSignal) {
  // libp2p is most of what loads in a command; what is wrong with its line is told before.
  const { openClient } = await import('../client/connect.ts')
  return await openClient({
    ...(seeds === undefined ? {} : { seeds }),
    ...(clusterKey === undefined ? {} : { clusterKey }),
    timeout: timeoutMs,
    signal
  })
}
