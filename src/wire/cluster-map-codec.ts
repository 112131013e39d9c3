import { assert } from '../world/assert.ts'
import { ByteReader, ByteWriter, Malformed, utf8 } from './bytes.ts'
import type {
  ClusterMap,
  ClusterSettings,
  ClusterView,
  Member,
  NodeRecord,
  NodeState,
  Placement
} from './cluster-map.ts'
import { asHexId } from './fields.ts'
import type { NodeId } from './ids.ts'

/** Bounds of what a reader believes; a writer never makes more. */
export const NODES_MAX = 10_000
export const GROUPS_MAX = 100_001
export const MEMBERS_MAX = 32
export const ADDRESSES_MAX = 32
export const ID_BYTES_MAX = 128
const ADDRESS_BYTES_MAX = 512
const NAME_BYTES_MAX = 256
const PARTITIONS_MAX = GROUPS_MAX - 1

const NODE_VERSION = 1
const MAP_VERSION = 1
const VIEW_VERSION = 3
const HASH = { 'xxh64-0': 1 } as const
const STATE = { joining: 1, up: 2, draining: 3, down: 4, removed: 5 } as const
const STATES = new Map<number, NodeState>(
  (Object.keys(STATE) as NodeState[]).map((state) => [STATE[state], state])
)

/**
 * Whether `node` can be written: nothing in it is empty that names it, or longer than its bound.
 */
export function isNodeRecord({ id, storeId, addresses, http, zone }: NodeRecord): boolean {
  const within = (text: string, max: number, min = 0): boolean => {
    const { length } = utf8(text)
    return length >= min && length <= max
  }
  return (
    within(id, ID_BYTES_MAX, 1) &&
    within(storeId, ID_BYTES_MAX, 1) &&
    addresses.length <= ADDRESSES_MAX &&
    addresses.every((address) => within(address, ADDRESS_BYTES_MAX, 1)) &&
    within(http, ADDRESS_BYTES_MAX) &&
    within(zone, NAME_BYTES_MAX)
  )
}

/**
 * Layout: version u8 · id, storeId · state u8 · http, zone · count, addresses (texts with length).
 */
export function encodeNodeRecord(node: NodeRecord): Uint8Array {
  const writer = new ByteWriter(256)
  writeNode(writer, node)
  return writer.finish()
}

/** Throws Malformed. */
export function decodeNodeRecord(bytes: Uint8Array): NodeRecord {
  const reader = new ByteReader(bytes)
  const node = readNode(reader)
  reader.end()
  return node
}

/**
 * Layout: version u8 · clusterId · epoch, clusterVersion · settings (partitions, replicas, hash u8)
 * · nextReplica · count, nodes · count, further names · count, placements. A placement is group,
 * count and its members: replica · place of the node in (nodes, further names) times two, plus one
 * if it votes. Naming nodes by place keeps 4,096 partitions of three at 40 KiB.
 */
export function encodeClusterMap(map: ClusterMap): Uint8Array {
  const writer = new ByteWriter(1024)
  writeMap(writer, map)
  return writer.finish()
}

/** Throws Malformed. */
export function decodeClusterMap(bytes: Uint8Array): ClusterMap {
  const reader = new ByteReader(bytes)
  const { map } = readMap(reader)
  reader.end()
  return map
}

/**
 * Layout: version u8 · the map · count, leaders: 0 for none, or the place of the node plus one ·
 * then three times count, places of nodes: not reachable, disk low, disk full.
 */
export function encodeClusterView(view: ClusterView): Uint8Array {
  const writer = new ByteWriter(1024)
  writer.u8(VIEW_VERSION)
  const places = writeMap(writer, view.map)
  assert(view.leaders.length <= GROUPS_MAX, 'too many leaders')
  writer.varint(view.leaders.length)
  for (const leader of view.leaders) {
    // A leader the map does not name cannot be reached through it: as good as none.
    const place = leader === '' ? undefined : places.get(leader)
    writer.varint(place === undefined ? 0 : place + 1)
  }
  for (const nodes of [view.unreachable, view.low, view.full]) {
    const known = nodes.flatMap((node) => places.get(node) ?? [])
    assert(known.length <= NODES_MAX, 'too many nodes of one kind')
    writer.varint(known.length)
    for (const place of known) writer.varint(place)
  }
  return writer.finish()
}

