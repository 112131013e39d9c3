import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concatBytes, Malformed } from '../../src/wire/bytes.ts'
import { decodeFrame, encodeFrame } from '../../src/wire/frame.ts'
import { pack, unpack } from '../../src/wire/pack.ts'
import {
  decodeCancel,
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest
} from '../../src/wire/request-codec.ts'

const RUNS = { numRuns: 5_000 }

/** Runs `decode` on hostile input: it may refuse it, and do nothing else. */
function survives(decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    expect(error).toBeInstanceOf(Malformed)
  }
}

const decodeAll = (frame: Uint8Array): void => {
  const { head, body } = decodeFrame(frame)
  survives(() => decodeRequest(head, body))
  survives(() => decodeReply(head, body))
  survives(() => decodeCancel(head, body))
}

/** Bytes with many msgpack tokens and few large lengths, so that a walk gets far. */
const tokens = fc.array(
  fc.oneof(
    fc.constantFrom(0x90, 0x91, 0x93, 0xa1, 0xc0, 0xc1, 0xc4, 0xcb, 0xcf, 0xd4, 0xd9, 0xdc, 0xdd),
    fc.integer({ min: 0, max: 7 }),
    fc.integer({ min: 0, max: 255 })
  ),
  { maxLength: 64 }
)

test('any bytes unpack or are Malformed', () => {
  fc.assert(
    fc.property(tokens, (bytes) => survives(() => unpack(Uint8Array.from(bytes), 1_024))),
    RUNS
  )
})

test('whatever unpacks, packs to something that unpacks to the same', () => {
  fc.assert(
    fc.property(tokens, (bytes) => {
      let value: unknown
      try {
        value = unpack(Uint8Array.from(bytes), 1_024)
      } catch {
        return
      }
      expect(unpack(pack(value), 65_536)).toEqual(value)
    }),
    RUNS
  )
})

test('any value of ours comes back', () => {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 8 },
      fc.maxSafeInteger(),
      // There is one zero on the wire.
      fc.double({ noNaN: true }).map((number) => (number === 0 ? 0 : number)),
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(tie('value'), { maxLength: 20 })
    )
  }))
  fc.assert(
    fc.property(value, (it) => {
      expect(unpack(pack(it), 1 << 24)).toEqual(it)
    })
  )
})

test('any bytes are a frame or Malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => survives(() => decodeAll(bytes))),
    RUNS
  )
  fc.assert(
    fc.property(tokens, fc.uint8Array(), (head, body) => {
      const prefix = Uint8Array.of(0, 0, 0, head.length)
      survives(() => decodeAll(concatBytes([prefix, Uint8Array.from(head), body])))
    }),
    RUNS
  )
})

test('any head of values is a message or Malformed', () => {
  const field = fc.oneof(
    fc.integer({ min: -2, max: 12 }),
    fc.maxSafeInteger(),
    fc.double(),
    fc.string(),
    fc.constantFrom('', 'ok', 'conflict', '0123456789abcdef'.repeat(2), null, true),
    fc.uint8Array(),
    fc.array(fc.anything(), { maxLength: 3 })
  )
  const head = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.array(field, { maxLength: 12 }))
  fc.assert(
    fc.property(head, fc.uint8Array({ maxLength: 20 }), ([kind, fields], body) => {
      for (const decode of [decodeRequest, decodeReply, decodeCancel]) {
        survives(() => decode([kind, ...fields], body))
      }
    }),
    RUNS
  )
})

test('a true message with bytes changed is a message or Malformed', () => {
  const request = concatBytes(
    encodeRequest({
      id: 77,
      kind: 'mutate',
      clusterId: 'ab'.repeat(16),
      group: 3,
      epoch: 2,
      timeoutMs: 5_000,
      consistency: 'strong',
      minApplied: 9,
      principal: 'p',
      trace: 't',
      body: Uint8Array.of(1, 2, 3)
    })
  )
  const reply = concatBytes(
    encodeReply({
      id: 77,
      outcome: 'rejected',
      code: 'conflict',
      message: 'no',
      applied: 12,
      leader: '',
      epoch: 2,
      waitMs: 0,
      body: new Uint8Array(0)
    })
  )
  const change = fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 }))
  const changes = fc.array(change, { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.constantFrom(request, reply), changes, fc.nat(100), (frame, edits, cut) => {
      const bytes = frame.slice(0, frame.length - (cut < 80 ? 0 : cut % frame.length))
      for (const [at, value] of edits) if (bytes.length > 0) bytes[at % bytes.length] = value
      survives(() => decodeAll(bytes))
    }),
    RUNS
  )
})

test('a large hostile head costs little memory and time', () => {
  const head = Buffer.alloc(262_144, 0x90)
  head.set([0xdd, 0x00, 0x01, 0xff, 0xff])
  const frame = concatBytes([Uint8Array.of(0, 4, 0, 0), head])
  const before = process.memoryUsage().heapUsed
  survives(() => decodeFrame(frame))
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024)
})

test('a frame is decoded from where it lies in a larger buffer', () => {
  const frame = concatBytes(encodeFrame([5, 'x'], [Uint8Array.of(9)]))
  const larger = new Uint8Array(frame.length + 20).fill(0xff)
  larger.set(frame, 10)
  const { head, body } = decodeFrame(larger.subarray(10, 10 + frame.length))
  expect([head, [...body]]).toEqual([[5, 'x'], [9]])
})
