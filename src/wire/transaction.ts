import { unreachable } from '../world/assert.ts'
import { type ByteReader, type ByteWriter, Malformed } from './bytes.ts'
import {
  type DataOperation,
  dataOperationSize,
  readDataOperation,
  readKey,
  writeDataOperation
} from './data-operation.ts'
import type { GroupId, SessionId } from './ids.ts'
import {
  FORGOTTEN_AT_ONCE_MAX,
  LOG_NUMBER_MAX,
  TRANSACTION_GROUPS_MAX,
  TRANSACTION_OPERATIONS_MAX,
  VALUE_BYTES_MAX
} from './limits.ts'
import { type LockName, readLockPlace, writeLockPlace } from './lock.ts'
import { type Keyed, ONCE_BYTES_MAX, readKeyed, writeKeyed } from './once.ts'
import { type AbortReason, readAbortReason, readVote, type Vote, writeVote } from './result.ts'
import { readSession, writeSession } from './session-id.ts'

/**
 * Names a transaction: its client's session and number. A client that tries again does so under
 * another number, so a name stands for one attempt.
 */
export interface TransactionId {
  readonly session: SessionId
  readonly seq: number
}

/** A transaction, and the group in which its record stands. */
export interface TransactionRef extends TransactionId {
  readonly anchor: GroupId
}

/** The same, as its participants know it. */
export interface AnchoredTransaction extends TransactionRef {
  /** Of CREATE: it tells an anchor that may have forgotten it from one that never knew it. */
  readonly basis: number
}

/** What must hold where and when a transaction commits. Revision 0: there is no such key. */
export type Check = KeyCheck | LockCheck

export type KeyCheck =
  | { readonly type: 'revision'; readonly key: Uint8Array; readonly revision: number }
  | { readonly type: 'exists'; readonly key: Uint8Array; readonly exists: boolean }
  | { readonly type: 'value'; readonly key: Uint8Array; readonly value: Uint8Array }

/** The lock is held with this token. */
export type LockCheck = LockName & { readonly type: 'lock'; readonly token: number }

/** What a transaction does in one group: all checks first, then the writes in their order. */
export interface Work {
  readonly checks: readonly Check[]
  /** Without conditions of their own. */
  readonly writes: readonly DataOperation[]
}

/** One group's work. `basis` is that of Command, for this group: equal in all copies. */
export interface Part extends Work {
  readonly group: GroupId
  readonly basis: number
}

/*
 * The commands of the commit protocol (docs/transactions.md). Their session and seq name the
 * transaction; `abort`, `resolve` and `forget` may be sent by anybody, any number of times.
 */
export type TransactionOperation =
  /**
   * What a client asks for. The first part is the anchor's, the others follow in ascending order of
   * their groups. With one part it is a command like any other; with more its leader coordinates.
   * With `keyed` the anchor is the group of the idempotency key, which may have no work.
   */
  | {
      readonly type: 'transact'
      /** Prepare one group after the other: of two that meet again and again one gets through. */
      readonly inOrder: boolean
      readonly parts: readonly Part[]
      readonly keyed?: Keyed
    }
  /** At the anchor: the record, PENDING, and the anchor's own part is prepared. */
  | {
      readonly type: 'create'
      readonly others: readonly GroupId[]
      readonly work: Work
      readonly keyed?: Keyed
    }
  /** At another participant. `anchorBasis`: the basis of CREATE. */
  | {
      readonly type: 'prepare'
      readonly anchor: GroupId
      readonly anchorBasis: number
      readonly work: Work
    }
  /**
   * At the anchor, of its coordinator alone: PENDING becomes COMMITTED if the record was created in
   * `term`. Votes of the others, in the order of the record's.
   */
  | { readonly type: 'commit'; readonly term: number; readonly votes: readonly Vote[] }
  /**
   * At the anchor: what is PENDING is aborted; what was never known never will be. `basis`: that of
   * CREATE, or 0 from who has seen the record.
   */
  | { readonly type: 'abort'; readonly why: AbortReason; readonly basis: number }
  /** At a participant: the decision. */
  | { readonly type: 'resolve'; readonly committed: boolean }
  /** At the anchor: these are decided, and resolved at every participant. */
  | { readonly type: 'forget'; readonly transactions: readonly TransactionId[] }

/** First byte of the encoded operation: appended to, never reordered. */
export const TRANSACTION_OPERATION = {
  transact: 9,
  create: 10,
  prepare: 11,
  commit: 12,
  abort: 13,
  resolve: 14,
  forget: 15
} as const

/** The same under an idempotency key. */
export const KEYED_OPERATION = { transact: 21, create: 22 } as const

