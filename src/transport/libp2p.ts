import { openHost, prologueOf } from './libp2p-host.ts'
import { type LinkBounds, Links } from './libp2p-links.ts'
import { corkedTcp, quietNoise, tuned } from './libp2p-tuning.ts'
import type { PeerTraffic } from './traffic.ts'
import type { Link, Transport } from './transport.ts'

export interface Libp2pTransportOptions {
  /** See `generateIdentity`; undefined: a fresh one, for a client. */
  readonly privateKey: Uint8Array | undefined
  /** Multiaddrs; port 0 takes a free one. Empty for a client. */
  readonly listen: readonly string[]
  /** Told to others instead of what we listen on; empty: the latter. */
  readonly announce: readonly string[]
  /** Admits nodes and clients: only holders of the same key link. 32 random bytes. */
  readonly clusterKey: Uint8Array | undefined
  /** A client dials nodes and accepts nobody. */
  readonly role: Link['role']
  /** Default 1,024. */
  readonly linksMax?: number
  readonly bounds?: Partial<LinkBounds>
}

const BOUNDS: LinkBounds = {
  helloTimeoutMs: 5_000,
  dialTimeoutMs: 3_000,
  queuedBytesMax: 16 * 1024 * 1024,
  closeTimeoutMs: 500,
  stopTimeoutMs: 1_800
}

export interface Libp2pTransport extends Transport {
  /** What went over the links with each node, and with all clients. */
  traffic(): readonly PeerTraffic[]
}

/**
 * A transport over libp2p: tcp, noise (see `prologueOf` for the cluster key), yamux. It listens
 * when this resolves, and links from `start` on. Rejects when an address cannot be listened on.
 */
export async function openLibp2p(options: Libp2pTransportOptions): Promise<Libp2pTransport> {
  const bounds = { ...BOUNDS, ...options.bounds }
  const prologueBytes = await prologueOf(options.clusterKey)
  const host = await openHost({
    privateKey: options.privateKey,
    listen: options.listen,
    announce: options.announce,
    connectionsMax: options.linksMax ?? 1_024,
    dialTimeoutMs: bounds.dialTimeoutMs,
    transports: [corkedTcp({}, tuned)],
    encrypters: [quietNoise({ prologueBytes }, tuned)]
  })
  const links = new Links(host, options.role, bounds)
  if (options.role === 'node') await links.listen()
  return links
}
