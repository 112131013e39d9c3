import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter, Malformed } from '../../../src/wire/bytes.ts'
import { CLIENT_HELLO, decodeHello, encodeHello, type Hello } from '../../../src/wire/hello.ts'

const id = fc.stringMatching(/^[0-9a-f]{32}$/)
const number = fc.nat(Number.MAX_SAFE_INTEGER)
const hello: fc.Arbitrary<Hello> = fc.record({
  version: fc.constant(1),
  client: fc.constant(false),
  clusterId: fc.oneof(id, fc.constant('')),
  nodeId: fc.string({ minLength: 1, maxLength: 60 }),
  storeId: id,
  bootCount: number,
  bootNonce: number,
  durableSequence: number,
  epoch: number,
  bootstrap: fc.boolean(),
  expect: fc.nat(9),
  addresses: fc.array(fc.string({ maxLength: 40 }), { maxLength: 32 }),
  http: fc.string({ maxLength: 40 }),
  zone: fc.string({ maxLength: 40 })
})

test('goal: a hello arrives as it was sent', () => {
  const same = (sent: Hello): void => {
    expect(decodeHello(encodeHello(sent))).toEqual(sent)
  }
  fc.assert(fc.property(hello, same))
  expect(decodeHello(encodeHello(CLIENT_HELLO))).toEqual(CLIENT_HELLO)
})

test('goal: hostile bytes are Malformed, whatever they are, and nothing else', () => {
  const check = (bytes: Uint8Array): void => {
    try {
      decodeHello(bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(Malformed)
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check))
  const flipped = fc.tuple(hello, fc.nat(), fc.nat(255))
  const flip = ([sent, at, value]: [Hello, number, number]): void => {
    const bytes = encodeHello(sent).slice()
    bytes[at % bytes.length] = value
    check(bytes)
  }
  fc.assert(fc.property(flipped, flip))
})

test('goal: a truncated hello is refused at every length', () => {
  const bytes = encodeHello({ ...CLIENT_HELLO, addresses: ['/ip4/127.0.0.1/tcp/1'] })
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decodeHello(bytes.subarray(0, length))).toThrow(Malformed)
  }
})

test('goal: fields that a later version adds are passed over, in this version refused', () => {
  const more = (version: number): Uint8Array =>
    new ByteWriter()
      .raw(encodeHello({ ...CLIENT_HELLO, version }))
      .text('new')
      .finish()
  expect(decodeHello(more(2)).client).toBe(true)
  expect(() => decodeHello(more(1))).toThrow(Malformed)
})

test('goal: a node without an id and a client with one are refused', () => {
  expect(() => decodeHello(encodeHello({ ...CLIENT_HELLO, client: false }))).toThrow(Malformed)
  expect(() => decodeHello(encodeHello({ ...CLIENT_HELLO, nodeId: 'a' }))).toThrow(Malformed)
})