const CHECK = { revision: 1, present: 2, absent: 3, value: 4, lock: 5 } as const

export function isTransactionKind(kind: number): boolean {
  if (kind >= TRANSACTION_OPERATION.transact && kind <= TRANSACTION_OPERATION.forget) return true
  return kind === KEYED_OPERATION.transact || kind === KEYED_OPERATION.create
}

/** About so many bytes, encoded. */
export function transactionOperationSize(operation: TransactionOperation): number {
  switch (operation.type) {
    case 'transact':
      return operation.parts.reduce((sum, part) => sum + workSize(part) + 16, keyedSize(operation))
    case 'create':
      return workSize(operation.work) + operation.others.length * 4 + keyedSize(operation)
    case 'prepare':
      return workSize(operation.work)
    case 'commit':
      return operation.votes.reduce((sum, { results }) => sum + results.length * 12 + 16, 16)
    case 'forget':
      return operation.transactions.length * 24
    case 'abort':
    case 'resolve':
      return 8
    default:
      return unreachable(operation)
  }
}

/** Its number first. */
export function writeTransactionOperation(
  writer: ByteWriter,
  operation: TransactionOperation
): void {
  const keyed = keyedOf(operation)
  if (keyed === undefined) writer.u8(TRANSACTION_OPERATION[operation.type])
  else {
    writer.u8(KEYED_OPERATION[keyed.of])
    writeKeyed(writer, keyed)
  }
  switch (operation.type) {
    case 'transact':
      writer.u8(operation.inOrder ? 1 : 0).varint(operation.parts.length)
      for (const part of operation.parts) {
        writer.varint(part.group).varint(part.basis)
        writeWork(writer, part)
      }
      return
    case 'create':
      writer.varint(operation.others.length)
      for (const group of operation.others) writer.varint(group)
      writeWork(writer, operation.work)
      return
    case 'prepare':
      writer.varint(operation.anchor).varint(operation.anchorBasis)
      writeWork(writer, operation.work)
      return
    case 'commit':
      writer.varint(operation.term).varint(operation.votes.length)
      for (const vote of operation.votes) writeVote(writer, vote)
      return
    case 'abort':
      writer.text(operation.why).varint(operation.basis)
      return
    case 'resolve':
      writer.u8(operation.committed ? 1 : 0)
      return
    case 'forget':
      writer.varint(operation.transactions.length)
      for (const one of operation.transactions) writeTransactionId(writer, one)
      return
    default:
      unreachable(operation)
  }
}

/** What follows the number `kind`. Throws Malformed. Keys and values are views. */
export function readTransactionOperation(reader: ByteReader, kind: number): TransactionOperation {
  switch (kind) {
    case TRANSACTION_OPERATION.transact:
      return readTransact(reader)
    case KEYED_OPERATION.transact:
      return readTransact(reader, readKeyed(reader))
    case TRANSACTION_OPERATION.create:
      return readCreate(reader)
    case KEYED_OPERATION.create:
      return readCreate(reader, readKeyed(reader))
    case TRANSACTION_OPERATION.prepare:
      return {
        type: 'prepare',
        anchor: readGroup(reader),
        anchorBasis: reader.varint(),
        work: readWork(reader)
      }
    case TRANSACTION_OPERATION.commit: {
      const term = reader.varint()
      if (term > LOG_NUMBER_MAX) throw new Malformed('a term that nobody counts to')
      const votes = list(reader, TRANSACTION_GROUPS_MAX - 1, () => readVote(reader))
      return { type: 'commit', term, votes }
    }
    case TRANSACTION_OPERATION.abort:
      return { type: 'abort', why: readAbortReason(reader), basis: reader.varint() }
    case TRANSACTION_OPERATION.resolve:
      return { type: 'resolve', committed: readFlag(reader) }
    case TRANSACTION_OPERATION.forget: {
      const transactions = list(reader, FORGOTTEN_AT_ONCE_MAX, () => readTransactionId(reader))
      return { type: 'forget', transactions }
    }
    default:
      throw new Malformed(`unknown operation ${kind}`)
  }
}

/** Layout: session 16 bytes · seq varint. */
export function writeTransactionId(writer: ByteWriter, { session, seq }: TransactionId): void {
  writeSession(writer, session)
  writer.varint(seq)
}

/** Throws Malformed. */
export function readTransactionId(reader: ByteReader): TransactionId {
  const session = readSession(reader)
  return { session, seq: reader.varint() }
}

