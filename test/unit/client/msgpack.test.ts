import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { Packr } from 'msgpackr/pack'
import { expect, test } from 'vitest'
import { msgpack } from '../../../src/client/msgpack.ts'

const codec = msgpack()

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

/** As `value`, with 0 for -0: the one thing that does not come back, and equals what does. */
function unsigned(value: unknown): unknown {
  if (typeof value === 'number') return value + 0
  if (Array.isArray(value)) return value.map(unsigned)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, unsigned(part)]))
}

const text = fc.string({ unit: 'grapheme' })
const leaf = fc.oneof(
  fc.constantFrom(null, true, false, Number.NaN, Number.NEGATIVE_INFINITY, 0, -1),
  fc.double(),
  fc.maxSafeInteger(),
  fc.integer(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  text,
  fc.uint8Array({ maxLength: 300 }),
  fc.date({ noInvalidDate: true })
)
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(text, tie('value'), { noNullPrototype: true })
  )
}))

const comesBack = (value: unknown): boolean =>
  isDeepStrictEqual(codec.decode(codec.encode(value)), unsigned(value))

test('goal: every value of the supported types comes back as it was', () => {
  fc.assert(fc.property(anything, comesBack))
})

test('goal: sizes around every change of the format come back', () => {
  for (const size of [15, 16, 31, 32, 48, 49, 255, 256, 65_535, 65_536]) {
    const numbers = Array.from({ length: size }, (_, i) => i)
    const names = Object.fromEntries(numbers.map((i) => [`k${i}`, i]))
    for (const value of ['x'.repeat(size), 'é'.repeat(size), numbers, names]) {
      expect(comesBack(value)).toBe(true)
    }
    const filled = new Uint8Array(size).fill(7)
    expect(comesBack(filled)).toBe(true)
  }
  const edges = [2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53), 0xff, -0x81]
  expect(codec.decode(codec.encode(edges))).toEqual(edges)
  const times = [0, 1, -1, 8.64e15, -8.64e15, 2 ** 32 * 1_000, 2 ** 34 * 1_000 + 1]
  for (const ms of times) expect(codec.decode(codec.encode(new Date(ms)))).toEqual(new Date(ms))
})

test('goal: names that mean something to JavaScript are names like others', () => {
  const value = Object.fromEntries(
    ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', ''].map((name) => [name, 1])
  )
  const back = codec.decode(codec.encode(value))
  expect(back).toStrictEqual(value)
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
})

test('goal: what would not come back is refused, wherever it stands', () => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  const hidden = Object.defineProperty({ a: 1 }, 'b', { value: 1, enumerable: false })
  const bad = [
    undefined,
    2n ** 64n,
    -(2n ** 63n) - 1n,
    () => 0,
    Symbol('s'),
    new Map(),
    new Set(),
    new Date(Number.NaN),
    /x/,
    new Error('x'),
    new Uint16Array(1),
    new ArrayBuffer(1),
    new Array(2),
    Object.assign([1], { named: 1 }),
    { [Symbol('s')]: 1 },
    { '\ud800': 1 },
    '\udc00',
    hidden,
    cycle,
    new (class Thing {})(),
    Object.setPrototypeOf([1], Object.create(Array.prototype))
  ]
  for (const value of bad) {
    const refused = expect.objectContaining({ code: 'invalid_argument' })
    expect(() => codec.encode(value), String(typeof value)).toThrow(refused)
    expect(() => codec.encode({ a: [value] })).toThrow('the value.a[0]')
  }
})

test('goal: nesting has one bound for writing and reading', () => {
  const nest = (depth: number): unknown => {
    let value: unknown = 1
    for (let i = 0; i < depth; i++) value = [value]
    return value
  }
  expect(codec.decode(codec.encode(nest(1_000)))).toEqual(nest(1_000))
  expect(() => codec.encode(nest(1_001))).toThrow('nested deeper')
  expect(() => codec.decode(new Uint8Array(1_048_576).fill(0x91))).toThrow('nested deeper')
})

// Goal: stored bytes of whatever origin give a value of the supported types or an error, soon.

test('bytes made by chance or changed give a value that can be written again, or an error', () => {
  let read = 0
  const tryRead = (bytes: Uint8Array): void => {
    let value: unknown
    try {
      value = codec.decode(bytes)
    } catch (error) {
      expect((error as Error).name).toBe('Malformed')
      return
    }
    read++
    expect(comesBack(value)).toBe(true)
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), tryRead), { numRuns: 1_000 })
  const changed = fc.tuple(anything, fc.nat(), fc.integer({ min: 0, max: 255 }))
  const spoil = ([value, at, byte]: [unknown, number, number]): void => {
    const bytes = codec.encode(value).slice()
    bytes[at % bytes.length] = byte
    tryRead(bytes)
  }
  fc.assert(fc.property(changed, spoil), { numRuns: 300 })
  expect(read).toBeGreaterThan(50)
})

test('what msgpackr would run or build is refused', () => {
  const wild = new Packr({ moreTypes: true, useRecords: true })
  const cyclic: unknown[] = [1]
  cyclic.push(cyclic)
  const hostile = [
    wild.pack({ a: 1 }),
    wild.pack(/x/),
    wild.pack(new Set([1])),
    wild.pack(new Error('x')),
    wild.pack(new Float64Array(2)),
    wild.pack(undefined),
    new Packr({ structuredClone: true }).pack(cyclic),
    new Packr({ useBigIntExtension: true, moreTypes: true }).pack(2n ** 80n),
    hex('c1'),
    hex('d6fe00000000'),
    hex('d4ff00'),
    hex('d7ffffffffff00000000'),
    hex('c70cff000000007fffffffffffffff'),
    hex('8101c0'),
    hex('c0c0'),
    hex('ddffffffff'),
    hex('dfffffffff'),
    hex('c6ffffffff'),
    hex('a1ff'),
    hex('')
  ]
  for (const bytes of hostile) {
    expect(() => codec.decode(bytes), Buffer.from(bytes).toString('hex')).toThrow(
      expect.objectContaining({ name: 'Malformed' })
    )
  }
})

test('what other writers write of these types is read, of every width', () => {
  const read = (text: string): unknown => codec.decode(hex(text))
  expect(read('cc80')).toBe(128)
  expect(read('cd0100')).toBe(256)
  expect(read('ce00010000')).toBe(65_536)
  expect(read('cfffffffffffffffff')).toBe(2n ** 64n - 1n)
  expect(read('d080')).toBe(-128)
  expect(read('d18000')).toBe(-32_768)
  expect(read('d280000000')).toBe(-(2 ** 31))
  expect(read('d3ffffffffffffffff')).toBe(-1n)
  expect(read('ca3fc00000')).toBe(1.5)
  expect(read('d6ff00000001')).toEqual(new Date(1_000))
  expect(read('d7ff0000000400000001')).toEqual(new Date(1_000))
  expect(read('c70cff3b9ac9ffffffffffffffffff')).toEqual(new Date(-1))
  expect(read('c403010203')).toEqual(Uint8Array.of(1, 2, 3))
})

test('neither side sees what the other changes later', () => {
  const first = codec.encode(Uint8Array.of(1, 2, 3))
  const copy = first.slice()
  for (let i = 0; i < 100; i++) codec.encode('x'.repeat(1_000))
  expect(first).toEqual(copy)
  const stored = codec.encode(Uint8Array.of(1, 2, 3))
  const value = codec.decode(stored) as Uint8Array
  stored.fill(0)
  expect(value).toEqual(Uint8Array.of(1, 2, 3))
})
