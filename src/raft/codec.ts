import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import type { Member } from '../wire/cluster-map.ts'
import type { GroupId } from '../wire/ids.ts'
import { LOG_NUMBER_MAX } from '../wire/limits.ts'
import { unreachable } from '../world/assert.ts'
import type {
  Configuration,
  Entry,
  EntryKind,
  Index,
  Message,
  SnapshotMark,
  Term
} from './types.ts'

// Integers are varints, texts and byte strings carry their length.
//
//   configuration   version:u8=1  count  { replica  node:text  voter:u8 }*
//   mark            index  term  configuration
//   head            count  { group  type:u8  from  to  term  fields }*
//   append          previousIndex  previousTerm  commit  count  { kind:u8  termStep  length }*
//
// An entry's index follows from its place; `termStep` is its term less that of the entry before it.
// The body of a batch is the entries' data, one after the other in the order of the head.

const CONFIGURATION_VERSION = 1
const MEMBERS_MAX = 64
const NODE_ID_BYTES_MAX = 128
/** An entry weighs more than its data: what keeps a batch of tiny entries within a frame's head. */
const ENTRY_HEAD_BYTES_MAX = 14
const FIELDS_BYTES_MAX = 64

const KINDS: readonly EntryKind[] = ['command', 'configuration', 'empty']
const TYPES: readonly Message['type'][] = [
  'append',
  'append-reply',
  'heartbeat',
  'heartbeat-reply',
  'vote',
  'pre-vote',
  'vote-reply',
  'pre-vote-reply',
  'timeout-now'
]

type Append = Extract<Message, { type: 'append' }>

/** A message and the group whose replicas exchange it. */
export interface GroupMessage {
  readonly group: GroupId
  readonly message: Message
}

/** An encoded batch: `bodies` are the entries' own bytes, not copies, to be sent in this order. */
export interface EncodedMessages {
  readonly head: Uint8Array
  readonly bodies: readonly Uint8Array[]
}

/** The data of a configuration entry; also a part of every mark. Version byte first. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const writer = new ByteWriter()
  writeConfiguration(writer, configuration)
  return writer.finish()
}

/**
 * Throws Malformed unless `bytes` is exactly one configuration, with a voter and no replica
 * twice.
 */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const reader = new ByteReader(bytes)
  const configuration = readConfiguration(reader)
  reader.end()
  return configuration
}

export function encodeMark(mark: SnapshotMark): Uint8Array {
  const writer = new ByteWriter().varint(mark.index).varint(mark.term)
  writeConfiguration(writer, mark.configuration)
  return writer.finish()
}

/** Throws Malformed unless `bytes` is exactly one mark. */
export function decodeMark(bytes: Uint8Array): SnapshotMark {
  const reader = new ByteReader(bytes)
  const index = readNumber(reader)
  const term = readNumber(reader)
  const configuration = readConfiguration(reader)
  reader.end()
  return { index, term, configuration }
}

/** Encodes what one node tells another in one frame. The entries' data is not copied. */
export function encodeGroupMessages(batch: readonly GroupMessage[]): EncodedMessages {
  const writer = new ByteWriter(16 + 32 * batch.length)
  const bodies: Uint8Array[] = []
  writer.varint(batch.length)
  for (const { group, message } of batch) {
    writer.varint(group).u8(TYPES.indexOf(message.type))
    writer.varint(message.from).varint(message.to).varint(message.term)
    writeFields(writer, message, bodies)
  }
  return { head: writer.finish(), bodies }
}

/**
 * The batch that `encodeGroupMessages` made. Entry data are views into `body`. Throws Malformed at
 * anything else, also at entries that no leader could have sent and at unreadable configurations.
 */
export function decodeGroupMessages(head: Uint8Array, body: Uint8Array): GroupMessage[] {
  const reader = new ByteReader(head)
  const data = new ByteReader(body)
  const count = readCount(reader, reader.remaining)
  const batch: GroupMessage[] = []
  for (let i = 0; i < count; i++) {
    const group = reader.varint()
    batch.push({ group, message: readMessage(reader, data) })
  }
  reader.end()
  data.end()
  return batch
}

/** The most bytes `message` takes in a head; its entries' data comes to the body on top. */
export function headBytesMax(message: Message): number {
  const entries = message.type === 'append' ? message.entries.length : 0
  return FIELDS_BYTES_MAX + entries * ENTRY_HEAD_BYTES_MAX
}

function writeConfiguration(writer: ByteWriter, configuration: Configuration): void {
  writer.u8(CONFIGURATION_VERSION).varint(configuration.members.length)
  for (const member of configuration.members) {
    writer
      .varint(member.replica)
      .text(member.node)
      .u8(member.voter ? 1 : 0)
  }
}

