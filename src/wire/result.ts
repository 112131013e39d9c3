import { type ByteReader, type ByteWriter, Malformed } from './bytes.ts'
import type { GroupId, SessionId } from './ids.ts'
import {
  TRANSACTION_BYTES_MAX,
  TRANSACTION_GROUPS_MAX,
  TRANSACTION_OPERATIONS_MAX
} from './limits.ts'
import { LOCK_RESULT, type LockResult, readLockResult, writeLockResult } from './lock-result.ts'
import { readSession, writeSession } from './session-id.ts'

/** What applying a command answered; kept per session until acknowledged. */
export type Result = KeyResult | TransactionResult | LockResult

/** What commands answer that are about one key or none. */
export type KeyResult =
  | { readonly type: 'written'; readonly revision: number }
  | { readonly type: 'deleted'; readonly revision: number }
  /** There was nothing to delete, or to touch. */
  | { readonly type: 'absent' }
  | {
      readonly type: 'counted'
      readonly value: number
      readonly revision: number
      /** What was left of the ttl the key has, at the time of the entry. Absent: it has none. */
      readonly expiresInMs?: number
    }
  /** Revision 0: there is no such key. */
  | { readonly type: 'conflict'; readonly revision: number }
  | { readonly type: 'not-a-number' }
  | { readonly type: 'done' }
  /** The command may not run here at all (a data command in group 0, an unusable node record). */
  | { readonly type: 'refused'; readonly reason: string }
  | NotRunResult

/** What bears an idempotency key did not run, and under this number never will. */
export interface NotRunResult {
  readonly type: 'not-run'
  readonly why: NotRun
}

/** What commands of transactions answer. */
export type TransactionResult =
  /** This group's part holds, and stays so until the decision. */
  | { readonly type: 'prepared'; readonly vote: Vote }
  /** The whole transaction is committed. One vote for each part, in the order of the parts. */
  | { readonly type: 'transacted'; readonly votes: readonly Vote[] }
  /** It changed nothing anywhere, and under this number never will. */
  | { readonly type: 'aborted'; readonly why: AbortReason }
  /** A decision, of those who have no more to tell of it. */
  | { readonly type: 'ended'; readonly committed: boolean }
  | { readonly type: 'pending' }
  /** Its client was told, or gave up, long ago: what became of it is not known any more. */
  | { readonly type: 'gone' }
  | KnownResult

/** The transaction that an idempotency key stands for: it ran, and a repeat is answered by this. */
export interface KnownResult {
  readonly type: 'known'
  readonly session: SessionId
  readonly seq: number
  /** In any order. */
  readonly votes: readonly Vote[]
  /** See Keyed. */
  readonly shown: Uint8Array
}

/** What one group says of its part. */
export interface Vote {
  readonly group: GroupId
  /** The index at which it was prepared; its effects are seen from there on. */
  readonly applied: number
  /** Of each write, in their order. */
  readonly results: readonly KeyResult[]
}

/**
 * Why a transaction was aborted:
 * - `moved`: a check did not hold.
 * - `blocked`: another transaction holds one of its keys.
 * - `not_a_number`: an increment of what is none, or of one that would get too large.
 * - `absent`: a touch of what is not there.
 * - `ended`: somebody waited for it too long, or its coordinator was lost.
 * - `overloaded`: a group had no room for its session.
 * - `fenced`: a lock that it requires is not held with that token.
 */
export type AbortReason = (typeof ABORT_REASONS)[number]

/**
 * - `reused`: its idempotency key stands for another request.
 * - `full`: the memory for idempotency keys is.
 * - `late`: it is not known, and its time is over.
 * - `early`: its time is too far ahead of the group's: somebody's clock is wrong.
 */
export type NotRun = (typeof NOT_RUN)[number]

const ABORT_REASONS = [
  'moved',
  'blocked',
  'not_a_number',
  'absent',
  'ended',
  'overloaded',
  'fenced'
] as const
const NOT_RUN = ['reused', 'full', 'late', 'early'] as const
const RESULT = {
  ...LOCK_RESULT,
  written: 1,
  deleted: 2,
  absent: 3,
  counted: 4,
  conflict: 5,
  'not-a-number': 6,
  done: 7,
  refused: 8,
  'not-run': 9,
  prepared: 11,
  transacted: 12,
  aborted: 13,
  ended: 14,
  pending: 15,
  gone: 16,
  known: 25
} as const
/** `counted`, and what is left of the ttl. */
const COUNTED_EXPIRING = 10

