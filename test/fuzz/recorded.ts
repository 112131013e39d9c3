import { decodeGroupMessages } from '../../src/raft/codec.ts'
import { SimulatedClient } from '../../src/simulation/client.ts'
import { addressOf } from '../../src/simulation/node.ts'
import type { Channel } from '../../src/transport/transport.ts'
import { concatBytes, utf8 } from '../../src/wire/bytes.ts'
import { operationTypeOf } from '../../src/wire/command.ts'
import type { DataOperation } from '../../src/wire/data-operation.ts'
import { asBytes } from '../../src/wire/fields.ts'
import { decodeFrame, FRAME } from '../../src/wire/frame.ts'
import { FRAME_HEAD_BYTES_MAX } from '../../src/wire/limits.ts'
import { decodeRequest } from '../../src/wire/request-codec.ts'
import { SmallCluster } from './small-cluster.ts'

/** One frame of true traffic. */
export interface Recorded {
  readonly bytes: Uint8Array
  readonly channel: Channel
}

/** By who says it: clients to nodes, nodes to other nodes, nodes to clients. */
export interface Recording {
  readonly client: readonly Recorded[]
  readonly peer: readonly Recorded[]
  readonly answers: readonly Recorded[]
}

/** About what the simulated clocks show. */
const WALL_MS = 1_700_000_060_000
/** Of one sort; more of the same teach nothing. */
const ALIKE_MAX = 5

/** Frames by sort, of each a few of different lengths. */
class Shelf {
  readonly #bySort = new Map<string, Map<number, Recorded>>()

  put(bytes: Uint8Array, channel: Channel): void {
    const sort = sortOf(bytes)
    const alike = this.#bySort.get(sort) ?? new Map<number, Recorded>()
    this.#bySort.set(sort, alike)
    if (alike.size < ALIKE_MAX && !alike.has(bytes.length)) {
      alike.set(bytes.length, { bytes, channel })
    }
  }

  all(): readonly Recorded[] {
    return [...this.#bySort.values()].flatMap((alike) => [...alike.values()])
  }
}

/** Its kind, and what tells requests and messages of Raft apart. */
function sortOf(bytes: Uint8Array): string {
  const { kind, head, body } = decodeFrame(bytes)
  if (kind === FRAME.request) {
    const { kind: asked, consistency } = decodeRequest(head, body)
    return `request ${asked} ${consistency} ${asked === 'mutate' ? operationTypeOf(body) : ''}`
  }
  if (kind !== FRAME.raft) return String(kind)
  const batch = decodeGroupMessages(asBytes(head[1], FRAME_HEAD_BYTES_MAX), body)
  return `raft ${[...new Set(batch.map(({ message }) => message.type))].sort()}`
}

/**
 * What is said while a cluster forms, is written to and read, loses a node and brings it back by a
 * snapshot: frames of every kind, made by the encoders of today.
 */
export function record(seed: string): Recording {
  const shelves = { client: new Shelf(), peer: new Shelf(), answers: new Shelf() }
  const cluster = new SmallCluster(seed)
  const { world, network } = cluster
  const endpoint = network.endpoint.bind(network)
  network.endpoint = (life, peer, role, address) => {
    const transport = endpoint(life, peer, role, address)
    const send = transport.send.bind(transport)
    transport.send = (to, parts, channel = 'main') => {
      const isAnswer = role === 'node' && to.startsWith('client')
      const shelf = isAnswer ? shelves.answers : role === 'node' ? shelves.peer : shelves.client
      shelf.put(concatBytes([...parts, new Uint8Array(0)]), channel)
      return send(to, parts, channel)
    }
    return transport
  }
  cluster.boot()
  const client = new SimulatedClient(world, network, 'client1', [addressOf('node1')])
  const [, , third] = cluster.nodes
  work(cluster, client, 10)
  third?.kill(false)
  work(cluster, client, 40)
  third?.boot()
  cluster.settle()
  work(cluster, client, 10)
  // Comparing of states comes every ten seconds.
  cluster.run(11_000)
  return {
    client: shelves.client.all(),
    peer: shelves.peer.all(),
    answers: shelves.answers.all()
  }
}

/** `count` changes of every type, and reads of every consistency. */
function work(cluster: SmallCluster, client: SimulatedClient, count: number): void {
  let left = 0
  const done = (): void => {
    left--
  }
  for (let i = 0; i < count; i++) {
    const key = utf8(`key ${i % 17}`)
    const changes: DataOperation[] = [
      { type: 'put', key, value: utf8('value'.repeat(i % 9)), ttlMs: 60_000 },
      { type: 'put', key, value: utf8('other'), ifRevision: 3 },
      { type: 'increment', key: utf8('counter'), by: i - 3 },
      { type: 'touch', key },
      { type: 'delete', key: utf8(`key ${i % 5}`) }
    ]
    for (const operation of changes) {
      left++
      client.call({ kind: 'mutate', operation }, 20_000, done)
    }
    const once = { key: utf8(`once ${i}`), digest: new Uint8Array(32), notAfter: WALL_MS }
    left++
    client.call({ kind: 'mutate', operation: { type: 'claim', once } }, 20_000, done)
    for (const consistency of ['strong', 'session', 'eventual'] as const) {
      left++
      client.call({ kind: 'get', key, consistency }, 20_000, done)
    }
    cluster.run(20)
  }
  // Given up: its end is told to the node.
  client.call({ kind: 'get', key: utf8('a'), consistency: 'strong' }, 20_000, () => {})()
  cluster.waitFor(30_000, () => left === 0)
}