function readConfiguration(reader: ByteReader): Configuration {
  const version = reader.u8()
  if (version !== CONFIGURATION_VERSION) throw new Malformed(`configuration version ${version}`)
  const count = readCount(reader, MEMBERS_MAX)
  const members: Member[] = []
  for (let i = 0; i < count; i++) {
    const replica = reader.varint()
    const node = reader.text(NODE_ID_BYTES_MAX)
    members.push({ replica, node, voter: readFlag(reader) })
  }
  const replicas = new Set(members.map((member) => member.replica))
  if (replicas.has(0)) throw new Malformed('replica 0 in a configuration')
  if (replicas.size !== members.length) throw new Malformed('a replica twice in a configuration')
  if (!members.some((member) => member.voter)) throw new Malformed('a configuration with no voter')
  return { members }
}

function writeFields(writer: ByteWriter, message: Message, bodies: Uint8Array[]): void {
  switch (message.type) {
    case 'append':
      writeAppend(writer, message, bodies)
      return
    case 'append-reply':
      writer.u8(message.rejected ? 1 : 0).varint(message.index)
      writer.varint(message.hintIndex).varint(message.hintTerm)
      return
    case 'heartbeat':
      writer.varint(message.commit)
      return
    case 'vote':
    case 'pre-vote':
      writer
        .varint(message.lastIndex)
        .varint(message.lastTerm)
        .u8(message.transfer ? 1 : 0)
      return
    case 'vote-reply':
    case 'pre-vote-reply':
      writer.u8(message.rejected ? 1 : 0)
      return
    case 'heartbeat-reply':
    case 'timeout-now':
      return
    default:
      unreachable(message)
  }
}

function writeAppend(writer: ByteWriter, message: Append, bodies: Uint8Array[]): void {
  writer.varint(message.previousIndex).varint(message.previousTerm).varint(message.commit)
  writer.varint(message.entries.length)
  let term = message.previousTerm
  for (const entry of message.entries) {
    writer.u8(KINDS.indexOf(entry.kind))
    writer.varint(entry.term - term).varint(entry.data.length)
    term = entry.term
    if (entry.data.length > 0) bodies.push(entry.data)
  }
}

function readMessage(reader: ByteReader, data: ByteReader): Message {
  const type = TYPES[reader.u8()]
  if (type === undefined) throw new Malformed('unknown message type')
  const envelope = { from: reader.varint(), to: reader.varint(), term: readNumber(reader) }
  if (envelope.from === 0 || envelope.to === 0) throw new Malformed('a message of replica 0')
  switch (type) {
    case 'append':
      return readAppend(reader, data, envelope)
    case 'append-reply': {
      const rejected = readFlag(reader)
      const index = reader.varint()
      return {
        type,
        ...envelope,
        rejected,
        index,
        hintIndex: reader.varint(),
        hintTerm: reader.varint()
      }
    }
    case 'heartbeat':
      return { type, ...envelope, commit: reader.varint() }
    case 'vote':
    case 'pre-vote': {
      const lastIndex = reader.varint()
      const lastTerm = reader.varint()
      return { type, ...envelope, lastIndex, lastTerm, transfer: readFlag(reader) }
    }
    case 'vote-reply':
    case 'pre-vote-reply':
      return { type, ...envelope, rejected: readFlag(reader) }
    case 'heartbeat-reply':
    case 'timeout-now':
      return { type, ...envelope }
    default:
      return unreachable(type)
  }
}

function readAppend(
  reader: ByteReader,
  data: ByteReader,
  envelope: Pick<Append, 'from' | 'to' | 'term'>
): Append {
  const previousIndex = readNumber(reader)
  const previousTerm = reader.varint()
  const commit = reader.varint()
  const count = readCount(reader, reader.remaining)
  const entries: Entry[] = []
  let term = previousTerm
  for (let index = previousIndex + 1; index <= previousIndex + count; index++) {
    const entry = readEntry(reader, data, { index, after: term })
    term = entry.term
    entries.push(entry)
  }
  if (term > envelope.term) throw new Malformed('an entry later than the term of its message')
  return { type: 'append', ...envelope, previousIndex, previousTerm, commit, entries }
}

function readEntry(
  reader: ByteReader,
  data: ByteReader,
  place: { readonly index: Index; readonly after: Term }
): Entry {
  const kind = KINDS[reader.u8()]
  if (kind === undefined) throw new Malformed('unknown entry kind')
  // Not beyond the term of the message: see `readAppend`.
  const term = place.after + reader.varint()
  const bytes = data.raw(reader.varint())
  // Raft decodes a configuration when it appends it: what cannot be read is stopped at the door.
  if (kind === 'configuration') decodeConfiguration(bytes)
  return { index: place.index, term, kind, data: bytes }
}

/** A term, or an index. */
function readNumber(reader: ByteReader): number {
  const number = reader.varint()
  if (number > LOG_NUMBER_MAX) throw new Malformed('a term or index too large')
  return number
}

function readFlag(reader: ByteReader): boolean {
  const value = reader.u8()
  if (value > 1) throw new Malformed('bad flag')
  return value === 1
}

/** Everything counted takes at least one byte: a larger count lies, and allocates nothing. */
function readCount(reader: ByteReader, max: number): number {
  const count = reader.varint()
  if (count > max) throw new Malformed(`${count} items where ${max} may stand`)
  return count
}
