import { Packr } from 'msgpackr'
import { expect, test } from 'vitest'
import { Malformed, utf8 } from '../../../src/wire/bytes.ts'
import { pack, packAfter, unpack } from '../../../src/wire/pack.ts'

const KIB = 1024
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const refused = (input: Uint8Array): void => {
  expect(() => unpack(input, 1024 * KIB)).toThrow(Malformed)
}

test('what is packed comes back', () => {
  const values = [
    [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER],
    [-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 32), Number.MIN_SAFE_INTEGER],
    ['', 'a', 'ü€😀', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(300), 'x'.repeat(70_000)],
    [true, false, null, 0.5, []],
    [[[[['deep']]]], Array.from({ length: 70_000 }, (_, i) => i)]
  ]
  for (const value of values) expect(unpack(pack(value), 1024 * KIB)).toEqual(value)
})

test('bytes come back as views into the input, of any length', () => {
  for (const length of [0, 1, 255, 256, 65_535, 65_536]) {
    const packed = pack([new Uint8Array(length).fill(7), Buffer.alloc(length, 8)])
    const [first, second] = unpack(packed, 1024 * KIB) as [Uint8Array, Uint8Array]
    expect([first.length, second.length]).toEqual([length, length])
    expect([first.every((byte) => byte === 7), second.every((byte) => byte === 8)]).toEqual([
      true,
      true
    ])
    expect(first.buffer).toBe(packed.buffer)
  }
})

test('a result is never overwritten by a later one', () => {
  const first = pack(['one'])
  const copy = first.slice()
  for (let i = 0; i < 5_000; i++) pack([i, 'another one'])
  expect(Buffer.compare(first, copy)).toBe(0)
})

test('packAfter leaves room in front', () => {
  expect(unpack(packAfter(4, [1, 'x']).subarray(4), KIB)).toEqual([1, 'x'])
})

test('more bytes than may stand are refused before they are read', () => {
  const packed = pack('x'.repeat(100))
  expect(unpack(packed, packed.length)).toBe('x'.repeat(100))
  expect(() => unpack(packed, packed.length - 1)).toThrow(Malformed)
})

test('everything beyond positional arrays is refused, though msgpackr takes it', () => {
  const generous = new Packr({ moreTypes: true, structuredClone: true })
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  const hostile = [
    new Packr({}).pack({ a: 1, b: 2 }), // a record definition, which msgpackr compiles
    generous.pack(/(a+)+$/),
    generous.pack(new Set([1])),
    generous.pack(new Error('x')),
    generous.pack(new Date(0)),
    generous.pack(2n ** 70n),
    generous.pack(cyclic),
    generous.pack(undefined),
    new Packr({ useRecords: false }).pack({ __proto__: null, x: 1 }),
    new Packr({ mapsAsObjects: false }).pack(new Map([[1, 2]]))
  ]
  for (const input of hostile) {
    expect(() => generous.unpack(input)).not.toThrow()
    refused(input)
    refused(Buffer.concat([bytes(0x91), input]))
  }
})

test('every extension, map and unused token is refused', () => {
  const tokens = [0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xde, 0xdf, 0x80, 0x8f]
  for (const token of tokens) refused(Buffer.concat([bytes(token), new Uint8Array(64)]))
})

test('what ends early or late is refused', () => {
  const whole = pack([1, 'text', bytes(1, 2, 3), [300, 70_000, -70_000, 0.5, null]])
  for (let end = 0; end < whole.length; end++) refused(whole.subarray(0, end))
  refused(Buffer.concat([whole, bytes(0)]))
  refused(bytes())
})

test('lengths that lie are refused at once', () => {
  for (const token of [0xc6, 0xdb, 0xdd]) refused(bytes(token, 0xff, 0xff, 0xff, 0xff))
  refused(bytes(0xdd, 0x00, 0x10, 0x00, 0x00, 0x90, 0x90))
})

test('depth and number of elements are bounded', () => {
  const nested = (depth: number): Uint8Array =>
    Buffer.concat([new Uint8Array(depth).fill(0x91), bytes(0x00)])
  expect(() => unpack(nested(16), KIB)).not.toThrow()
  refused(nested(17))
  refused(new Uint8Array(1024 * KIB).fill(0x91))
  const many = (count: number): Uint8Array => {
    const out = Buffer.alloc(5 + count, 0x90)
    out[0] = 0xdd
    out.writeUInt32BE(count, 1)
    return out
  }
  expect((unpack(many(131_072), 1024 * KIB) as unknown[]).length).toBe(131_072)
  refused(many(131_073))
  // The bound is on all arrays together.
  refused(Buffer.concat([bytes(0x92), many(70_000), many(70_000)]))
})

test('text that is not UTF-8 is refused, short or long', () => {
  for (const length of [2, 31]) refused(bytes(0xa0 + length, ...new Array(length).fill(0xff)))
  refused(bytes(0xd9, 60, ...new Array(60).fill(0xc3)))
  expect(unpack(Buffer.concat([bytes(0xa2), utf8('ok')]), KIB)).toBe('ok')
})

test('floats, and integers as others may write them, are read', () => {
  expect(unpack(bytes(0xca, 0x3f, 0xc0, 0, 0), KIB)).toBe(1.5)
  expect(unpack(bytes(0xcb, 0xc0, 0x04, 0, 0, 0, 0, 0, 0), KIB)).toBe(-2.5)
  expect(unpack(bytes(0xcf, 0, 0, 0, 1, 0, 0, 0, 2), KIB)).toBe(2 ** 32 + 2)
  expect(unpack(bytes(0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe), KIB)).toBe(-2)
  // Not safe: whoever asks for an integer refuses it.
  const huge = unpack(bytes(0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), KIB)
  expect(Number.isSafeInteger(huge)).toBe(false)
})

test('decoded bytes are plain, whatever the input is', () => {
  const [view] = unpack(Buffer.from(pack([bytes(1, 2)])), KIB) as [Uint8Array]
  expect(view.constructor).toBe(Uint8Array)
})
