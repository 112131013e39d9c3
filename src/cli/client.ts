import type { CallOptions, KeyMesh } from '../client/api.ts'
import { bytes } from '../client/codecs.ts'
import type { ClientDriver } from '../client/driver.ts'
import { openKeyMesh } from '../client/keymesh.ts'
import type { ClusterView } from '../wire/cluster-map.ts'
import type { Connection } from './client-settings.ts'

/**
 * Connects, has `work` do its call with the options it is given, and closes. Rejects with
 * KeyMeshError, or with the reason of `signal`.
 */
export async function withKeys<T>(
  connection: Connection,
  signal: AbortSignal,
  work: (kv: KeyMesh<Uint8Array>, options: CallOptions) => Promise<T>
): Promise<T> {
  const { driver, defaults } = await open(connection, signal)
  await using kv = openKeyMesh(driver, defaults, bytes)
  return await work(kv, { signal })
}

/** The same, with the calls as they are below that. */
export async function withDriver<T>(
  connection: Connection,
  signal: AbortSignal,
  work: (driver: ClientDriver) => Promise<T>
): Promise<T> {
  const { driver } = await open(connection, signal)
  try {
    return await work(driver)
  } finally {
    await new Promise<void>((resolve) => driver.close(resolve))
  }
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
  // libp2p is most of what a command loads: not before what is wrong with its line was told.
  const { openClient } = await import('../client/connect.ts')
  return await openClient({
    ...(seeds === undefined ? {} : { seeds }),
    ...(clusterKey === undefined ? {} : { clusterKey }),
    timeout: timeoutMs,
    signal
  })
}
