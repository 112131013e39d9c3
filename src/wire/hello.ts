import { assert } from '../world/assert.ts'
import { ByteReader, ByteWriter, Malformed } from './bytes.ts'
import type { ClusterId, NodeId, StoreId } from './ids.ts'

/** The dialect of frames after the hello. Peers talk if their versions differ by at most one. */
export const PROTOCOL_VERSION = 1

/** How either end of a new link introduces itself. A client leaves most fields empty. */
export interface Hello {
  readonly version: number
  /** A program that only asks; it holds nothing and belongs to no cluster. */
  readonly client: boolean
  /** Empty: belongs to no cluster yet. */
  readonly clusterId: ClusterId
  readonly nodeId: NodeId
  readonly storeId: StoreId
  /** How often this data directory was started; with `bootNonce` it names one life of the node. */
  readonly bootCount: number
  /** Drawn at each start: two lives from copies of one disk differ in it. */
  readonly bootNonce: number
  /** Sequence of the last durable log record. Seen to go back, the disk is an old image. */
  readonly durableSequence: number
  /** Of the cluster map it holds; 0: none. */
  readonly epoch: number
  /** It was told to form a cluster, and has not. */
  readonly bootstrap: boolean
  /** With `bootstrap`: how many nodes it waits for. */
  readonly expect: number
  /** What NodeRecord says of it: libp2p multiaddrs without the /p2p suffix. */
  readonly addresses: readonly string[]
  readonly http: string
  readonly zone: string
}

export const HELLO_BYTES_MAX = 64 * 1024
const ADDRESSES_MAX = 32
const TEXT_BYTES_MAX = 1_024
const CLIENT = 1
const BOOTSTRAP = 2

export const CLIENT_HELLO: Hello = {
  version: PROTOCOL_VERSION,
  client: true,
  clusterId: '',
  nodeId: '',
  storeId: '',
  bootCount: 0,
  bootNonce: 0,
  durableSequence: 0,
  epoch: 0,
  bootstrap: false,
  expect: 0,
  addresses: [],
  http: '',
  zone: ''
}

/**
 * Layout: version varint · flags u8 · clusterId, nodeId, storeId texts · bootCount, bootNonce,
 * durableSequence, epoch, expect varints · count u8 · addresses · http, zone texts · …
 */
export function encodeHello(hello: Hello): Uint8Array {
  assert(hello.addresses.length <= ADDRESSES_MAX, `${hello.addresses.length} addresses in a hello`)
  const writer = new ByteWriter()
  writer.varint(hello.version)
  writer.u8((hello.client ? CLIENT : 0) | (hello.bootstrap ? BOOTSTRAP : 0))
  writer.text(hello.clusterId).text(hello.nodeId).text(hello.storeId)
  writer.varint(hello.bootCount).varint(hello.bootNonce).varint(hello.durableSequence)
  writer.varint(hello.epoch).varint(hello.expect)
  writer.u8(hello.addresses.length)
  for (const address of hello.addresses) writer.text(address)
  writer.text(hello.http).text(hello.zone)
  return writer.finish()
}

/**
 * Throws Malformed. What a later version adds stands at the end and is passed over; whether its
 * dialect is understood is for the caller to judge (`speaks`).
 */
export function decodeHello(bytes: Uint8Array): Hello {
  if (bytes.length > HELLO_BYTES_MAX) throw new Malformed('hello too large')
  const reader = new ByteReader(bytes)
  const version = reader.varint()
  if (version === 0) throw new Malformed('hello of version 0')
  const flags = reader.u8()
  const clusterId = hexId(reader, 'cluster id')
  const nodeId = reader.text(TEXT_BYTES_MAX)
  const storeId = hexId(reader, 'store id')
  const bootCount = reader.varint()
  const bootNonce = reader.varint()
  const durableSequence = reader.varint()
  const epoch = reader.varint()
  const expect = reader.varint()
  const addresses = readAddresses(reader)
  const http = reader.text(TEXT_BYTES_MAX)
  const zone = reader.text(TEXT_BYTES_MAX)
  if (version === PROTOCOL_VERSION) reader.end()
  const client = (flags & CLIENT) !== 0
  if (client !== (nodeId === '')) throw new Malformed('a node has an id, a client has none')
  const bootstrap = (flags & BOOTSTRAP) !== 0
  const life = { bootCount, bootNonce, durableSequence, epoch }
  const place = { addresses, http, zone }
  return { version, client, clusterId, nodeId, storeId, ...life, bootstrap, expect, ...place }
}

/** Whether we and a peer of `version` understand each other: N talks with N - 1 and N + 1. */
export const speaks = (version: number): boolean => Math.abs(version - PROTOCOL_VERSION) <= 1

function readAddresses(reader: ByteReader): string[] {
  const count = reader.u8()
  if (count > ADDRESSES_MAX) throw new Malformed(`${count} addresses in a hello`)
  return Array.from({ length: count }, () => reader.text(TEXT_BYTES_MAX))
}

function hexId(reader: ByteReader, what: string): string {
  const text = reader.text(TEXT_BYTES_MAX)
  if (text !== '' && !/^[0-9a-f]{32}$/.test(text)) throw new Malformed(`not a ${what}`)
  return text
}
