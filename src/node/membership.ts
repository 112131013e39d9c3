import type { Link, PeerId } from '../transport/transport.ts'
import { Malformed } from '../wire/bytes.ts'
import type { ClusterMap, NodeRecord } from '../wire/cluster-map.ts'
import { isNodeRecord } from '../wire/cluster-map-codec.ts'
import { decodeHello, type Hello, PROTOCOL_VERSION } from '../wire/hello.ts'
import type { StoreId } from '../wire/ids.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Identity } from './identity.ts'
import type { Lives } from './lives.ts'

/** What a node was told at its start about forming a cluster. */
export interface FormingOptions {
  readonly bootstrap: boolean
  readonly expect: number
  readonly partitions: number
  readonly replicas: number
}

/** What this node is to others; part of its hello and of its record in the map. */
export interface Self {
  readonly addresses: readonly string[]
  readonly http: string
  readonly zone: string
}

/** The link must be closed with this reason, told to the life of the peer that the nonce names. */
export interface Refusal {
  readonly type: 'refuse'
  readonly reason: string
  readonly bootNonce: number
}

export type Verdict =
  | { readonly type: 'welcome'; readonly hello: Hello }
  | Refusal
  /** We must end: two nodes were told to form a cluster. */
  | { readonly type: 'two-bootstrappers' }

/**
 * Who may talk to us (design §4): the same cluster only; a disk that is the registered one, has not
 * been copied and has not gone back in time; and at most one bootstrapper among those that belong
 * to no cluster yet. Decides; the node machine acts.
 */
export class Membership {
  readonly #forming: FormingOptions
  #identity: Identity
  #map: ClusterMap | undefined
  readonly #lives: Lives
  readonly #hellos = new Map<PeerId, Hello>()

  constructor(
    identity: Identity,
    shell: {
      readonly map: ClusterMap | undefined
      readonly forming: FormingOptions
      readonly lives: Lives
    }
  ) {
    this.#identity = identity
    // A map without membership is what a crash left of joining: it is learnt anew.
    this.#map = identity.clusterId === '' ? undefined : shell.map
    if (this.#map !== shell.map) sometimes('node: joined only halfway in its last life')
    this.#forming = shell.forming
    this.#lives = shell.lives
  }

  get map(): ClusterMap | undefined {
    return this.#map
  }

  get identity(): Identity {
    return this.#identity
  }

  get isMember(): boolean {
    return this.#identity.clusterId !== ''
  }

  get wantsToForm(): boolean {
    return this.#forming.bootstrap && !this.isMember
  }

  get expects(): number {
    return this.wantsToForm ? this.#forming.expect : 0
  }

  /** Our own entry in the map. */
  get record(): NodeRecord | undefined {
    return this.#map?.nodes.find((node) => node.id === this.#identity.nodeId)
  }

  hello(peer: PeerId): Hello | undefined {
    return this.#hellos.get(peer)
  }

  changeIdentity(identity: Identity): void {
    this.#identity = identity
  }

  changeMap(map: ClusterMap): void {
    this.#map = map
  }

  judge(link: Link): Verdict {
    const hello = readHello(link.hello)
    if (hello === undefined) return refuse('malformed hello')
    if (Math.abs(hello.version - PROTOCOL_VERSION) > 1) return refuse('protocol version')
    if (hello.client !== (link.role === 'client')) return refuse('role')
    if (hello.client) return this.#judgeClient(hello)
    if (hello.nodeId !== link.peer) return refuse('node id is not the peer id')
    if (!isNodeRecord(recordOf(hello))) return refuse('its addresses or names are out of bounds')
    const reason = this.isMember ? this.#judgeNode(hello) : undefined
    if (reason !== undefined) return refuse(reason, hello)
    if (!this.isMember && this.#forming.bootstrap && hello.clusterId === '' && hello.bootstrap) {
      return { type: 'two-bootstrappers' }
    }
    this.#hellos.set(link.peer, hello)
    this.#lives.saw(hello)
    return { type: 'welcome', hello }
  }

  gone(peer: PeerId): void {
    const storeId = this.#hellos.get(peer)?.storeId
    this.#hellos.delete(peer)
    if (storeId !== undefined && !this.isRegistered(storeId)) this.#lives.forget(storeId)
  }

  /** Whether the map names a node with this disk. */
  isRegistered(storeId: StoreId): boolean {
    return this.#map?.nodes.some((node) => node.storeId === storeId) === true
  }

  /** A status from `peer`: what its disk must never fall behind again. */
  durable(peer: PeerId, sequence: number): void {
    const hello = this.#hellos.get(peer)
    if (hello !== undefined) this.#lives.advanced(hello.storeId, sequence)
  }

  /**
   * The nodes to form a cluster of, this one first by id, once enough are linked that say they
   * belong to none; undefined while there are too few, or a cluster exists already.
   */
  readyToForm(self: Self, seedsReached: boolean): NodeRecord[] | undefined {
    if (this.#map !== undefined || !this.wantsToForm) return undefined
    const hellos = [...this.#hellos.values()].filter((hello) => !hello.client)
    if (hellos.some((hello) => hello.clusterId !== '')) return undefined
    if (hellos.length + 1 < this.#forming.expect) return undefined
    if (this.#forming.expect === 1 && !seedsReached) return undefined
    hellos.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
    const chosen = hellos.slice(0, this.#forming.expect - 1).map(recordOf)
    const { nodeId, storeId } = this.#identity
    const own: NodeRecord = { id: nodeId, storeId, ...self, state: 'up' }
    return [...chosen, own].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** What keeps this node from adopting `map` as its own, or undefined. */
  objection(map: ClusterMap): string | undefined {
    const { clusterId, nodeId, storeId } = this.#identity
    if (clusterId !== '' && map.clusterId !== clusterId) return 'a map of another cluster'
    const record = map.nodes.find((node) => node.id === nodeId)
    if (record !== undefined && record.storeId !== storeId) {
      return 'the cluster knows this node id with another disk: start it with an empty --data'
    }
    return undefined
  }

  #judgeClient(hello: Hello): Verdict {
    const { clusterId } = this.#identity
    if (hello.clusterId !== '' && hello.clusterId !== clusterId) return refuse('wrong_cluster')
    return { type: 'welcome', hello }
  }

  #judgeNode(hello: Hello): string | undefined {
    if (hello.clusterId !== '' && hello.clusterId !== this.#identity.clusterId) {
      return 'wrong_cluster'
    }
    const record = this.#map?.nodes.find((node) => node.id === hello.nodeId)
    if (record !== undefined && record.storeId !== hello.storeId) {
      sometimes('node: refuses a known node with another disk')
      return 'store_mismatch'
    }
    if (record === undefined && hello.clusterId !== '') {
      if (hello.epoch <= (this.#map?.epoch ?? 0)) return 'unknown_node'
    }
    // A disk put back from a copy would vote twice and forget what it promised.
    if (!this.#lives.isStale(hello)) return undefined
    sometimes('node: refuses a disk that went back')
    return 'stale_disk'
  }
}

function refuse(reason: string, hello?: Hello): Verdict {
  return { type: 'refuse', reason, bootNonce: hello?.bootNonce ?? 0 }
}

function readHello(bytes: Uint8Array): Hello | undefined {
  try {
    return decodeHello(bytes)
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

function recordOf(hello: Hello): NodeRecord {
  const { nodeId, storeId, addresses, http, zone } = hello
  return { id: nodeId, storeId, addresses, http, zone, state: 'up' }
}
