import { ByteReader, ByteWriter, Malformed } from './bytes.ts'
import {
  DATA_OPERATION,
  type DataOperation,
  dataOperationSize,
  readDataOperation,
  writeDataOperation
} from './data-operation.ts'
import type { SessionId } from './ids.ts'
import { COMMAND_BYTES_MAX } from './limits.ts'
import {
  isLockKind,
  LOCK_OPERATION,
  type LockOperation,
  lockOperationSize,
  readLockOperation,
  writeLockOperation
} from './lock.ts'
import { ONCE_BYTES_MAX, type Once, readOnce, writeOnce } from './once.ts'
import { readSession, writeSession } from './session-id.ts'
import {
  readSweepOperation,
  SWEEP_OPERATION,
  type SweepOperation,
  sweepOperationSize,
  writeSweepOperation
} from './sweep.ts'
import {
  isTransactionKind,
  KEYED_OPERATION,
  readTransactionOperation,
  TRANSACTION_OPERATION,
  type TransactionOperation,
  transactionOperationSize,
  writeTransactionOperation
} from './transaction.ts'

/**
 * A change somebody asked for, with the numbers that make it happen once: `seq` counts the commands
 * of `session`; every seq <= `ackedUpTo` has its answer (or was given up) and will never be sent
 * again; `basis` is an applied index of this group that the sender knew before its first copy,
 * equal in all copies.
 */
export interface Command {
  readonly session: SessionId
  readonly seq: number
  readonly ackedUpTo: number
  readonly basis: number
  readonly operation: Operation
}

export type Operation =
  | DataOperation
  /** Takes an idempotency key for a request, in the key's own partition. */
  | { readonly type: 'claim'; readonly once: Once }
  /** Runs and its result is kept, or it is answered with the result that was kept. */
  | { readonly type: 'once'; readonly once: Once; readonly operation: DataOperation }
  /** Carries only the time of its entry. */
  | { readonly type: 'tick' }
  /** System group only: admits a node, or changes its addresses. Body: an encoded NodeRecord. */
  | { readonly type: 'register-node'; readonly node: Uint8Array }
  | TransactionOperation
  | LockOperation
  | SweepOperation

export type DecisionType = 'commit' | 'abort' | 'resolve' | 'forget'

const OPERATION = {
  ...DATA_OPERATION,
  ...TRANSACTION_OPERATION,
  ...LOCK_OPERATION,
  ...SWEEP_OPERATION,
  tick: 4,
  'register-node': 5,
  claim: 7,
  once: 8
} as const
/** By number. */
const OPERATION_TYPES: readonly (Operation['type'] | undefined)[] = [
  ...Object.entries(OPERATION),
  ...Object.entries(KEYED_OPERATION)
].reduce((types: (Operation['type'] | undefined)[], [type, number]) => {
  types[number] = type as Operation['type']
  return types
}, [])
const SESSION_BYTES = 16
const COMMAND_VERSION = 1

/**
 * Layout: version u8 · session 16 bytes · seq, ackedUpTo, basis varints · kind u8 · flags u8 · …
 */
export function encodeCommand(command: Command): Uint8Array {
  const { operation } = command
  const writer = new ByteWriter(operationSize(operation) + 64)
  writer.u8(COMMAND_VERSION)
  writeSession(writer, command.session)
  writer.varint(command.seq).varint(command.ackedUpTo).varint(command.basis)
  writeOperation(writer, operation)
  return writer.finish()
}

/** Throws Malformed. Keys and values are views into `bytes`. */
export function decodeCommand(bytes: Uint8Array): Command {
  if (bytes.length > COMMAND_BYTES_MAX) throw new Malformed('command too large')
  const reader = new ByteReader(bytes)
  if (reader.u8() !== COMMAND_VERSION) throw new Malformed('unknown command version')
  const session = readSession(reader)
  const seq = reader.varint()
  const ackedUpTo = reader.varint()
  const basis = reader.varint()
  const operation = readOperation(reader)
  reader.end()
  return { session, seq, ackedUpTo, basis, operation }
}

/** What `bytes` asks for, without decoding the rest; undefined: it is garbled or not known here. */
export function operationTypeOf(bytes: Uint8Array): Operation['type'] | undefined {
  let at = 1 + SESSION_BYTES
  // Every varint ends with the first byte under 128.
  for (let numbers = 0; numbers < 3; numbers++) while ((bytes[at++] ?? 0) >= 0x80);
  return OPERATION_TYPES[bytes[at] ?? 0]
}

/**
 * Whether only nodes ask for it: out of its turn a step of a transaction that one of them
 * coordinates could break those of others, and an expiry could take their locks.
 */
export function isOfNodes(type: Operation['type'] | undefined): boolean {
  return type === 'create' || type === 'prepare' || type === 'expire' || isDecisionType(type)
}

function operationSize(operation: Operation): number {
  switch (operation.type) {
    case 'put':
    case 'delete':
    case 'increment':
    case 'touch':
      return dataOperationSize(operation)
    case 'register-node':
      return operation.node.length
    case 'tick':
      return 0
    case 'claim':
      return ONCE_BYTES_MAX
    case 'once':
      return ONCE_BYTES_MAX + dataOperationSize(operation.operation)
    case 'acquire':
    case 'renew':
    case 'release':
    case 'leave':
    case 'expire':
      return lockOperationSize(operation)
    case 'sweep':
      return sweepOperationSize(operation)
    default:
      return transactionOperationSize(operation)
  }
}

function writeOperation(writer: ByteWriter, operation: Operation): void {
  switch (operation.type) {
    case 'tick':
      writer.u8(OPERATION.tick)
      return
    case 'register-node':
      writer.u8(OPERATION['register-node']).bytes(operation.node)
      return
    case 'claim':
      writer.u8(OPERATION.claim)
      writeOnce(writer, operation.once)
      return
    case 'once':
      writer.u8(OPERATION.once)
      writeOnce(writer, operation.once)
      writeDataOperation(writer, operation.operation)
      return
    case 'put':
    case 'delete':
    case 'increment':
    case 'touch':
      writeDataOperation(writer, operation)
      return
    case 'acquire':
    case 'renew':
    case 'release':
    case 'leave':
    case 'expire':
      writeLockOperation(writer, operation)
      return
    case 'sweep':
      writeSweepOperation(writer, operation)
      return
    default:
      writeTransactionOperation(writer, operation)
  }
}

function readOperation(reader: ByteReader): Operation {
  const kind = reader.u8()
  switch (kind) {
    case OPERATION.tick:
      return { type: 'tick' }
    case OPERATION['register-node']:
      return { type: 'register-node', node: reader.bytes(64 * 1024) }
    case OPERATION.claim:
      return { type: 'claim', once: readOnce(reader) }
    case OPERATION.once: {
      const once = readOnce(reader)
      return { type: 'once', once, operation: readDataOperation(reader, reader.u8()) }
    }
    case OPERATION.sweep:
      return readSweepOperation(reader)
    default:
      if (isLockKind(kind)) return readLockOperation(reader, kind)
      if (isTransactionKind(kind)) return readTransactionOperation(reader, kind)
      return readDataOperation(reader, kind)
  }
}

/**
 * Whether it ends transactions: whoever sends it names one, it takes no number of a session, and
 * sending it again changes nothing.
 */
export function isDecisionType(type: Operation['type'] | undefined): type is DecisionType {
  return type === 'commit' || type === 'abort' || type === 'resolve' || type === 'forget'
}
