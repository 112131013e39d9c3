import { SimulatedClient } from '../../src/simulation/client.ts'
import { addressOf } from '../../src/simulation/node.ts'
import type { Channel, Transport } from '../../src/transport/transport.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import { CLIENT_HELLO, encodeHello, type Hello } from '../../src/wire/hello.ts'
import { assert } from '../../src/world/assert.ts'
import { SmallCluster } from './small-cluster.ts'

/** One who is linked with a node and says to it whatever a test wants. */
export interface Stranger {
  readonly transport: Transport
  /** What the node answered. */
  readonly heard: { readonly frame: Uint8Array; readonly channel: Channel }[]
  isLinked: boolean
}

/** A cluster that serves, a true client of it, and strangers at its door. */
export class Siege {
  readonly cluster: SmallCluster
  readonly #client: SimulatedClient
  #strangers = 0
  #rounds = 0

  constructor(seed: string) {
    this.cluster = new SmallCluster(seed)
    this.cluster.boot()
    const { world, network } = this.cluster
    this.#client = new SimulatedClient(world, network, 'friend', [addressOf('node2')])
  }

  run(ms: number): void {
    this.cluster.run(ms)
  }

  /** Links a new stranger with node1 by `hello`; it may not let him in. */
  stranger(role: 'client' | 'node', hello: (name: string) => Uint8Array): Stranger {
    const { world, network } = this.cluster
    const name = `stranger${++this.#strangers}`
    const address = role === 'node' ? addressOf(name) : ''
    const transport = network.endpoint(world.life(name), name, role, address)
    const stranger: Stranger = { transport, heard: [], isLinked: false }
    transport.start({
      hello: () => hello(name),
      up: () => {
        stranger.isLinked = true
      },
      frame: (_, frame, channel) => {
        stranger.heard.push({ frame, channel })
      },
      down: () => {
        stranger.isLinked = false
      },
      dialFailed: () => {}
    })
    transport.dial(addressOf('node1'))
    this.run(20)
    return stranger
  }

  /** No node ended itself. */
  mustStand(): void {
    for (const { name, machine } of this.cluster.nodes) {
      assert(machine !== undefined, `${name} is gone`)
    }
  }

  /** Of each node, how many requests it works on. */
  crowd(): number[] {
    return this.cluster.nodes.map(({ machine }) => machine?.door.inside ?? 0)
  }

  /** Every partition takes a change and shows it, and no node ended itself. */
  mustServe(): void {
    this.mustStand()
    const round = ++this.#rounds
    const keys = Array.from({ length: 8 }, (_, i) => utf8(`probe ${i}`))
    let left = keys.length
    for (const key of keys) {
      const value = utf8(`${round}`)
      const operation = { type: 'put', key, value } as const
      this.#client.call({ kind: 'mutate', operation }, 30_000, (put) => {
        assert(put.ok, `a put failed: ${put.ok ? '' : put.failure.message}`)
        this.#client.call({ kind: 'get', key, consistency: 'strong' }, 30_000, (got) => {
          assert(got.ok && got.kind === 'get', 'a get failed')
          assert(
            utf8Text(got.record?.value ?? utf8('')) === `${round}`,
            'a get shows another value'
          )
          left--
        })
      })
    }
    this.cluster.waitFor(61_000, () => left === 0)
  }
}

/** How a program introduces itself that only asks. */
export const asClient = (): Uint8Array => encodeHello(CLIENT_HELLO)

/** How a node introduces itself that belongs to no cluster yet. */
export const asNode = (name: string, more: Partial<Hello> = {}): Uint8Array =>
  encodeHello({
    ...CLIENT_HELLO,
    client: false,
    nodeId: name,
    storeId: 'ab'.repeat(16),
    bootCount: 1,
    addresses: [addressOf(name)],
    ...more
  })
