import { expect, test } from 'vitest'
import { NodeOutbox } from '../../../src/node/outbox.ts'
import { decodeGroupMessages } from '../../../src/raft/codec.ts'
import type { Entry } from '../../../src/raft/types.ts'
import type { Transport } from '../../../src/transport/transport.ts'
import { concatBytes } from '../../../src/wire/bytes.ts'
import { decodeFrame } from '../../../src/wire/frame.ts'

// Goal: whatever Raft wants to send in one turn leaves in frames that their readers accept.

function sentBy(fill: (outbox: NodeOutbox) => void): Uint8Array[] {
  const frames: Uint8Array[] = []
  const transport: Transport = {
    self: 'a',
    addresses: () => [],
    start: () => {},
    dial: () => {},
    fill: () => 0,
    send: (_, parts) => frames.push(concatBytes(parts)) > 0,
    close: () => {},
    stop: (done) => done()
  }
  const outbox = new NodeOutbox(transport, 1)
  fill(outbox)
  outbox.flush()
  return frames
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
  let groups = 0
  for (const frame of frames) {
    const { head, body } = decodeFrame(frame)
    groups += decodeGroupMessages(head[1] as Uint8Array, body).length
  }
  expect(groups).toBe(messages)
})

test('a turn of few messages is one frame', () => {
  const frames = sentBy((outbox) => {
    for (let group = 0; group < 64; group++) outbox.raft('b', group, append(entriesOf(1, 100)))
  })
  expect(frames).toHaveLength(1)
})