function readTransact(reader: ByteReader, keyed?: Keyed): TransactionOperation {
  const inOrder = readFlag(reader)
  let isFirst = true
  const parts = list(reader, TRANSACTION_GROUPS_MAX, () => {
    const mayBeIdle = isFirst && keyed !== undefined
    isFirst = false
    const group = readGroup(reader)
    return { group, basis: reader.varint(), ...readWork(reader, mayBeIdle) }
  })
  const [first] = parts
  if (first === undefined) throw new Malformed('a transaction without parts')
  // The group of an idempotency key comes first, whichever it is.
  let last = keyed === undefined ? first.group : 0
  for (const { group } of parts.slice(1)) {
    if (group <= last || group === first.group) {
      throw new Malformed('parts of a transaction out of order')
    }
    last = group
  }
  return { type: 'transact', inOrder, parts, ...(keyed === undefined ? {} : { keyed }) }
}

function readCreate(reader: ByteReader, keyed?: Keyed): TransactionOperation {
  const others = list(reader, TRANSACTION_GROUPS_MAX - 1, () => readGroup(reader))
  const work = readWork(reader, keyed !== undefined)
  return { type: 'create', others, work, ...(keyed === undefined ? {} : { keyed }) }
}

function keyedOf(
  operation: TransactionOperation
): (Keyed & { readonly of: keyof typeof KEYED_OPERATION }) | undefined {
  if (operation.type !== 'transact' && operation.type !== 'create') return undefined
  const { type, keyed } = operation
  return keyed === undefined ? undefined : { ...keyed, of: type }
}

function keyedSize(operation: TransactionOperation): number {
  const keyed = keyedOf(operation)
  return keyed === undefined ? 16 : ONCE_BYTES_MAX + keyed.shown.length + 16
}

function workSize({ checks, writes }: Work): number {
  let size = 8
  for (const check of checks) {
    size += check.key.length + 16 + (check.type === 'value' ? check.value.length : 0)
  }
  for (const write of writes) size += dataOperationSize(write)
  return size
}

/** Layout: checks, each kind u8 · key · what it is about; then writes; each list with its count. */
function writeWork(writer: ByteWriter, { checks, writes }: Work): void {
  writer.varint(checks.length)
  for (const check of checks) writeCheck(writer, check)
  writer.varint(writes.length)
  for (const write of writes) writeDataOperation(writer, write)
}

/** Layout: kind u8 · key · what it is about. */
export function writeCheck(writer: ByteWriter, check: Check): void {
  switch (check.type) {
    case 'revision':
      writer.u8(CHECK.revision).bytes(check.key).varint(check.revision)
      return
    case 'exists':
      writer.u8(check.exists ? CHECK.present : CHECK.absent).bytes(check.key)
      return
    case 'value':
      writer.u8(CHECK.value).bytes(check.key).bytes(check.value)
      return
    case 'lock':
      writer.u8(CHECK.lock)
      writeLockPlace(writer, { ...check, number: check.token })
      return
    default:
      unreachable(check)
  }
}

function readWork(reader: ByteReader, mayBeIdle = false): Work {
  const checks = list(reader, TRANSACTION_OPERATIONS_MAX, () => readCheck(reader))
  const writes = list(reader, TRANSACTION_OPERATIONS_MAX, () => {
    const write = readDataOperation(reader, reader.u8())
    if (write.ifRevision !== undefined) throw new Malformed('a condition inside a transaction')
    return write
  })
  if (checks.length + writes.length === 0 && !mayBeIdle) throw new Malformed('a part without work')
  return { checks, writes }
}

function readCheck(reader: ByteReader): Check {
  const kind = reader.u8()
  if (kind === CHECK.lock) {
    const { number, ...lock } = readLockPlace(reader)
    return { type: 'lock', ...lock, token: number }
  }
  const key = readKey(reader)
  switch (kind) {
    case CHECK.revision:
      return { type: 'revision', key, revision: reader.varint() }
    case CHECK.present:
    case CHECK.absent:
      return { type: 'exists', key, exists: kind === CHECK.present }
    case CHECK.value:
      return { type: 'value', key, value: reader.bytes(VALUE_BYTES_MAX) }
    default:
      throw new Malformed(`unknown check ${kind}`)
  }
}

function readGroup(reader: ByteReader): GroupId {
  const group = reader.varint()
  if (group === 0 || group > 0xffff_ffff) throw new Malformed('not a group of keys')
  return group
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8()
  if (flag > 1) throw new Malformed('unknown flags')
  return flag === 1
}

function list<T>(reader: ByteReader, most: number, read: () => T): readonly T[] {
  const count = reader.varint()
  if (count > most) throw new Malformed(`${count} of what may be ${most}`)
  const items: T[] = []
  for (let i = 0; i < count; i++) items.push(read())
  return items
}
