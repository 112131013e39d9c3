import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytes, json, text } from '../../../src/client/codecs.ts'

/** JSON has one zero; that -0 comes back as 0, which equals it, is the one thing let pass. */
function unsigned(value: unknown): unknown {
  if (typeof value === 'number') return value + 0
  if (Array.isArray(value)) return value.map(unsigned)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, unsigned(part)]))
}

test('goal: json brings back every JSON value as it was', () => {
  const codec = json()
  const same = (value: unknown): void => {
    expect(codec.decode(codec.encode(value))).toEqual(unsigned(value))
  }
  fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }), same))
  expect(codec.decode(codec.encode({ ['__proto__']: 1 }))).toEqual({ ['__proto__']: 1 })
})

test('goal: json refuses what it would spoil, wherever it stands, and says where', () => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  const bad = [
    undefined,
    1n,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    () => 0,
    Symbol('s'),
    new Map(),
    new Set(),
    new Date(0),
    Uint8Array.of(1),
    new Array(2),
    { [Symbol('s')]: 1 },
    cycle,
    Object.create({ inherited: 1 }),
    Object.assign([1], { named: 1 }),
    Object.defineProperty({ a: 1 }, 'b', { value: 1, enumerable: false }),
    new (class Thing {})(),
    Object.setPrototypeOf([1], Object.create(Array.prototype)),
    Object('boxed'),
    { toJSON: () => 5 }
  ]
  for (const value of bad) {
    const refused = expect.objectContaining({ code: 'invalid_argument' })
    expect(() => json().encode(value)).toThrow(refused)
    const at = expect.objectContaining({ message: expect.stringContaining('the value.a[1]') })
    expect(() => json().encode({ a: [0, value] })).toThrow(at)
  }
  let deep: unknown = 1
  for (let i = 0; i < 1_001; i++) deep = { deep }
  expect(() => json().encode(deep)).toThrow('nested deeper')
  const shared = { x: 1 }
  expect(json().decode(json().encode([shared, shared]))).toEqual([shared, shared])
})

test('goal: text and bytes are exact, and refuse each other', () => {
  const same = (value: string): void => {
    expect(text.decode(text.encode(value))).toBe(value)
  }
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), same))
  same('\ufeffbyte order mark')
  expect(() => text.encode('\udc00')).toThrow('surrogate')
  expect(() => text.encode(Uint8Array.of(1) as unknown as string)).toThrow('a Uint8Array')
  expect(() => text.decode(Uint8Array.of(0xff))).toThrow()
  expect(bytes.encode(Uint8Array.of(1))).toEqual(Uint8Array.of(1))
  expect(() => bytes.encode('a' as unknown as Uint8Array)).toThrow('string')
})

test('goal: arrays and objects of another realm are as good as ours', () => {
  const foreign: unknown = runInNewContext(
    '({ list: [1, { a: null }], empty: Object.create(null) })'
  )
  expect(json().decode(json().encode(foreign))).toEqual({ list: [1, { a: null }], empty: {} })
  expect(() => json().encode(runInNewContext('new Map()'))).toThrow('a Map')
  expect(() => json().encode(runInNewContext('new (class A {})()'))).toThrow('a A')
})
