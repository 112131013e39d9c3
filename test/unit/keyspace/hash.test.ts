import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hash64, partitionOf, placingPart } from '../../../src/keyspace/hash.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'

// Goal: a key goes where docs/keyspace.md says, for ever: clients of any version and language
// agree.

const page = readFileSync(new URL('../../../docs/keyspace.md', import.meta.url), 'utf8')
const vectors = [
  ...page.matchAll(/^\| `(.+)` \| `(.+)` \| `([0-9a-f]{16})` \| (\d+) \| (\d+) \|$/gm)
].map(([, key = '', part = '', hash = '', of64 = '', of4096 = '']) => {
  return { key, part, hash, of64, of4096 }
})

test('the page has its vectors', () => {
  expect(vectors.length).toBe(12)
})

test.each(vectors)('$key', ({ key, part, hash, of64, of4096 }) => {
  const bytes = utf8(key)
  expect(utf8Text(placingPart(bytes))).toBe(part)
  expect(hash64(utf8(part))).toBe(BigInt(`0x${hash}`))
  expect(partitionOf(bytes, 64)).toBe(Number(of64))
  expect(partitionOf(bytes, 4_096)).toBe(Number(of4096))
})

test('xxh64 of nothing, and of bytes that are no text', () => {
  expect(hash64(new Uint8Array(0))).toBe(0xef46db3751d8e999n)
  expect(hash64(Uint8Array.of(0))).toBe(0xe934a84adb052768n)
  expect(partitionOf(Uint8Array.of(0xff, 0xfe), 64)).toBe(7)
})

test('twice the partitions split each in two', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(16), (key, bits) => {
      const coarse = partitionOf(key, 2 ** bits)
      expect(coarse).toBeLessThan(2 ** bits)
      expect(partitionOf(key, 2 ** (bits + 1)) >>> 1).toBe(coarse)
    })
  )
})

test('keys spread evenly', () => {
  const counts = new Map<number, number>()
  for (let i = 0; i < 64_000; i++) {
    const partition = partitionOf(utf8(`user:${i}`), 64)
    counts.set(partition, (counts.get(partition) ?? 0) + 1)
  }
  expect(counts.size).toBe(64)
  expect(Math.min(...counts.values())).toBeGreaterThan(850)
  expect(Math.max(...counts.values())).toBeLessThan(1_150)
})

test('a number of partitions that is no power of two is our own mistake', () => {
  for (const partitions of [0, 3, 63, -1]) {
    expect(() => partitionOf(utf8('a'), partitions)).toThrow(/power of two/)
  }
})
