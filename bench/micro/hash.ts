import { hash64, partitionOf } from '../../src/keyspace/hash.ts'
import { hashItem, Multiset } from '../../src/state/hash.ts'
import { checksum } from '../../src/storage/checksum.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { repeated, type Section, timed, type Work } from './measure.ts'

// What places a key, what tells whether replicas are the same, and what guards the log.

const KEY = utf8('bench/012345')

function digest(bytes: number): Work {
  const record = new Uint8Array(bytes).fill(0x61)
  const sum = new Multiset()
  return repeated(`add a record of ${bytes} bytes to the digest`, () => {
    sum.add(hashItem(KEY, record, 0))
    return sum
  })
}

function check(bytes: number): Work {
  const data = new Uint8Array(bytes).fill(0x61)
  return repeated(`checksum of ${bytes} bytes`, () => checksum(data))
}

export function hashSections(seconds: number): Section[] {
  const works = [
    repeated('hash of a key', () => hash64(KEY)),
    repeated('partition of a key', () => partitionOf(KEY, 64)),
    ...[120, 1_024, 65_536].map(digest),
    ...[260, 65_536].map(check)
  ]
  return [timed('Hashes: a key of 12 bytes', works, seconds)]
}
