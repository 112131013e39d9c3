import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import { CODES, type Failure, failure } from '../wire/failure.ts'
import {
  TRANSACTION_BYTES_MAX,
  TRANSACTION_GROUPS_MAX,
  TRANSACTION_OPERATIONS_MAX,
  VALUE_BYTES_MAX
} from '../wire/limits.ts'
import type { Keyed, Once } from '../wire/once.ts'
import type { ReadRecord } from '../wire/read-body.ts'
import type { KeyResult, KnownResult } from '../wire/result.ts'
import type { Work } from '../wire/transaction.ts'
import type { CallOutcome, SeenGroup } from './inputs.ts'
import { notRun } from './not-run.ts'
import { groupOf } from './plan.ts'
import { groupsOf } from './snapshot.ts'
import { distinct, type Found, nameOfKey, readsOf, resultsOfSteps, writesOf } from './steps.ts'
import type { Step, TransactionOutcome, TransactionRequest } from './transactor-types.ts'

/** What an answer under an idempotency key shows that no vote says. */
export interface Shown {
  /** It ended so, whatever the conditions. */
  readonly refused?: RefusedCode | undefined
  /** Indexes of the conditions that did not hold. */
  readonly failed: readonly number[]
  /** What stood at the keys that the steps which ran read. */
  readonly found: Found
}

export type RefusedCode = (typeof REFUSED)[number]

export type Told = CallOutcome & { readonly ok: true; readonly kind: 'told' }

const REFUSED = ['not_a_number', 'not_found'] as const
const VERSION = 1
const NOTHING: Found = new Map()

/** What the attempt bears whose answer would be of these steps, and show this. */
export function keyedBy(once: Once, steps: readonly Step[], shown: Shown): Keyed {
  return { once, shown: encodeShown(steps, shown) }
}

/** Why an attempt is too large to be remembered, if it is: command and answer travel together. */
export function excessKeyed({ checks, writes }: Work, { shown }: Keyed): Failure | undefined {
  let bytes = shown.length
  for (const check of checks) {
    bytes += check.key.length + (check.type === 'value' ? check.value.length : 0)
  }
  for (const write of writes) {
    bytes += write.key.length + (write.type === 'put' ? write.value.length : 0)
  }
  if (bytes <= TRANSACTION_BYTES_MAX) return undefined
  const message = `${bytes} bytes to write and to show; ${TRANSACTION_BYTES_MAX} may be together`
  return failure('too_large', `${message} in one transaction with an Idempotency-Key`)
}

/** The answer that the idempotency key of `request` stands for. */
export function toldOutcome(request: TransactionRequest, told: Told): TransactionOutcome {
  const { result } = told
  if (result.type === 'not-run') return failed(notRun(result.why))
  try {
    return knownOutcome(request, told, result)
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return failed(failure('internal', `what is kept of it cannot be read: ${error.message}`))
  }
}

/** Throws Malformed. */
function knownOutcome(
  request: TransactionRequest,
  { group, applied, partitions }: Told,
  { session, seq, votes, shown: encoded }: KnownResult
): TransactionOutcome {
  const shown = decodeShown(encoded)
  if (shown.refused !== undefined) return failed(refusal(shown.refused))
  const steps = shown.failed.length === 0 ? request.steps : request.otherwise
  const keys = distinct(readsOf(steps))
  if (keys.length !== shown.records.length) throw new Malformed('reads of other keys')
  const found = new Map(keys.map((key, i) => [nameOfKey(key), { record: shown.records[i] }]))
  const writes = writesOf(steps)
  const left = new Map(votes.map((vote) => [vote.group, vote.results.values()]))
  const ofWrites = writes.map(({ key }): KeyResult => {
    const next = left.get(groupOf(key, partitions))?.next()
    if (next === undefined || next.done) throw new Malformed('votes of other writes')
    return next.value
  })
  return {
    ok: true,
    id: writes.length === 0 ? undefined : { session, seq, anchor: group },
    committed: shown.failed.length === 0,
    failed: shown.failed,
    results: resultsOfSteps(steps, ofWrites, found),
    groups: groupsOf(NOTHING, [...shown.groups, ...votes, { group, applied }])
  }
}

/** How a transaction ends that no repetition helps. */
export function refusal(code: RefusedCode): Failure {
  return failure(code, CODES[code].advice)
}

function failed(why: Failure): TransactionOutcome {
  return { ok: false, failure: why, id: undefined }
}

/**
 * Layout: version u8 · refusal u8, 0: none · count, indexes of conditions varints · count, groups
 * and their indexes varints · of each key read: 0 u8, or 1 or 2 u8 · revision · of 2: ms left,
 * varints · value with its length.
 */
function encodeShown(
  steps: readonly Step[],
  { refused, failed: indexes, found }: Shown
): Uint8Array {
  const records = distinct(readsOf(steps)).map((key) => found.get(nameOfKey(key))?.record)
  const writer = new ByteWriter(64)
  writer.u8(VERSION).u8(refused === undefined ? 0 : 1 + REFUSED.indexOf(refused))
  writer.varint(indexes.length)
  for (const index of indexes) writer.varint(index)
  const groups = groupsOf(found, [])
  writer.varint(groups.length)
  for (const { group, applied } of groups) writer.varint(group).varint(applied)
  writer.varint(records.length)
  for (const record of records) writeRecord(writer, record)
  return writer.finish()
}

function writeRecord(writer: ByteWriter, record: ReadRecord | undefined): void {
  if (record === undefined) {
    writer.u8(0)
    return
  }
  const { value, revision, expiresInMs } = record
  writer.u8(expiresInMs === undefined ? 1 : 2).varint(revision)
  if (expiresInMs !== undefined) writer.varint(expiresInMs)
  writer.bytes(value)
}

interface DecodedShown extends Pick<Shown, 'refused' | 'failed'> {
  readonly groups: readonly SeenGroup[]
  readonly records: readonly (ReadRecord | undefined)[]
}

/** Throws Malformed. */
function decodeShown(bytes: Uint8Array): DecodedShown {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== VERSION) throw new Malformed('unknown version')
  const code = reader.u8()
  const refused = code === 0 ? undefined : REFUSED[code - 1]
  if (code !== 0 && refused === undefined) throw new Malformed('unknown refusal')
  const indexes = listOf(reader, TRANSACTION_OPERATIONS_MAX, () => reader.varint())
  const groups = listOf(reader, TRANSACTION_GROUPS_MAX, () => {
    return { group: reader.varint(), applied: reader.varint() }
  })
  const records = listOf(reader, TRANSACTION_OPERATIONS_MAX, () => readRecord(reader))
  reader.end()
  return { refused, failed: indexes, groups, records }
}

function readRecord(reader: ByteReader): ReadRecord | undefined {
  const kind = reader.u8()
  if (kind === 0) return undefined
  if (kind > 2) throw new Malformed('unknown kind of record')
  const revision = reader.varint()
  const left = kind === 2 ? { expiresInMs: reader.varint() } : {}
  return { value: reader.bytes(VALUE_BYTES_MAX), revision, ...left }
}

function listOf<T>(reader: ByteReader, most: number, read: () => T): readonly T[] {
  const count = reader.varint()
  if (count > most) throw new Malformed(`${count} of what may be ${most}`)
  return Array.from({ length: count }, read)
}
