import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SnapshotReceiver } from '../../src/partition/snapshot-receiver.ts'
import { decodeConfiguration, encodeMark } from '../../src/raft/codec.ts'
import { encodeBody } from '../../src/state/entry-body.ts'
import { LOCK_PREFIX, SESSION_PREFIX, TRANSACTION_PREFIX } from '../../src/state/layout.ts'
import { loadSaved } from '../../src/state/meta.ts'
import { StateMachine } from '../../src/state/state-machine.ts'
import { TableCheck } from '../../src/state/table-check.ts'
import type { Receiver } from '../../src/storage/overlay.ts'
import { Malformed, utf8 } from '../../src/wire/bytes.ts'
import { encodeCommand } from '../../src/wire/command.ts'
import { decodeStatePage, encodeStatePage, type StateEntry } from '../../src/wire/state-page.ts'
import { MapTable } from '../unit/state/fixture.ts'
import { forgedState } from './forged-state.ts'
import { fuzz, isReplay } from './fuzz.ts'
import { ofBytes } from './spoil.ts'

// Goal: no page makes the reader of snapshots do anything but refuse it, it keeps no more than it
// was sent, and a state that it takes can be opened and used.

const pages = forgedState.map((entries) => encodeStatePage(entries))
const spoiledPage = fc
  .tuple(pages, fc.array(ofBytes, { maxLength: 3 }))
  .map(([page, changes]) => changes.reduce((bytes, change) => change(bytes), page))

/** Malformed, or what `read` gave. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    expect(error).toBeInstanceOf(Malformed)
    return undefined
  }
}

test('pages: any bytes are entries or Malformed', async () => {
  await fuzz(
    1_500,
    fc.property(fc.oneof(spoiledPage, fc.uint8Array()), (bytes) => {
      const entries = attempt(() => decodeStatePage(bytes))
      if (entries === undefined) return
      const kept = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
      expect(kept).toBeLessThanOrEqual(bytes.length)
      expect(decodeStatePage(encodeStatePage(entries))).toEqual(entries)
    })
  )
})

test('pages: a count without entries costs nothing', () => {
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 1_000; i++) {
    expect(() => decodeStatePage(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0x7f))).toThrow(
      Malformed
    )
  }
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(16 * 1024 * 1024)
})

const CONFIGURATION = { members: [{ replica: 1, node: 'node1', voter: true }] }
const STANDS = { index: 1_000, term: 1, configuration: CONFIGURATION }
/** Late enough for all idempotency keys to be forgotten. */
const LATE_MS = 1_800_000_000_000
const LATE = encodeBody(LATE_MS, [
  encodeCommand({
    session: 'ab'.repeat(16),
    seq: 1,
    ackedUpTo: 0,
    basis: STANDS.index,
    operation: { type: 'put', key: utf8('a'), value: utf8('b') }
  })
])

/** Ends all transactions that `state` has anything of. */
function endAll(state: StateMachine): void {
  const { transactions } = state
  const records = [...transactions.records()].map(({ id }) => id)
  const parts = [...transactions.parts()].map(({ ref }) => ref)
  const numbers = { ackedUpTo: 0, basis: 0 }
  const commands = [
    ...records.map((id) => {
      return { ...id, ...numbers, operation: { type: 'abort', why: 'ended', basis: 0 } } as const
    }),
    ...parts.map(({ session, seq }, i) => {
      const operation = { type: 'resolve', committed: i % 2 === 0 } as const
      return { session, seq, ...numbers, operation }
    }),
    ...records.map((id) => {
      return { ...id, ...numbers, operation: { type: 'forget', transactions: [id] } } as const
    })
  ]
  state.apply(STANDS.index + 1, 1, encodeBody(LATE_MS, commands.map(encodeCommand)))
  expect(transactions.counts).toEqual({ parts: 0, records: 0 })
}

/** Sends `bytes` as the only page; the records that were taken, if the state was. */
function received(bytes: Uint8Array): readonly StateEntry[] | undefined {
  let kept: readonly StateEntry[] = []
  let ended: 'complete' | 'damaged' | undefined
  const into: Receiver = {
    put: (entries, done) => {
      kept = entries
      done(undefined)
    },
    finish: (_, done) => done(undefined),
    abort: () => {}
  }
  const bound = { group: 1, from: 1, to: 2, term: 1, transfer: 1, mark: encodeMark(STANDS) }
  const chunk = { ...bound, sequence: 0, last: true }
  const receiver = new SnapshotReceiver(chunk, STANDS, into, {
    acknowledge: () => {},
    complete: () => {
      ended = 'complete'
    },
    damaged: () => {
      ended = 'damaged'
    },
    fault: (fault) => {
      throw fault
    }
  })
  attempt(() => receiver.take({ ...chunk, page: bytes }))
  return ended === 'complete' ? kept : undefined
}

test('receiver: what it takes can be opened, read and changed', async () => {
  let taken = 0
  await fuzz(
    800,
    fc.property(fc.oneof({ weight: 3, arbitrary: pages }, spoiledPage), (bytes) => {
      const records = received(bytes)
      if (records === undefined) return
      taken++
      const table = new MapTable()
      for (const [key, value] of records) table.set(key, value)
      const { meta } = table.saved()
      const state = new StateMachine({ group: 1, table }, table.saved())
      expect(state.applied).toEqual({ index: STANDS.index, term: STANDS.term })
      decodeConfiguration(state.configuration)
      for (const key of ['a', 'b', 'c', 'd']) state.read(utf8(key))
      endAll(state)
      const answers = state.apply(STANDS.index + 2, 1, LATE)
      expect(answers).toMatchObject([{ type: 'result', result: { type: 'written' } }])
      expect(Number.isSafeInteger(state.read(utf8('a'))?.revision)).toBe(true)
      state.prepareFlush()
      expect(meta?.index).toBe(STANDS.index)
    })
  )
  if (!isReplay) expect(taken).toBeGreaterThan(50)
})

test('a table: any records are whole or Malformed', async () => {
  const entry = fc.tuple(
    fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(...'mcskiqt').map(utf8)),
    fc.uint8Array({ maxLength: 60 })
  )
  await fuzz(
    1_500,
    fc.property(fc.oneof(forgedState, fc.array(entry, { maxLength: 5 })), (entries) => {
      attempt(() => {
        const check = new TableCheck()
        for (const [key, value] of entries) check.add(key, value)
        return check.finish()
      })
      const under = (prefix: Uint8Array) => entries.filter(([key]) => key[0] === prefix[0])
      const rows = {
        sessions: under(SESSION_PREFIX),
        transactions: under(TRANSACTION_PREFIX),
        locks: under(LOCK_PREFIX)
      }
      const meta = entries.find(([key]) => key[0] === 'm'.charCodeAt(0))
      attempt(() => loadSaved(meta?.[1], rows))
    })
  )
})