/** Throws Malformed. */
export function decodeClusterView(bytes: Uint8Array): ClusterView {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== VIEW_VERSION) throw new Malformed('unknown view version')
  const { map, names } = readMap(reader)
  const count = readCount(reader, GROUPS_MAX)
  const leaders: NodeId[] = []
  for (let i = 0; i < count; i++) {
    const place = reader.varint()
    leaders.push(place === 0 ? '' : nameAt(names, place - 1))
  }
  const nodes = (): NodeId[] => {
    const found: NodeId[] = []
    const count = readCount(reader, NODES_MAX)
    for (let i = 0; i < count; i++) found.push(nameAt(names, reader.varint()))
    return found
  }
  const view = { map, leaders, unreachable: nodes(), low: nodes(), full: nodes() }
  reader.end()
  return view
}

function writeNode(writer: ByteWriter, node: NodeRecord): void {
  assert(node.addresses.length <= ADDRESSES_MAX, 'too many addresses')
  writer.u8(NODE_VERSION)
  writeText(writer, node.id, ID_BYTES_MAX)
  writeText(writer, node.storeId, ID_BYTES_MAX)
  writer.u8(STATE[node.state])
  writeText(writer, node.http, ADDRESS_BYTES_MAX)
  writeText(writer, node.zone, NAME_BYTES_MAX)
  writer.varint(node.addresses.length)
  for (const address of node.addresses) writeText(writer, address, ADDRESS_BYTES_MAX)
}

function readNode(reader: ByteReader): NodeRecord {
  if (reader.u8() !== NODE_VERSION) throw new Malformed('unknown node record version')
  const id = readName(reader)
  const storeId = readName(reader)
  const state = STATES.get(reader.u8())
  if (state === undefined) throw new Malformed('unknown node state')
  const http = reader.text(ADDRESS_BYTES_MAX)
  const zone = reader.text(NAME_BYTES_MAX)
  const count = readCount(reader, ADDRESSES_MAX)
  const addresses: string[] = []
  for (let i = 0; i < count; i++) addresses.push(reader.text(ADDRESS_BYTES_MAX))
  return { id, storeId, addresses, http, zone, state }
}

/** Returns the place of each node that the map names. */
function writeMap(writer: ByteWriter, map: ClusterMap): ReadonlyMap<NodeId, number> {
  const { nodes, placements, settings } = map
  assert(nodes.length <= NODES_MAX && placements.length <= GROUPS_MAX, 'cluster map too large')
  writer.u8(MAP_VERSION).text(map.clusterId).varint(map.epoch).varint(map.clusterVersion)
  writer.varint(settings.partitions).varint(settings.replicas).u8(HASH[settings.hash])
  writer.varint(map.nextReplica).varint(nodes.length)
  const places = new Map<NodeId, number>()
  for (const node of nodes) {
    places.set(node.id, places.size)
    writeNode(writer, node)
  }
  assert(places.size === nodes.length, 'a node twice in the cluster map')
  const further = furtherNames(places, placements)
  writer.varint(further.length)
  for (const name of further) writer.text(name)
  writer.varint(placements.length)
  for (const { group, members } of placements) {
    assert(members.length <= MEMBERS_MAX, 'too many members')
    writer.varint(group).varint(members.length)
    for (const { replica, node, voter } of members) {
      writer.varint(replica).varint((places.get(node) ?? 0) * 2 + (voter ? 1 : 0))
    }
  }
  return places
}

