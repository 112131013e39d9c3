import { createServer } from 'node:net'
import { generateIdentity, peerIdOf } from '../../src/transport/identity.ts'
import { type Libp2pTransportOptions, openLibp2p } from '../../src/transport/libp2p.ts'
import type { Transport } from '../../src/transport/transport.ts'
import type { TransportStage } from './transport-harness.ts'

const PATIENCE_MS = 15_000
const POLL_MS = 2

/** Resolves once `holds`; rejects with `what` after a time that only a hang explains. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never came: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

export interface Libp2pStage extends TransportStage {
  openWith(options: Partial<Libp2pTransportOptions>): Promise<Transport>
}

/** Transports on loopback sockets, all stopped at `close`. */
export async function libp2pStage(): Promise<Libp2pStage> {
  const open: Transport[] = []
  const identities = new Map<string, Uint8Array>()
  const deadAddress = `/ip4/127.0.0.1/tcp/${await freePort()}`
  const openWith = async (options: Partial<Libp2pTransportOptions>): Promise<Transport> => {
    const role = options.role ?? 'node'
    const transport = await openLibp2p({
      privateKey: undefined,
      listen: role === 'node' ? ['/ip4/127.0.0.1/tcp/0'] : [],
      announce: [],
      clusterKey: undefined,
      role,
      ...options
    })
    open.push(transport)
    return transport
  }
  return {
    openWith,
    open: async (role, self) => {
      const key =
        (self === undefined ? undefined : identities.get(self)) ?? (await generateIdentity())
      identities.set(peerIdOf(key), key)
      return openWith({ role, privateKey: key })
    },
    until,
    // Longer than any exchange on loopback takes.
    settle: () => new Promise((resolve) => setTimeout(resolve, 150)),
    deadAddress,
    close: async () => {
      await Promise.all(open.map((transport) => new Promise<void>((done) => transport.stop(done))))
    }
  }
}
