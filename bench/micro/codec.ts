import {
  decodeGroupMessages,
  encodeGroupMessages,
  type GroupMessage
} from '../../src/raft/codec.ts'
import { decodeBody, encodeBody } from '../../src/state/entry-body.ts'
import { FrameReader } from '../../src/transport/frame-reader.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { type Command, decodeCommand, encodeCommand } from '../../src/wire/command.ts'
import { decodeFrame, encodeFrame, FRAME } from '../../src/wire/frame.ts'
import { FRAME_BYTES_MAX } from '../../src/wire/limits.ts'
import type { Reply, Request } from '../../src/wire/request.ts'
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest
} from '../../src/wire/request-codec.ts'
import { keep, repeated, type Section, timed, type Work } from './measure.ts'

// Everything a put passes through as bytes: its command, the request and its reply, the entry, and
// the message that carries it to a follower.

const KEY = utf8('bench/012345')
const VALUE = new Uint8Array(100).fill(0x61)
const ID = '0123456789abcdef0123456789abcdef'
const COMMAND: Command = {
  session: ID,
  seq: 12_345,
  ackedUpTo: 12_280,
  basis: 1_000_000,
  operation: { type: 'put', key: KEY, value: VALUE }
}
const BYTES = encodeCommand(COMMAND)
const REQUEST: Request = {
  id: 12_345,
  kind: 'mutate',
  clusterId: ID,
  group: 17,
  epoch: 4,
  timeoutMs: 5_000,
  consistency: 'strong',
  minApplied: 0,
  principal: '',
  trace: '',
  body: BYTES
}
const REPLY: Reply = {
  id: 12_345,
  outcome: 'ok',
  code: '',
  message: '',
  applied: 1_000_001,
  leader: '',
  epoch: 4,
  waitMs: 0,
  body: new Uint8Array(8)
}

/** The parts of a frame as they arrive: in one piece. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function appends(count: number): GroupMessage[] {
  const data = encodeBody(1_800_000_000_000, [BYTES])
  return Array.from({ length: count }, (_, group) => ({
    group,
    message: {
      type: 'append',
      from: 1,
      to: 2,
      term: 3,
      previousIndex: 1_000_000,
      previousTerm: 3,
      commit: 999_999,
      entries: [{ index: 1_000_001, term: 3, kind: 'command', data }]
    }
  }))
}

function raftWorks(count: number): Work[] {
  const batch = appends(count)
  const encode = (): readonly Uint8Array[] => {
    const { head, bodies } = encodeGroupMessages(batch)
    return encodeFrame([FRAME.raft, head], bodies)
  }
  const frame = joined(encode())
  const decode = (): unknown => {
    const { head, body } = decodeFrame(frame)
    return decodeGroupMessages(head[1] as Uint8Array, body)
  }
  const what = `a frame of ${count} appends`
  return [repeated(`encode ${what}`, encode), repeated(`decode ${what}`, decode)]
}

function requestWorks(): Work[] {
  const request = joined(encodeRequest(REQUEST))
  const reply = joined(encodeReply(REPLY))
  return [
    repeated('encode a command', () => encodeCommand(COMMAND)),
    repeated('decode a command', () => decodeCommand(BYTES)),
    repeated('encode a request', () => encodeRequest(REQUEST)),
    repeated('decode a request', () => {
      const { head, body } = decodeFrame(request)
      return decodeRequest(head, body)
    }),
    repeated('encode a reply', () => encodeReply(REPLY)),
    repeated('decode a reply', () => {
      const { head, body } = decodeFrame(reply)
      return decodeReply(head, body)
    })
  ]
}

function entryWorks(commands: number): Work[] {
  const all = Array<Uint8Array>(commands).fill(BYTES)
  const entry = encodeBody(1_800_000_000_000, all)
  return [
    repeated(`encode an entry of ${commands}`, () => encodeBody(1_800_000_000_000, all)),
    repeated(`decode an entry of ${commands}`, () => decodeBody(entry))
  ]
}

/** What arrives in one read, cut into frames. */
function readerWork(frames: number): Work {
  const frame = joined(encodeRequest(REQUEST))
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, frame.length)
  const chunk = joined(Array.from({ length: frames }, () => [length, frame]).flat())
  const reader = new FrameReader(FRAME_BYTES_MAX)
  const take = (one: Uint8Array): boolean => {
    keep(one)
    return true
  }
  return repeated(`cut a chunk into ${frames} frames`, () => reader.feed(chunk, take))
}

export function codecSections(seconds: number): Section[] {
  const works = [...requestWorks(), ...entryWorks(1), ...entryWorks(16)]
  works.push(...raftWorks(1), ...raftWorks(16), readerWork(1), readerWork(64))
  return [timed('Codecs: a put with a key of 12 and a value of 100 bytes', works, seconds)]
}
