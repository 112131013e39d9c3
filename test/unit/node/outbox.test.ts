import { expect, test } from 'vitest'
import { NodeOutbox } from '../../../src/node/outbox.ts'
import { decodeGroupMessages, type GroupMessage } from '../../../src/raft/codec.ts'
import type { Entry } from '../../../src/raft/types.ts'
import type { Transport } from '../../../src/transport/transport.ts'
import { concatBytes } from '../../../src/wire/bytes.ts'
import { decodeFrame } from '../../../src/wire/frame.ts'

// Goal: whatever Raft wants to send in one turn leaves in frames that their readers accept.

/** A link whose queue is as full as a test says. */
class Link {
  readonly frames: Uint8Array[] = []
  fill = 0
  readonly outbox: NodeOutbox

  constructor() {
    const transport: Transport = {
      self: 'a',
      addresses: () => [],
      start: () => {},
      dial: () => {},
      fill: () => this.fill,
      send: (_, parts) => this.frames.push(concatBytes(parts)) > 0,
      close: () => {},
      stop: (done) => done()
    }
    this.outbox = new NodeOutbox(transport, 1)
  }

  /** What came since the last call. */
  taken(): GroupMessage[] {
    return this.frames.splice(0).flatMap((frame) => messagesIn(frame))
  }
}

function messagesIn(frame: Uint8Array): GroupMessage[] {
  const { head, body } = decodeFrame(frame)
  return decodeGroupMessages(head[1] as Uint8Array, body)
}

function sentBy(fill: (outbox: NodeOutbox) => void): Uint8Array[] {
  const link = new Link()
  fill(link.outbox)
  link.outbox.flush()
  return link.frames
}

const append = (entries: readonly Entry[]) =>
  ({
    type: 'append',
    from: 1,
    to: 2,
    term: 2,
    previousIndex: (entries[0]?.index ?? 1) - 1,
    previousTerm: 2,
    commit: 1,
    entries
  }) as const

const entriesOf = (count: number, bytes: number): Entry[] =>
  Array.from({ length: count }, (_, i) => ({
    index: i + 2,
    term: 2,
    kind: 'command',
    data: new Uint8Array(bytes)
  }))

test.each([
  ['many tiny entries', 4_096, 8, 64],
  ['large entries', 1, 1_000_000, 40],
  ['nothing but heartbeats', 0, 0, 20_000]
])('%s', (_, count, bytes, messages) => {
  const frames = sentBy((outbox) => {
    for (let group = 0; group < messages; group++) {
      outbox.raft('b', group, append(entriesOf(count, bytes)))
    }
  })
  const groups = frames.map((frame) => messagesIn(frame).length)
  expect(groups.reduce((sum, count) => sum + count, 0)).toBe(messages)
})

test('a turn of few messages is one frame', () => {
  const frames = sentBy((outbox) => {
    for (let group = 0; group < 64; group++) outbox.raft('b', group, append(entriesOf(1, 100)))
  })
  expect(frames).toHaveLength(1)
})

const heartbeat = { type: 'heartbeat', from: 1, to: 2, term: 2, commit: 1 } as const

test('on a link that is behind, heartbeats leave and appends wait, in their order', () => {
  const link = new Link()
  link.fill = 0.5
  for (let group = 1; group <= 3; group++) {
    link.outbox.raft('b', group, append(entriesOf(1, 100)))
    link.outbox.raft('b', group, heartbeat)
  }
  link.outbox.flush()
  expect(link.taken().map(({ message }) => message.type)).toEqual(Array(3).fill('heartbeat'))
  link.outbox.raft('b', 4, append(entriesOf(2, 100)))
  link.outbox.flush()
  expect(link.taken()).toEqual([])
  link.fill = 0.1
  link.outbox.raft('b', 5, append(entriesOf(1, 100)))
  link.outbox.flush()
  const came = link.taken()
  expect(came.map(({ group }) => group)).toEqual([1, 2, 3, 4, 5])
  expect(came.every(({ message }) => message.type === 'append')).toBe(true)
})

test('what waits leaves with the first turn that finds room, also one with nothing to say', () => {
  const link = new Link()
  link.fill = 0.5
  link.outbox.raft('b', 1, append(entriesOf(1, 100)))
  link.outbox.flush()
  link.fill = 0
  link.outbox.flush()
  expect(link.taken().map(({ group }) => group)).toEqual([1])
  link.outbox.flush()
  expect(link.taken()).toEqual([])
})

test('more than 32 MiB does not wait: the rest is dropped, and asked for again', () => {
  const link = new Link()
  link.fill = 1
  for (let i = 0; i < 60; i++) {
    link.outbox.raft('b', 1, append(entriesOf(1, 1024 * 1024)))
    link.outbox.flush()
  }
  link.fill = 0
  link.outbox.flush()
  const count = link.taken().length
  expect(count).toBeGreaterThanOrEqual(30)
  expect(count).toBeLessThanOrEqual(32)
  link.outbox.raft('b', 1, append(entriesOf(1, 100)))
  link.outbox.flush()
  expect(link.taken()).toHaveLength(1)
})
