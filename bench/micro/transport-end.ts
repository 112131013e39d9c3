import { openLibp2p } from '../../src/transport/libp2p.ts'
import type { Transport, TransportHandlers } from '../../src/transport/transport.ts'

interface CpuUsage {
  readonly user: number
  readonly system: number
}

/** User and system time in microseconds. */
export const cpuMicros = ({ user, system }: CpuUsage): number => user + system

/** Of an end on which nothing may go wrong. */
export function handlers(
  frame: TransportHandlers['frame'],
  up: TransportHandlers['up']
): TransportHandlers {
  return {
    hello: () => new Uint8Array(0),
    up,
    frame,
    down: (_, reason) => {
      if (reason !== 'closed by the peer') throw new Error(reason)
    },
    dialFailed: (address, failure) => {
      throw new Error(`${address}: ${failure}`)
    }
  }
}

/** With a key of zeros, so that both ends have the same. */
export async function openTransport(listen: string[]): Promise<Transport> {
  return await openLibp2p({
    privateKey: undefined,
    listen,
    announce: [],
    clusterKey: new Uint8Array(32),
    role: 'node'
  })
}