/** Members that are no (longer) nodes; adds them to `places`. */
function furtherNames(
  places: Map<NodeId, number>,
  placements: readonly Placement[]
): readonly NodeId[] {
  const further: NodeId[] = []
  for (const { members } of placements) {
    for (const { node } of members) {
      if (places.has(node)) continue
      places.set(node, places.size)
      further.push(node)
    }
  }
  return further
}

function readMap(reader: ByteReader): { map: ClusterMap; names: readonly NodeId[] } {
  if (reader.u8() !== MAP_VERSION) throw new Malformed('unknown cluster map version')
  const clusterId = asHexId(readName(reader))
  const epoch = reader.varint()
  const clusterVersion = reader.varint()
  const settings = readSettings(reader)
  const nextReplica = reader.varint()
  const nodes = readNodes(reader)
  const names = nodes.map((node) => node.id)
  const further = readCount(reader, NODES_MAX)
  for (let i = 0; i < further; i++) names.push(readName(reader))
  const groups = readCount(reader, GROUPS_MAX)
  const placements: Placement[] = []
  let previous = -1
  for (let i = 0; i < groups; i++) {
    const placement = readPlacement(reader, names)
    if (placement.group <= previous) throw new Malformed('groups out of order')
    previous = placement.group
    placements.push(placement)
  }
  return {
    map: { clusterId, epoch, clusterVersion, settings, nodes, placements, nextReplica },
    names
  }
}

function readSettings(reader: ByteReader): ClusterSettings {
  const partitions = reader.varint()
  const replicas = reader.varint()
  if (partitions < 1 || partitions > PARTITIONS_MAX || (partitions & (partitions - 1)) !== 0) {
    throw new Malformed('partitions must be a power of two')
  }
  if (replicas < 1 || replicas > MEMBERS_MAX) throw new Malformed('impossible number of replicas')
  if (reader.u8() !== HASH['xxh64-0']) throw new Malformed('unknown key hash')
  return { partitions, replicas, hash: 'xxh64-0' }
}

function readNodes(reader: ByteReader): readonly NodeRecord[] {
  const count = readCount(reader, NODES_MAX)
  const nodes: NodeRecord[] = []
  let previous = ''
  for (let i = 0; i < count; i++) {
    const node = readNode(reader)
    if (node.id <= previous) throw new Malformed('nodes out of order')
    previous = node.id
    nodes.push(node)
  }
  return nodes
}

function readPlacement(reader: ByteReader, names: readonly NodeId[]): Placement {
  const group = reader.varint()
  if (group >= GROUPS_MAX) throw new Malformed('group number too large')
  const count = readCount(reader, MEMBERS_MAX)
  const members: Member[] = []
  for (let i = 0; i < count; i++) {
    const replica = reader.varint()
    const place = reader.varint()
    if (replica === 0) throw new Malformed('replica 0 in a placement')
    members.push({ replica, node: nameAt(names, Math.floor(place / 2)), voter: place % 2 === 1 })
  }
  if (new Set(members.map((member) => member.replica)).size !== members.length) {
    throw new Malformed('a replica twice in a placement')
  }
  // They begin as the configuration of the group.
  if (!members.some((member) => member.voter)) throw new Malformed('a placement with no voter')
  return { group, members }
}

/** What no reader would take must not be written: it could never be read again. */
function writeText(writer: ByteWriter, text: string, bytesMax: number): void {
  const bytes = utf8(text)
  assert(bytes.length <= bytesMax, `${bytes.length} bytes where ${bytesMax} may stand`)
  writer.bytes(bytes)
}

function readCount(reader: ByteReader, max: number): number {
  const count = reader.varint()
  if (count > max) throw new Malformed(`${count} where at most ${max} may stand`)
  return count
}

function readName(reader: ByteReader): string {
  const name = reader.text(ID_BYTES_MAX)
  if (name === '') throw new Malformed('empty name')
  return name
}

function nameAt(names: readonly NodeId[], place: number): NodeId {
  const name = names[place]
  if (name === undefined) throw new Malformed('no node at that place')
  return name
}
