import { openLibp2p } from '../transport/libp2p.ts'
import { isDialable } from '../transport/libp2p-address.ts'
import type { Transport } from '../transport/transport.ts'
import { failure } from '../wire/failure.ts'
import { TIMEOUT_MS_DEFAULT } from '../wire/limits.ts'
import { realClock, realTimers, systemRandom } from '../world/real.ts'
import type { Codec, ConnectOptions, KeyMesh, Multiaddr } from './api.ts'
import { checkCodec, checkConsistency, checkNames, checkSignal, checkTimeout } from './arguments.ts'
import { json } from './codecs.ts'
import { ClientDriver } from './driver.ts'
import { errorOf, invalid } from './errors.ts'
import { type Defaults, openKeyMesh } from './keymesh.ts'

const OPTIONS: readonly (keyof ConnectOptions | 'codec')[] = [
  'seeds',
  'clusterKey',
  'codec',
  'timeout',
  'consistency',
  'signal'
]
const SEED_DEFAULT = '/ip4/127.0.0.1/tcp/7101'

/**
 * Finds the cluster through any of `seeds`. Rejects with `unavailable` when none answers with the
 * cluster's map in time.
 */
export async function connect(options?: ConnectOptions): Promise<KeyMesh>
export async function connect<V>(options: ConnectOptions & { codec: Codec<V> }): Promise<KeyMesh<V>>
export async function connect<V>(
  options: ConnectOptions & { codec?: Codec<V> } = {}
): Promise<KeyMesh<V>> {
  checkNames(options, OPTIONS)
  const codec = checkCodec(options.codec) ?? json<V>()
  const { driver, defaults } = await openClient(options)
  return openKeyMesh(driver, defaults, codec)
}

export interface OpenClient {
  /** Knows the cluster's map. */
  readonly driver: ClientDriver
  readonly defaults: Defaults
}

/** What is behind `connect`, for our own commands that look at the cluster itself. */
export async function openClient(options: ConnectOptions): Promise<OpenClient> {
  const seeds = checkSeeds(options.seeds)
  const clusterKey = checkClusterKey(options.clusterKey)
  const timeoutMs = checkTimeout(options.timeout) ?? TIMEOUT_MS_DEFAULT
  const consistency = checkConsistency(options.consistency) ?? 'strong'
  const signal = checkSignal(options.signal)
  signal?.throwIfAborted()
  const transport = await openTransport(clusterKey)
  const driver = new ClientDriver({
    random: systemRandom(),
    seeds,
    transport,
    timers: realTimers,
    clock: realClock
  })
  await ready(driver, timeoutMs, signal)
  return { driver, defaults: { timeoutMs, consistency } }
}

async function openTransport(clusterKey: Uint8Array | undefined): Promise<Transport> {
  const role = 'client' as const
  try {
    return await openLibp2p({ privateKey: undefined, listen: [], announce: [], clusterKey, role })
  } catch (cause) {
    throw errorOf(failure('unavailable', 'the libp2p transport could not be opened'), { cause })
  }
}

/** Resolves once the map is known. Otherwise closes the driver and rejects. */
function ready(
  driver: ClientDriver,
  timeoutMs: number,
  signal: AbortSignal | undefined
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      stopTimer()
      signal?.removeEventListener('abort', onAbort)
      settle()
    }
    const giveUp = (reason: unknown): void => end(() => driver.close(() => reject(reason), 0))
    const onAbort = (): void => giveUp(signal?.reason)
    const stopTimer = realTimers.after(timeoutMs, () => {
      const message =
        `no node told the cluster map within ${timeoutMs} ms (${driver.situation}); ` +
        'check that the seeds are right, that a node runs there, and that clusterKey is its key'
      giveUp(errorOf(failure('unavailable', message)))
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    else driver.start(() => end(resolve))
  })
}

function checkSeeds(seeds: Multiaddr | readonly Multiaddr[] | undefined): readonly Multiaddr[] {
  if (seeds === undefined) return [SEED_DEFAULT]
  if (typeof seeds !== 'string' && !Array.isArray(seeds)) {
    throw invalid(`seeds is a multiaddr or an array of them; one looks like ${SEED_DEFAULT}`)
  }
  const list: readonly Multiaddr[] = typeof seeds === 'string' ? [seeds] : [...seeds]
  if (list.length === 0) throw invalid(`seeds is empty: name one node, as in ${SEED_DEFAULT}`)
  for (const seed of list) {
    if (typeof seed !== 'string' || /\s/.test(seed) || !isDialable(seed)) {
      const right = `one looks like ${SEED_DEFAULT}, with or without /p2p/ID`
      throw invalid(`seeds: ${String(seed)} is no address of a node; ${right}`)
    }
  }
  return list
}

const CLUSTER_KEY_BYTES = 32

function checkClusterKey(key: string | Uint8Array | undefined): Uint8Array | undefined {
  if (key === undefined) return undefined
  if (typeof key === 'string' && /^[0-9a-fA-F]{64}$/.test(key)) {
    const pair = (i: number): number => Number.parseInt(key.slice(2 * i, 2 * i + 2), 16)
    return Uint8Array.from({ length: CLUSTER_KEY_BYTES }, (_, i) => pair(i))
  }
  if (key instanceof Uint8Array && key.length === CLUSTER_KEY_BYTES) return new Uint8Array(key)
  throw invalid('clusterKey is 64 hex digits or 32 bytes (openssl rand -hex 32)')
}
