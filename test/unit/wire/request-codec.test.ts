import { expect, test } from 'vitest'
import { concatBytes, Malformed, utf8 } from '../../../src/wire/bytes.ts'
import { decodeFrame } from '../../../src/wire/frame.ts'
import type { Reply, Request } from '../../../src/wire/request.ts'
import {
  decodeCancel,
  decodeReply,
  decodeRequest,
  encodeCancel,
  encodeReply,
  encodeRequest
} from '../../../src/wire/request-codec.ts'

const REQUEST: Request = {
  id: 2 ** 40,
  kind: 'mutate',
  clusterId: '0123456789abcdef'.repeat(2),
  group: 65,
  epoch: 7,
  timeoutMs: 5_000,
  consistency: 'session',
  minApplied: 123_456_789_012,
  principal: 'somebody',
  trace: 'trace-1',
  body: utf8('the command')
}

const REPLY: Reply = {
  id: 9,
  outcome: 'rejected',
  code: 'not_leader',
  message: 'ask another',
  applied: 17,
  leader: '12D3KooWabc',
  epoch: 8,
  waitMs: 100,
  body: new Uint8Array(0)
}

const roundTrip = <T>(
  parts: readonly Uint8Array[],
  decode: (head: readonly unknown[], body: Uint8Array) => T
): T => {
  const { head, body } = decodeFrame(concatBytes(parts))
  return decode(head, body)
}

test('a request comes back, whatever its kind and consistency', () => {
  for (const kind of ['get', 'mutate', 'basis', 'map', 'outcome', 'lock', 'await-grant'] as const) {
    for (const consistency of ['strong', 'session', 'eventual'] as const) {
      const request = { ...REQUEST, kind, consistency }
      expect(roundTrip(encodeRequest(request), decodeRequest)).toEqual(request)
    }
  }
  const first = { ...REQUEST, clusterId: '', principal: '', trace: '', body: new Uint8Array(0) }
  expect(roundTrip(encodeRequest(first), decodeRequest)).toEqual(first)
})

test('a reply comes back, whatever became of the request', () => {
  const replies: Reply[] = [
    REPLY,
    { ...REPLY, outcome: 'ok', code: '', body: utf8('value') },
    { ...REPLY, outcome: 'unknown', code: 'unknown_outcome' },
    { ...REPLY, code: 'overloaded', leader: '' }
  ]
  for (const reply of replies) expect(roundTrip(encodeReply(reply), decodeReply)).toEqual(reply)
})

test('a message too long for the wire is cut, not fatal', () => {
  const reply = roundTrip(encodeReply({ ...REPLY, message: 'x'.repeat(10_000) }), decodeReply)
  expect(reply.message).toBe('x'.repeat(4_096))
})

test('a cancel names its request', () => {
  expect(roundTrip(encodeCancel(42), decodeCancel)).toBe(42)
})

/** The head with each field in turn replaced by values of every wrong sort. */
function* spoiled(head: readonly unknown[]): Generator<readonly unknown[]> {
  const wrong = [null, -1, 1.5, 2 ** 53, true, [], 'x'.repeat(5_000), new Uint8Array(3), 99]
  for (const [i, old] of head.entries()) {
    for (const value of wrong) {
      const sameSort = typeof value === typeof old && value === 99
      if (!sameSort) yield head.with(i, value)
    }
  }
  yield head.slice(0, -1)
  yield [...head, 0]
}

test('every field is checked', () => {
  const cases = [
    [encodeRequest(REQUEST), decodeRequest],
    [encodeReply(REPLY), decodeReply],
    [encodeCancel(1), decodeCancel]
  ] as const
  for (const [parts, decode] of cases) {
    const { head, body } = decodeFrame(concatBytes(parts))
    for (const bad of spoiled(head)) {
      expect(() => decode(bad, body), JSON.stringify(bad)).toThrow(Malformed)
    }
  }
})

test('a kind, consistency, outcome or code nobody knows is refused', () => {
  const request = decodeFrame(concatBytes(encodeRequest(REQUEST)))
  const reply = decodeFrame(concatBytes(encodeReply(REPLY)))
  expect(() => decodeRequest(request.head.with(0, 2), request.body)).toThrow(Malformed)
  expect(() => decodeRequest(request.head.with(2, 50), request.body)).toThrow(Malformed)
  expect(() => decodeRequest(request.head.with(7, 3), request.body)).toThrow(Malformed)
  expect(() => decodeReply(reply.head.with(2, 3), reply.body)).toThrow(Malformed)
  for (const code of ['nonsense', '__proto__', 'toString', '']) {
    expect(() => decodeReply(reply.head.with(3, code), reply.body), code).toThrow(Malformed)
  }
  expect(() => decodeCancel([3, 1], utf8('x'))).toThrow(Malformed)
})

test('a timeout further away than any is refused', () => {
  const { head, body } = decodeFrame(concatBytes(encodeRequest(REQUEST)))
  expect(decodeRequest(head.with(6, 600_000), body).timeoutMs).toBe(600_000)
  expect(() => decodeRequest(head.with(6, 600_001), body)).toThrow(Malformed)
})
