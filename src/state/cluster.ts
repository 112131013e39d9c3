import { Malformed } from '../wire/bytes.ts'
import type { ClusterMap, NodeRecord } from '../wire/cluster-map.ts'
import {
  decodeClusterMap,
  decodeNodeRecord,
  encodeClusterMap,
  NODES_MAX
} from '../wire/cluster-map-codec.ts'
import type { Result } from '../wire/result.ts'
import { assert } from '../world/assert.ts'
import { hashItem, type ItemHash, type Multiset } from './hash.ts'
import { CLUSTER_MAP_KEY } from './layout.ts'
import type { Table } from './table.ts'

const MAP_BYTES_MAX = 4 * 1024 * 1024
const DONE: Result = { type: 'done' }

/** The cluster map as the system group keeps it. */
export class Cluster {
  readonly #table: Table
  readonly #hash: Multiset
  #map: ClusterMap | undefined
  /** What of the map stands in the sum. */
  #counted: ItemHash | undefined

  /** Requires: what the table holds is in `hash` already. */
  constructor(table: Table, hash: Multiset) {
    this.#table = table
    this.#hash = hash
    const stored = table.get(CLUSTER_MAP_KEY)
    if (stored === undefined) return
    this.#map = decodeClusterMap(stored)
    this.#counted = hashItem(CLUSTER_MAP_KEY, stored, 0)
  }

  /** The same object until it changes. */
  get map(): ClusterMap | undefined {
    return this.#map
  }

  put(map: ClusterMap): void {
    const bytes = encodeClusterMap(map)
    if (this.#counted !== undefined) this.#hash.remove(this.#counted)
    this.#counted = hashItem(CLUSTER_MAP_KEY, bytes, 0)
    this.#hash.add(this.#counted)
    this.#table.set(CLUSTER_MAP_KEY, bytes)
    this.#map = map
  }

  /** Admits a node, or takes its new addresses, HTTP endpoint and zone. */
  register(body: Uint8Array): Result {
    const map = this.#map
    assert(map !== undefined, 'the system group has no cluster map')
    const node = readNode(body)
    if (node === undefined) return refused('bad_node_record: it cannot be read')
    const known = map.nodes.find((other) => other.id === node.id)
    if (known !== undefined && known.storeId !== node.storeId) {
      return refused(`store_mismatch: node ${node.id} is registered with store ${known.storeId}`)
    }
    if (known?.state === 'removed') {
      return refused(`node_removed: node ${node.id} was removed and must join as a new one`)
    }
    const twin = map.nodes.find((other) => other.storeId === node.storeId && other.id !== node.id)
    if (twin !== undefined) {
      return refused(`store_duplicate: node ${twin.id} is registered with store ${node.storeId}`)
    }
    if (known === undefined) return this.#admit(map, node)
    const updated = { ...node, state: stateOf(known, node) }
    if (!isSame(known, updated)) {
      const nodes = map.nodes.map((other) => (other === known ? updated : other))
      return this.#change(map, nodes)
    }
    return DONE
  }

  #admit(map: ClusterMap, node: NodeRecord): Result {
    if (map.nodes.length >= NODES_MAX) return refused('too_many_nodes: the cluster is full')
    if (node.state !== 'joining' && node.state !== 'up') {
      return refused(`bad_node_record: no node joins as ${node.state}`)
    }
    const nodes = [...map.nodes, node].sort((a, b) => (a.id < b.id ? -1 : 1))
    return this.#change(map, nodes)
  }

  /** The map travels whole in one frame, with the leaders: it must never outgrow that. */
  #change(map: ClusterMap, nodes: readonly NodeRecord[]): Result {
    const changed = { ...map, nodes, epoch: map.epoch + 1 }
    if (encodeClusterMap(changed).length > MAP_BYTES_MAX) {
      return refused('too_many_nodes: the cluster map would be too large')
    }
    this.put(changed)
    return DONE
  }
}

/** Undefined: not a record, or of a version that no member may write yet. */
function readNode(body: Uint8Array): NodeRecord | undefined {
  try {
    return decodeNodeRecord(body)
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

/** A node tells where it is, not what was decided about it: draining stays draining. */
function stateOf(known: NodeRecord, told: NodeRecord): NodeRecord['state'] {
  const maySay = known.state === 'joining' || known.state === 'down'
  return maySay && (told.state === 'up' || told.state === 'joining') ? told.state : known.state
}

function isSame(a: NodeRecord, b: NodeRecord): boolean {
  return (
    a.http === b.http &&
    a.zone === b.zone &&
    a.state === b.state &&
    a.addresses.length === b.addresses.length &&
    a.addresses.every((address, i) => address === b.addresses[i])
  )
}

const refused = (reason: string): Result => ({ type: 'refused', reason })
