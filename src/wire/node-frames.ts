import { Malformed } from './bytes.ts'
import { ADDRESSES_MAX } from './cluster-map-codec.ts'
import { DISK_LEVELS, type DiskLevel } from './disk-level.ts'
import { asArray, asBoolean, asChoice, asInteger, asPeerId, asText, asTuple } from './fields.ts'
import { encodeFrame, FRAME } from './frame.ts'
import type { GroupId, NodeId, ReplicaId } from './ids.ts'
import { LOG_NUMBER_MAX } from './limits.ts'

type Parts = readonly Uint8Array[]
type Head = readonly unknown[]

const GROUPS_MAX = 8_192
const PEERS_MAX = 1_024

/** One group of a read confirmation: does `to` still follow `from`, the leader of `term`? */
export interface ConfirmGroup {
  readonly group: GroupId
  readonly from: ReplicaId
  readonly to: ReplicaId
  readonly term: number
}

/** [kind, boot nonce of the asker, round, flat groups: group, from, to, term, …] */
export interface Confirm {
  readonly nonce: number
  readonly round: number
  readonly groups: readonly ConfirmGroup[]
}

export function encodeConfirm({ nonce, round, groups }: Confirm): Parts {
  const flat: number[] = []
  for (const { group, from, to, term } of groups) flat.push(group, from, to, term)
  return encodeFrame([FRAME.confirm, nonce, round, flat])
}

export function decodeConfirm(head: Head): Confirm {
  const [, nonce, round, flat] = asTuple(head, 4)
  const numbers = asArray(flat, GROUPS_MAX * 4)
  if (numbers.length % 4 !== 0) throw new Malformed('confirm groups')
  const groups: ConfirmGroup[] = []
  for (let i = 0; i < numbers.length; i += 4) {
    groups.push({
      group: asInteger(numbers[i]),
      from: asInteger(numbers[i + 1]),
      to: asInteger(numbers[i + 2]),
      term: asInteger(numbers[i + 3])
    })
  }
  return { nonce: asInteger(nonce), round: asInteger(round), groups }
}

/** [kind, nonce and round of the question, groups not confirmed] */
export interface ConfirmReply {
  readonly nonce: number
  readonly round: number
  readonly failed: readonly GroupId[]
}

export function encodeConfirmReply({ nonce, round, failed }: ConfirmReply): Parts {
  return encodeFrame([FRAME.confirmReply, nonce, round, failed])
}

export function decodeConfirmReply(head: Head): ConfirmReply {
  const [, nonce, round, failed] = asTuple(head, 4)
  const groups = asArray(failed, GROUPS_MAX).map((group) => asInteger(group))
  return { nonce: asInteger(nonce), round: asInteger(round), failed: groups }
}

/** Asks a leader how far its groups are: see FreshnessRounds. [kind, nonce, round, groups] */
export interface FreshnessQuestion {
  /** Of the life that asks; it comes back with the answer. */
  readonly nonce: number
  readonly round: number
  readonly groups: readonly GroupId[]
}

export function encodeFreshness({ nonce, round, groups }: FreshnessQuestion): Parts {
  return encodeFrame([FRAME.freshness, nonce, round, groups])
}

export function decodeFreshness(head: Head): FreshnessQuestion {
  const [, nonce, round, groups] = asTuple(head, 4)
  return {
    nonce: asInteger(nonce),
    round: asInteger(round),
    groups: asArray(groups, GROUPS_MAX).map((group) => asInteger(group))
  }
}

/** For those of the groups of which the leader is sure. [kind, nonce, round, [group, index, …]] */
export interface FreshnessReply {
  readonly nonce: number
  readonly round: number
  /** Applied there, at or after everything committed before the question was asked. */
  readonly indexes: readonly (readonly [GroupId, number])[]
}

export function encodeFreshnessReply({ nonce, round, indexes }: FreshnessReply): Parts {
  return encodeFrame([FRAME.freshnessReply, nonce, round, indexes.flat()])
}

export function decodeFreshnessReply(head: Head): FreshnessReply {
  const [, nonce, round, flat] = asTuple(head, 4)
  return { nonce: asInteger(nonce), round: asInteger(round), indexes: asPairs(flat) }
}

/** [group, number, group, number, …] */
function asPairs(value: unknown): [GroupId, number][] {
  const numbers = asArray(value, GROUPS_MAX * 2)
  if (numbers.length % 2 !== 0) throw new Malformed('half a pair')
  const pairs: [GroupId, number][] = []
  for (let i = 0; i < numbers.length; i += 2) {
    pairs.push([asInteger(numbers[i]), asInteger(numbers[i + 1])])
  }
  return pairs
}

/** A node somebody can dial, as told by another. */
export interface KnownPeer {
  readonly node: NodeId
  readonly addresses: readonly string[]
}

/** What a node says of itself once a second and at each new link. */
export interface Status {
  readonly epoch: number
  /** Its wall clock, Unix ms. */
  readonly wall: number
  readonly durableSequence: number
  /** Groups it leads: [group, term]. */
  readonly led: readonly (readonly [GroupId, number])[]
  /** Groups whose replica there must not lead: its state is damaged. */
  readonly unfit: readonly GroupId[]
  readonly disk: DiskLevel
  /** Nodes it is linked to; how nodes that share only a seed find each other. */
  readonly peers: readonly KnownPeer[]
}