export function writeResult(writer: ByteWriter, result: Result): void {
  const isExpiring = result.type === 'counted' && result.expiresInMs !== undefined
  writer.u8(isExpiring ? COUNTED_EXPIRING : RESULT[result.type])
  switch (result.type) {
    case 'written':
    case 'deleted':
    case 'conflict':
      writer.varint(result.revision)
      return
    case 'counted':
      writer.signed(result.value).varint(result.revision)
      if (result.expiresInMs !== undefined) writer.varint(result.expiresInMs)
      return
    case 'refused':
      writer.text(result.reason)
      return
    case 'not-run':
      writer.u8(NOT_RUN.indexOf(result.why))
      return
    case 'prepared':
      writeVote(writer, result.vote)
      return
    case 'transacted':
      writeVotes(writer, result.votes)
      return
    case 'known':
      writeSession(writer, result.session)
      writer.varint(result.seq)
      writeVotes(writer, result.votes)
      writer.bytes(result.shown)
      return
    case 'aborted':
      writer.text(result.why)
      return
    case 'ended':
      writer.u8(result.committed ? 1 : 0)
      return
    case 'absent':
    case 'not-a-number':
    case 'done':
    case 'pending':
    case 'gone':
      return
    default:
      writeLockResult(writer, result)
  }
}

function writeVotes(writer: ByteWriter, votes: readonly Vote[]): void {
  writer.varint(votes.length)
  for (const vote of votes) writeVote(writer, vote)
}

/** Layout: group, applied varints · results with their count. */
export function writeVote(writer: ByteWriter, { group, applied, results }: Vote): void {
  writer.varint(group).varint(applied).varint(results.length)
  for (const result of results) writeResult(writer, result)
}

/** Throws Malformed. */
export function readVote(reader: ByteReader): Vote {
  const group = reader.varint()
  const applied = reader.varint()
  const count = reader.varint()
  if (count > TRANSACTION_OPERATIONS_MAX) throw new Malformed(`${count} results of one part`)
  const results: KeyResult[] = []
  for (let i = 0; i < count; i++) results.push(readKeyResult(reader))
  return { group, applied, results }
}

/** What an idempotency key can be answered with. Throws Malformed. */
export function readKeptResult(reader: ByteReader): KeyResult | KnownResult {
  const kind = reader.u8()
  return kind === RESULT.known ? readKnown(reader) : keyResult(reader, kind)
}

function readKnown(reader: ByteReader): KnownResult {
  return {
    type: 'known',
    session: readSession(reader),
    seq: reader.varint(),
    votes: readVotes(reader),
    shown: reader.bytes(TRANSACTION_BYTES_MAX)
  }
}

function readVotes(reader: ByteReader): readonly Vote[] {
  const count = reader.varint()
  if (count > TRANSACTION_GROUPS_MAX) throw new Malformed(`${count} votes`)
  const votes: Vote[] = []
  for (let i = 0; i < count; i++) votes.push(readVote(reader))
  return votes
}

export function readAbortReason(reader: ByteReader): AbortReason {
  const text = reader.text(32)
  const why = ABORT_REASONS.find((reason) => reason === text)
  if (why === undefined) throw new Malformed('unknown reason of an abort')
  return why
}

/** Throws Malformed. */
export function readResult(reader: ByteReader): Result {
  const kind = reader.u8()
  switch (kind) {
    case RESULT.prepared:
      return { type: 'prepared', vote: readVote(reader) }
    case RESULT.transacted:
      return { type: 'transacted', votes: readVotes(reader) }
    case RESULT.known:
      return readKnown(reader)
    case RESULT.aborted:
      return { type: 'aborted', why: readAbortReason(reader) }
    case RESULT.ended: {
      const committed = reader.u8()
      if (committed > 1) throw new Malformed('unknown flags')
      return { type: 'ended', committed: committed === 1 }
    }
    case RESULT.pending:
      return { type: 'pending' }
    case RESULT.gone:
      return { type: 'gone' }
    default:
      return readLockResult(reader, kind) ?? keyResult(reader, kind)
  }
}

/** Throws Malformed: results of parts do not nest. */
export function readKeyResult(reader: ByteReader): KeyResult {
  return keyResult(reader, reader.u8())
}

function keyResult(reader: ByteReader, kind: number): KeyResult {
  switch (kind) {
    case RESULT.written:
      return { type: 'written', revision: reader.varint() }
    case RESULT.deleted:
      return { type: 'deleted', revision: reader.varint() }
    case RESULT.absent:
      return { type: 'absent' }
    case RESULT.counted:
      return readCounted(reader)
    case COUNTED_EXPIRING:
      return { ...readCounted(reader), expiresInMs: reader.varint() }
    case RESULT.conflict:
      return { type: 'conflict', revision: reader.varint() }
    case RESULT['not-a-number']:
      return { type: 'not-a-number' }
    case RESULT.done:
      return { type: 'done' }
    case RESULT.refused:
      return { type: 'refused', reason: reader.text() }
    case RESULT['not-run']: {
      const why = NOT_RUN[reader.u8()]
      if (why === undefined) throw new Malformed('unknown reason not to run')
      return { type: 'not-run', why }
    }
    default:
      throw new Malformed(`unknown result ${kind}`)
  }
}

function readCounted(reader: ByteReader): Extract<Result, { type: 'counted' }> {
  return { type: 'counted', value: reader.signed(), revision: reader.varint() }
}
