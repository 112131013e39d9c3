import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeConfiguration,
  decodeGroupMessages,
  decodeMark,
  encodeConfiguration,
  encodeGroupMessages,
  encodeMark,
  type GroupMessage,
  headBytesMax
} from '../../../src/raft/codec.ts'
import type { Configuration, Entry, Message } from '../../../src/raft/types.ts'
import { concatBytes, Malformed } from '../../../src/wire/bytes.ts'
import { LOG_NUMBER_MAX } from '../../../src/wire/limits.ts'

// Goal: what is encoded comes back the same, and no other bytes do anything but throw Malformed.

const number = fc.integer({ min: 0, max: 2 ** 50 })
const replica = fc.integer({ min: 1, max: 2 ** 40 })

const configuration: fc.Arbitrary<Configuration> = fc
  .uniqueArray(fc.record({ replica, node: fc.string({ maxLength: 20 }), voter: fc.boolean() }), {
    selector: (member) => member.replica,
    minLength: 1,
    maxLength: 7
  })
  .map((members) => ({ members: members.map((m, i) => (i === 0 ? { ...m, voter: true } : m)) }))

const entries = (from: number, term: number): fc.Arbitrary<Entry[]> =>
  fc
    .array(
      fc.record({
        step: fc.integer({ min: 0, max: 3 }),
        kind: fc.constantFrom('command' as const, 'empty' as const, 'configuration' as const),
        data: fc.uint8Array({ maxLength: 20 }),
        configuration
      }),
      { maxLength: 5 }
    )
    .map((specs) => {
      let last = term
      return specs.map((spec, i) => {
        last += spec.step
        const data =
          spec.kind === 'configuration' ? encodeConfiguration(spec.configuration) : spec.data
        return { index: from + i, term: last, kind: spec.kind, data }
      })
    })

const envelope = { from: replica, to: replica, term: number }
const append: fc.Arbitrary<Message> = fc
  .tuple(replica, replica, number, number, number)
  .chain(([from, to, previousIndex, previousTerm, commit]) =>
    entries(previousIndex + 1, previousTerm).map((list) => ({
      type: 'append' as const,
      from,
      to,
      term: (list.at(-1)?.term ?? previousTerm) + 1,
      previousIndex,
      previousTerm,
      commit,
      entries: list
    }))
  )

const message: fc.Arbitrary<Message> = fc.oneof(
  append,
  fc.record({
    type: fc.constant('append-reply' as const),
    ...envelope,
    rejected: fc.boolean(),
    index: number,
    hintIndex: number,
    hintTerm: number
  }),
  fc.record({ type: fc.constant('heartbeat' as const), ...envelope, commit: number }),
  fc.record({
    type: fc.constantFrom('heartbeat-reply' as const, 'timeout-now' as const),
    ...envelope
  }),
  fc.record({
    type: fc.constantFrom('vote' as const, 'pre-vote' as const),
    ...envelope,
    lastIndex: number,
    lastTerm: number,
    transfer: fc.boolean()
  }),
  fc.record({
    type: fc.constantFrom('vote-reply' as const, 'pre-vote-reply' as const),
    ...envelope,
    rejected: fc.boolean()
  })
)
const batch: fc.Arbitrary<GroupMessage[]> = fc.array(fc.record({ group: number, message }), {
  maxLength: 6
})

const plain = (list: readonly GroupMessage[]): unknown =>
  JSON.parse(JSON.stringify(list, (_, value) => (value instanceof Uint8Array ? [...value] : value)))

/** Runs `decode`; only Malformed may come out of it. */
function survives(decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    expect(error).toBeInstanceOf(Malformed)
  }
}

test('a batch of messages comes back as it was', () => {
  fc.assert(
    fc.property(batch, (sent) => {
      const { head, bodies } = encodeGroupMessages(sent)
      const body = bodies.length === 0 ? new Uint8Array() : concatBytes(bodies)
      expect(plain(decodeGroupMessages(head, body))).toEqual(plain(sent))
      const bound = sent.reduce((sum, item) => sum + headBytesMax(item.message), 16)
      expect(head.length).toBeLessThanOrEqual(bound)
    })
  )
})