export function encodeStatus(status: Status): Parts {
  const { epoch, wall, durableSequence, led, unfit } = status
  const known = status.peers.map(({ node, addresses }) => [node, addresses])
  const disk = DISK_LEVELS.indexOf(status.disk)
  return encodeFrame([FRAME.status, epoch, wall, durableSequence, led.flat(), unfit, disk, known])
}

export function decodeStatus(head: Head): Status {
  const [, epoch, wall, durableSequence, flat, groups, disk, known] = asTuple(head, 8)
  const peers = asArray(known, PEERS_MAX).map((one) => {
    const [node, addresses] = asTuple(one, 2)
    return { node: asPeerId(node), addresses: asAddresses(addresses) }
  })
  return {
    epoch: asInteger(epoch),
    wall: asInteger(wall),
    durableSequence: asInteger(durableSequence),
    led: asPairs(flat),
    unfit: asArray(groups, GROUPS_MAX).map((group) => asInteger(group)),
    disk: asChoice(disk, DISK_LEVELS),
    peers
  }
}

export function asAddresses(value: unknown): readonly string[] {
  return asArray(value, ADDRESSES_MAX).map((address) => asText(address, 512, 1))
}

/** A piece of one group's state, in key order. Body: encodeStatePage. */
export interface SnapshotChunk {
  readonly group: GroupId
  readonly from: ReplicaId
  readonly to: ReplicaId
  /** The leader's. */
  readonly term: number
  /** Tells transfers of one leader apart. */
  readonly transfer: number
  readonly sequence: number
  readonly last: boolean
  /** The mark the state stands at: index, term, configuration. */
  readonly mark: Uint8Array
}

export function encodeSnapshotChunk(chunk: SnapshotChunk, body: Uint8Array): Parts {
  const { group, from, to, term, transfer, sequence, last, mark } = chunk
  const head = [FRAME.snapshot, group, from, to, term, transfer, sequence, last, mark.length]
  return encodeFrame(head, [mark, body])
}

export function decodeSnapshotChunk(
  head: Head,
  body: Uint8Array
): SnapshotChunk & { readonly page: Uint8Array } {
  const [, group, from, to, term, transfer, sequence, last, markLength] = asTuple(head, 9)
  const length = asInteger(markLength, 0, body.length)
  return {
    group: asInteger(group),
    from: asInteger(from),
    to: asInteger(to),
    term: asInteger(term, 0, LOG_NUMBER_MAX),
    transfer: asInteger(transfer),
    sequence: asInteger(sequence),
    last: asBoolean(last),
    mark: body.subarray(0, length),
    page: body.subarray(length)
  }
}

/** The receiver has every chunk below `next`; `done`: the whole state is durable there. */
export interface SnapshotReply {
  readonly group: GroupId
  readonly from: ReplicaId
  readonly to: ReplicaId
  readonly transfer: number
  readonly next: number
  readonly outcome: 'more' | 'done' | 'refused'
}

const OUTCOMES = ['more', 'done', 'refused'] as const

export function encodeSnapshotReply(reply: SnapshotReply): Parts {
  const { group, from, to, transfer, next, outcome } = reply
  const head = [FRAME.snapshotReply, group, from, to, transfer, next, OUTCOMES.indexOf(outcome)]
  return encodeFrame(head)
}

export function decodeSnapshotReply(head: Head): SnapshotReply {
  const [, group, from, to, transfer, next, outcome] = asTuple(head, 7)
  return {
    group: asInteger(group),
    from: asInteger(from),
    to: asInteger(to),
    transfer: asInteger(transfer),
    next: asInteger(next),
    outcome: asChoice(outcome, OUTCOMES)
  }
}

/** Body: an encoded ClusterView; pushed when the map changed, and to whoever holds an older one. */
export const encodeMapPush = (view: Uint8Array): Parts => encodeFrame([FRAME.map], [view])

/** What a replica of `group` on the sending node holds at applied index `index`. */
export interface DigestClaim {
  readonly group: GroupId
  readonly index: number
  readonly digest: string
}

const DIGEST_LENGTH_MAX = 128

/** [kind, flat claims: group, index, digest, …] */
export function encodeDigests(claims: readonly DigestClaim[]): Parts {
  const flat: unknown[] = []
  for (const { group, index, digest } of claims) flat.push(group, index, digest)
  return encodeFrame([FRAME.digests, flat])
}

export function decodeDigests(head: Head): DigestClaim[] {
  const flat = asArray(asTuple(head, 2)[1], GROUPS_MAX * 6)
  if (flat.length % 3 !== 0) throw new Malformed('digest claims')
  const claims: DigestClaim[] = []
  for (let i = 0; i < flat.length; i += 3) {
    const digest = asText(flat[i + 2], DIGEST_LENGTH_MAX, 1)
    claims.push({ group: asInteger(flat[i]), index: asInteger(flat[i + 1]), digest })
  }
  return claims
}

/**
 * [kind, reason, boot nonce]: the last frame on a link that its sender will not have, for the life
 * of the peer that the nonce names.
 */
export const encodeRefused = (reason: string, bootNonce: number): Parts =>
  encodeFrame([FRAME.refused, reason, bootNonce])

export function decodeRefused(head: Head): { readonly reason: string; readonly nonce: number } {
  const [, reason, nonce] = asTuple(head, 3)
  return { reason: asText(reason, 256), nonce: asInteger(nonce) }
}
