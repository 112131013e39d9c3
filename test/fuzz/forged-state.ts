import fc from 'fast-check'
import { encodeConfiguration } from '../../src/raft/codec.ts'
import { hashItem, Multiset } from '../../src/state/hash.ts'
import { recordHash } from '../../src/state/keys.ts'
import { META_KEY } from '../../src/state/layout.ts'
import { encodeMeta, type Meta } from '../../src/state/meta.ts'
import { compareBytes, concatBytes, utf8 } from '../../src/wire/bytes.ts'
import type { StateEntry } from '../../src/wire/state-page.ts'
import { Runner } from '../unit/state/fixture.ts'
import { ofBytes, whole } from './spoil.ts'

const KEY = 'k'.charCodeAt(0)
const SESSION = 's'.charCodeAt(0)

/** All records of a small state but its meta record. */
function trueRecords(): readonly StateEntry[] {
  const on = new Runner()
  for (const key of ['a', 'b', 'c']) on.put(key, key.repeat(9))
  on.put('d', 'brief', { ttlMs: 5 })
  const once = { key: Uint8Array.of(1, 2), digest: new Uint8Array(32), notAfter: on.time }
  on.run({ type: 'claim', once })
  const work = {
    checks: [{ type: 'exists', key: Uint8Array.of(1), exists: false }],
    writes: [
      { type: 'put', key: utf8('a'), value: utf8('other') },
      { type: 'put', key: utf8('b'), value: utf8('brief'), ttlMs: 5 },
      { type: 'delete', key: utf8('c') }
    ]
  } as const
  on.run({ type: 'create', others: [2, 3], work })
  const writes = [{ type: 'increment', key: utf8('n'), by: 1 }] as const
  on.run({ type: 'prepare', anchor: 2, anchorBasis: 7, work: { checks: [], writes } })
  const lock = { guard: false, key: utf8('lock') }
  const how = { shared: true, wait: true, ttlMs: 1_000, owner: 'somebody' }
  for (const shared of [true, true, false]) on.run({ type: 'acquire', ...lock, ...how, shared })
  const check = { type: 'lock', ...lock, token: on.machine.counter - 1 } as const
  on.run({ type: 'prepare', anchor: 2, anchorBasis: 8, work: { checks: [check], writes: [] } })
  on.machine.prepareFlush()
  return [...on.table.records.values()].filter(([key]) => compareBytes(key, META_KEY) !== 0)
}

/** `entries`, spoiled as may be, and the meta record that makes them whole. */
function sealed(entries: readonly StateEntry[], more: Partial<Meta>): StateEntry[] {
  const data = new Multiset()
  const sessions = new Multiset()
  const counts = { keys: 0, sessions: 0 }
  const sound = entries.map(([key, value]): StateEntry => {
    if (key[0] === SESSION) {
      counts.sessions++
      sessions.add(hashItem(key, value, 0))
      return [key, value]
    }
    if (key[0] !== KEY || value.length <= 8) {
      data.add(hashItem(key, value, 0))
      return [key, value]
    }
    counts.keys++
    const [a, b] = hashItem(key, value, 8)
    const seal = new Uint8Array(8)
    new DataView(seal.buffer).setInt32(0, a)
    new DataView(seal.buffer).setInt32(4, b)
    const record = concatBytes([seal, value.slice(8)])
    data.add(recordHash(record))
    return [key, record]
  })
  const meta = encodeMeta({
    index: 1_000,
    term: 1,
    counter: 9,
    time: 1_700_000_000_000,
    configurationIndex: 1,
    configuration: encodeConfiguration({ members: [{ replica: 1, node: 'node1', voter: true }] }),
    ...counts,
    sessionFloor: 0,
    dataHash: data,
    sessionHash: sessions,
    ...more
  })
  return [...sound, [META_KEY, meta] as const]
}

const metaLie: fc.Arbitrary<Partial<Meta>> = fc.record(
  {
    index: whole,
    term: whole,
    counter: whole,
    sessionFloor: whole,
    time: whole,
    configurationIndex: whole,
    configuration: fc.uint8Array({ maxLength: 12 })
  },
  { requiredKeys: [] }
)

/**
 * The records of a state that is whole by all its hashes, and of which some cannot be read, or
 * stand where they cannot: what a leader of another version, or a hostile one, might send.
 */
export const forgedState: fc.Arbitrary<readonly StateEntry[]> = fc
  .record({
    changes: fc.array(fc.tuple(fc.nat(), ofBytes, ofBytes, fc.nat(5)), { maxLength: 2 }),
    meta: fc.oneof(fc.constant({}), metaLie)
  })
  .map(({ changes, meta }) => {
    const records = [...trueRecords()]
    for (const [at, changeKey, changeValue, how] of changes) {
      const i = at % records.length
      const [key, value] = records[i] as StateEntry
      if (how === 0) records.splice(i, 1)
      else if (how === 1) records.push([key, value])
      else if (how === 2)
        records[i] = [concatBytes([key.slice(0, 1), changeKey(key.slice(1))]), value]
      else records[i] = [key, changeValue(value)]
    }
    return sealed(records, meta).sort((a, b) => compareBytes(a[0], b[0]))
  })