test('the data of entries is neither copied by encoding nor by decoding', () => {
  const data = new Uint8Array([1, 2, 3])
  const { head, bodies } = encodeGroupMessages([
    {
      group: 1,
      message: {
        type: 'append',
        from: 1,
        to: 2,
        term: 3,
        previousIndex: 4,
        previousTerm: 3,
        commit: 4,
        entries: [{ index: 5, term: 3, kind: 'command', data }]
      }
    }
  ])
  expect(bodies[0]).toBe(data)
  const body = concatBytes(bodies)
  const decoded = decodeGroupMessages(head, body)[0]?.message
  expect(decoded?.type === 'append' && decoded.entries[0]?.data.buffer).toBe(body.buffer)
})

test('a flipped byte, a missing byte and a byte too many throw Malformed at most', () => {
  fc.assert(
    fc.property(batch, fc.nat(), fc.integer({ min: 1, max: 255 }), (sent, at, flip) => {
      const { head, bodies } = encodeGroupMessages(sent)
      const body = bodies.length === 0 ? new Uint8Array() : concatBytes(bodies)
      const bent = head.slice()
      bent[at % head.length] = (bent[at % head.length] as number) ^ flip
      survives(() => decodeGroupMessages(bent, body))
      survives(() => decodeGroupMessages(head.subarray(0, at % head.length), body))
      const longer = new Uint8Array([...head, 0])
      expect(() => decodeGroupMessages(longer, body)).toThrow(Malformed)
      expect(() => decodeGroupMessages(head, new Uint8Array([...body, 0]))).toThrow(Malformed)
    })
  )
})

test('random bytes throw Malformed at most', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 9 }), (head, body) => {
      survives(() => decodeGroupMessages(head, body))
      survives(() => decodeConfiguration(head))
      survives(() => decodeMark(head))
    })
  )
})

test('an append whose entries are later than its term is refused', () => {
  const { head, bodies } = encodeGroupMessages([
    {
      group: 1,
      message: {
        type: 'append',
        from: 1,
        to: 2,
        term: 3,
        previousIndex: 4,
        previousTerm: 3,
        commit: 4,
        entries: [{ index: 5, term: 4, kind: 'empty', data: new Uint8Array() }]
      }
    }
  ])
  expect(bodies).toEqual([])
  expect(() => decodeGroupMessages(head, new Uint8Array())).toThrow(Malformed)
})

test('configurations and marks come back as they were', () => {
  fc.assert(
    fc.property(configuration, number, number, (members, index, term) => {
      expect(decodeConfiguration(encodeConfiguration(members))).toEqual(members)
      const mark = { index, term, configuration: members }
      expect(decodeMark(encodeMark(mark))).toEqual(mark)
    })
  )
})

test('a configuration without a voter, with a replica twice or replica 0 is refused', () => {
  const bad = [
    [],
    [{ replica: 1, node: 'a', voter: false }],
    [{ replica: 0, node: 'a', voter: true }],
    [
      { replica: 1, node: 'a', voter: true },
      { replica: 1, node: 'b', voter: false }
    ]
  ]
  for (const members of bad) {
    expect(() => decodeConfiguration(encodeConfiguration({ members }))).toThrow(Malformed)
  }
})

test('terms and indexes that nobody counts to are refused', () => {
  const configuration = { members: [{ replica: 1, node: 'a', voter: true }] }
  const decoded = (term: number, index: number): unknown => {
    const message = { type: 'heartbeat', from: 1, to: 2, term, commit: index } as const
    const { head } = encodeGroupMessages([{ group: 1, message }])
    decodeGroupMessages(head, new Uint8Array())
    return decodeMark(encodeMark({ index, term, configuration }))
  }
  expect(decoded(LOG_NUMBER_MAX, LOG_NUMBER_MAX)).toBeDefined()
  expect(() => decoded(LOG_NUMBER_MAX + 1, 1)).toThrow(Malformed)
  expect(() => decoded(1, LOG_NUMBER_MAX + 1)).toThrow(Malformed)
  const append: Message = {
    type: 'append',
    from: 1,
    to: 2,
    term: 1,
    previousIndex: LOG_NUMBER_MAX + 1,
    previousTerm: 1,
    commit: 0,
    entries: []
  }
  const { head } = encodeGroupMessages([{ group: 1, message: append }])
  expect(() => decodeGroupMessages(head, new Uint8Array())).toThrow(Malformed)
})
