import { yamux } from '@chainsafe/libp2p-yamux'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'
import { utf8 } from '../wire/bytes.ts'
import type { PeerId } from './transport.ts'

const MIB = 1024 * 1024

/** One process of libp2p, reduced to what a transport needs of it. */
export interface Host {
  readonly self: PeerId
  addresses(): readonly string[]
  /** Rejects with what libp2p says; see `dialFailureOf`. */
  connect(address: string, signal: AbortSignal): Promise<Connection>
  /** Calls `accept` for each stream of `protocol` that a peer opens. */
  handle(protocol: string, accept: (stream: Stream, connection: Connection) => void): Promise<void>
  /** Calls `opened` for each connection that a peer dialled, before its first stream. */
  onInbound(opened: (connection: Connection) => void): void
  stop(): Promise<void>
}

export interface HostOptions {
  /** See `generateIdentity`; undefined: a fresh one. */
  readonly privateKey: Uint8Array | undefined
  readonly listen: readonly string[]
  /** Told to others instead of what we listen on; empty: the latter. */
  readonly announce: readonly string[]
  readonly connectionsMax: number
  readonly dialTimeoutMs: number
  /** How bytes reach a peer: tcp where there are sockets. */
  readonly transports: NonNullable<Libp2pOptions['transports']>
  readonly encrypters: NonNullable<Libp2pOptions['connectionEncrypters']>
}

/** libp2p, listening. */
export async function openHost(options: HostOptions): Promise<Host> {
  const key = options.privateKey
  const libp2p = await createLibp2p({
    ...(key === undefined ? {} : { privateKey: privateKeyFromProtobuf(key) }),
    addresses: { listen: [...options.listen], announce: [...options.announce] },
    transports: options.transports,
    connectionEncrypters: options.encrypters,
    streamMuxers: [muxer()],
    connectionManager: {
      maxConnections: options.connectionsMax,
      // The defaults refuse the sixth connection a second of one machine, which a test cluster or a
      // proxy in front of clients is.
      inboundConnectionThreshold: 10_000,
      maxIncomingPendingConnections: options.connectionsMax,
      dialTimeout: options.dialTimeoutMs,
      addressDialTimeout: options.dialTimeoutMs,
      inboundUpgradeTimeout: options.dialTimeoutMs,
      reconnectRetries: 0
    },
    // It opens a stream every ten seconds to learn what our own heartbeats know.
    connectionMonitor: { enabled: false }
  })
  return hostOver(libp2p)
}

/**
 * The initial window stays at the default, which both sides must agree on. A window may grow only
 * to
 * 4 MiB: above the read buffer's bound a pause would abort the stream (measured).
 */
function muxer(): NonNullable<Libp2pOptions['streamMuxers']>[number] {
  return yamux({
    maxInboundStreams: 8,
    maxOutboundStreams: 8,
    keepAliveInterval: 15_000,
    streamOptions: {
      maxStreamWindowSize: 4 * MIB,
      maxReadBufferLength: 8 * MIB,
      maxWriteBufferLength: 32 * MIB
    }
  })
}

function hostOver(libp2p: Libp2p): Host {
  // libp2p notes every peer for hours, and each client comes under a new name. We need none of it;
  // a note that cannot be dropped (the store is closing) costs a few bytes and no more.
  libp2p.addEventListener('connection:close', ({ detail }) => {
    libp2p.peerStore.delete(detail.remotePeer).catch(() => undefined)
  })
  return {
    self: libp2p.peerId.toString(),
    addresses: () => libp2p.getMultiaddrs().map((address) => address.toString()),
    // `force`: an existing connection may be one that its other side is about to give up.
    connect: async (address, signal) =>
      await libp2p.dial(multiaddr(address), { signal, force: true }),
    handle: (protocol, accept) =>
      libp2p.handle(protocol, accept, { maxInboundStreams: 1, maxOutboundStreams: 1 }),
    onInbound: (opened) => {
      libp2p.addEventListener('connection:open', ({ detail }) => {
        if (detail.direction === 'inbound') opened(detail)
      })
    },
    stop: async () => {
      await libp2p.stop()
    }
  }
}

/**
 * What both sides of a noise handshake must agree on. A stranger without the key, or a program that
 * speaks something else, does not get past the handshake, at no cost per byte. The key must have
 * full entropy: one handshake is enough to test a guess.
 */
export async function prologueOf(clusterKey: Uint8Array | undefined): Promise<Uint8Array> {
  const tag = utf8('keymesh/1/')
  if (clusterKey === undefined) return tag
  const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(clusterKey))
  const prologue = new Uint8Array(tag.length + digest.byteLength)
  prologue.set(tag)
  prologue.set(new Uint8Array(digest), tag.length)
  return prologue
}
