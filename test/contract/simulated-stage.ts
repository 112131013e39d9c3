import { SimulatedNetwork } from '../../src/simulation/network.ts'
import { type Life, World } from '../../src/simulation/world.ts'
import type { PeerId, Transport } from '../../src/transport/transport.ts'
import type { TransportStage } from './transport-harness.ts'

const PATIENCE_MS = 60_000

export interface SimulatedStage extends TransportStage {
  readonly world: World
  readonly network: SimulatedNetwork
  lifeOf(peer: PeerId): Life
}

/** Transports on a simulated network, in the virtual time of `seed`. */
export function simulatedStage(seed: string): SimulatedStage {
  const world = new World(seed)
  const network = new SimulatedNetwork(world)
  const lives = new Map<PeerId, Life>()
  let opened = 0
  const open = (role: 'node' | 'client', self?: PeerId): Promise<Transport> => {
    const number = ++opened
    const peer = self ?? `peer${number}`
    const life = world.life(`${peer} life ${number}`)
    lives.set(peer, life)
    const host = Number.parseInt(peer.slice('peer'.length), 10)
    const address = role === 'node' ? `/ip4/10.0.0.${host}/tcp/7101` : ''
    return Promise.resolve(network.endpoint(life, peer, role, address))
  }
  return {
    world,
    network,
    open,
    lifeOf: (peer) => {
      const life = lives.get(peer)
      if (life === undefined) throw new Error(`nobody is called ${peer}`)
      return life
    },
    until: (holds, what) =>
      world.runWhile(world.now + PATIENCE_MS, holds)
        ? Promise.resolve()
        : Promise.reject(new Error(`never came: ${what}`)),
    settle: () => Promise.resolve(world.runUntil(world.now + 10_000)),
    deadAddress: '/ip4/10.0.0.99/tcp/7101',
    close: () => Promise.resolve(world.runUntil(world.now + 10_000))
  }
}
