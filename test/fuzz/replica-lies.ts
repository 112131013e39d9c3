import fc from 'fast-check'
import {
  encodeConfiguration,
  encodeGroupMessages,
  encodeMark,
  type GroupMessage
} from '../../src/raft/codec.ts'
import type { Entry, Message, SnapshotMark } from '../../src/raft/types.ts'
import { encodeBody } from '../../src/state/entry-body.ts'
import { concatBytes } from '../../src/wire/bytes.ts'
import type { ClusterView, Member } from '../../src/wire/cluster-map.ts'
import { encodeFrame, FRAME } from '../../src/wire/frame.ts'
import { encodeSnapshotChunk } from '../../src/wire/node-frames.ts'
import { encodeStatePage } from '../../src/wire/state-page.ts'
import { forgedState } from './forged-state.ts'
import type { Recorded } from './recorded.ts'
import { whole } from './spoil.ts'

// What replicas of a group say to each other, by somebody who is none of them: every decoder takes
// it, and no true replica would send it.

/** How far from what a group of some twenty entries can be, and how often. */
export type Boldness = 'calm' | 'bold'

interface Numbers {
  readonly index: fc.Arbitrary<number>
  readonly term: fc.Arbitrary<number>
}

/** A later term makes the earlier ones deaf: it is rare where many lies shall be heard. */
const NUMBERS: Readonly<Record<Boldness, Numbers>> = {
  calm: { index: fc.nat(24), term: fc.nat(7) },
  bold: { index: fc.oneof(fc.nat(24), whole), term: fc.oneof(fc.nat(7), whole) }
}
const flag = fc.boolean()
const NAMES = ['node1', 'node2', 'node3', 'stranger1', 'nobody', '']

const ONE = { members: [{ replica: 1, node: 'node1', voter: true }] }

interface Ends {
  readonly group: number
  readonly from: number
  readonly to: number
}

/** From a replica to its twin on `node`; now and then from or to another one. */
function endsIn(view: ClusterView, node: string): fc.Arbitrary<Ends> {
  const true_ = fc
    .tuple(fc.constantFrom(...view.map.placements), fc.nat())
    .map(([{ group, members }, i]) => {
      const to = members.find((member) => member.node === node)?.replica ?? 1
      const others = members.filter(({ replica }) => replica !== to)
      return { group, from: others[i % others.length]?.replica ?? 1, to }
    })
  const replica = fc.integer({ min: 1, max: 17 })
  return fc.oneof(
    { weight: 20, arbitrary: true_ },
    { weight: 1, arbitrary: fc.record({ group: fc.nat(6), from: replica, to: replica }) }
  )
}

const member: fc.Arbitrary<Member> = fc.record({
  replica: fc.integer({ min: 1, max: 17 }),
  node: fc.constantFrom(...NAMES),
  voter: flag
})

const configuration = fc
  .uniqueArray(member, { selector: (it) => it.replica, minLength: 1, maxLength: 4 })
  .map((members) => ({
    members: [{ ...(members[0] as Member), voter: true }, ...members.slice(1)]
  }))

type Data = Pick<Entry, 'kind' | 'data'>

const log: fc.Arbitrary<readonly Data[]> = fc.array(
  fc.oneof(
    fc.constant<Data>({ kind: 'command', data: encodeBody(1_700_000_000_000, []) }),
    fc.constant<Data>({ kind: 'empty', data: new Uint8Array(0) }),
    configuration.map<Data>((it) => ({ kind: 'configuration', data: encodeConfiguration(it) }))
  ),
  { maxLength: 4 }
)

function messageOf(ends: Ends, { index, term }: Numbers): fc.Arbitrary<Message> {
  const envelope = { from: fc.constant(ends.from), to: fc.constant(ends.to), term }
  const append = fc
    .record({ ...envelope, previousIndex: index, previousTerm: term, commit: index, log })
    .map(({ log: list, ...fields }) => {
      const first = fields.previousIndex + 1
      const own = Math.max(fields.term, fields.previousTerm)
      const entries = list.map((entry, i) => ({ index: first + i, term: own, ...entry }))
      return { type: 'append' as const, ...fields, term: own, entries }
    })
  const fields = { rejected: flag, index, hintIndex: index, hintTerm: term }
  const asked = { lastIndex: index, lastTerm: term, transfer: flag }
  return fc.oneof(
    { weight: 3, arbitrary: append },
    fc.record({ type: fc.constant('append-reply' as const), ...envelope, ...fields }),
    fc.record({ type: fc.constant('heartbeat' as const), ...envelope, commit: index }),
    fc.record({
      type: fc.constantFrom('vote' as const, 'pre-vote' as const),
      ...envelope,
      ...asked
    }),
    fc.record({
      type: fc.constantFrom('vote-reply' as const, 'pre-vote-reply' as const),
      ...envelope,
      rejected: flag
    }),
    fc.record({
      type: fc.constantFrom('heartbeat-reply' as const, 'timeout-now' as const),
      ...envelope
    })
  )
}

/** Messages to `node` between replicas that are there, of terms and indexes that may not be. */
export function raftLie(
  view: ClusterView,
  node: string,
  boldness: Boldness
): fc.Arbitrary<Recorded> {
  const one = endsIn(view, node).chain((ends) =>
    messageOf(ends, NUMBERS[boldness]).map(
      (message): GroupMessage => ({ group: ends.group, message })
    )
  )
  return fc.array(one, { minLength: 1, maxLength: 4 }).map((batch) => {
    const { head, bodies } = encodeGroupMessages(batch)
    const bytes = concatBytes([...encodeFrame([FRAME.raft, head], bodies)])
    return { bytes, channel: 'main' }
  })
}

const { index, term } = NUMBERS.bold
const mark: fc.Arbitrary<SnapshotMark> = fc.record({ index, term, configuration })
const shortBytes = fc.uint8Array({ maxLength: 24 })
const stateEntry = fc.tuple(
  fc.oneof(
    shortBytes,
    fc
      .tuple(fc.constantFrom(...'mcskiq'), shortBytes)
      .map(([first, rest]) => Uint8Array.of(first.charCodeAt(0), ...rest))
  ),
  shortBytes
)

/** Pages of a state that nobody has. */
export function snapshotLie(view: ClusterView, node: string): fc.Arbitrary<Recorded> {
  return fc
    .record({
      ends: endsIn(view, node),
      term,
      transfer: fc.nat(1),
      sequence: fc.nat(2),
      last: flag,
      mark,
      entries: fc.array(stateEntry, { maxLength: 6 })
    })
    .map(({ ends, entries, mark: at, ...rest }) => {
      const chunk = { ...ends, ...rest, mark: encodeMark(at) }
      const bytes = concatBytes([...encodeSnapshotChunk(chunk, encodeStatePage(entries))])
      return { bytes, channel: 'bulk' }
    })
}

/** A whole state in one page, of a leader that is none. */
export function stateLie(view: ClusterView, node: string): fc.Arbitrary<Recorded> {
  return fc
    .record({
      ends: endsIn(view, node),
      transfer: fc.nat(9),
      entries: forgedState
    })
    .map(({ ends, entries, ...rest }) => {
      const told = { index: 1_000, term: 1, configuration: ONE }
      const chunk = { ...ends, ...rest, term: 9, sequence: 0, last: true, mark: encodeMark(told) }
      const bytes = concatBytes([...encodeSnapshotChunk(chunk, encodeStatePage(entries))])
      return { bytes, channel: 'bulk' }
    })
}
