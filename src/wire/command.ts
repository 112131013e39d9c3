import { assert, unreachable } from '../world/assert.ts'
import { ByteReader, ByteWriter, Malformed } from './bytes.ts'
import type { SessionId } from './ids.ts'
import {
  COMMAND_BYTES_MAX,
  IDEMPOTENCY_KEY_BYTES_MAX,
  KEY_BYTES_MAX,
  VALUE_BYTES_MAX
} from './limits.ts'
import { readSession, writeSession } from './session-id.ts'

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

/**
 * What makes all requests that bear one idempotency key one request, whoever sends them (decision
 * 0062). Sessions do that for the copies of one sender; this, for senders who know nothing of each
 * other.
 */
export interface Once {
  /** The idempotency key: 1 to 128 bytes, any bytes. */
  readonly key: Uint8Array
  /** SHA-256 of what is asked for: another request under the same key is refused. */
  readonly digest: Uint8Array
  /** Where it is not known already it does not run after this group time, ms since 1970. */
  readonly notAfter: number
}

/** What changes one key. `ifRevision` 0 means: only if there is no such key. */
export type DataOperation =
  | {
      readonly type: 'put'
      readonly key: Uint8Array
      readonly value: Uint8Array
      readonly ttlMs?: number
      readonly ifRevision?: number
    }
  | { readonly type: 'delete'; readonly key: Uint8Array; readonly ifRevision?: number }
  | {
      readonly type: 'increment'
      readonly key: Uint8Array
      readonly by: number
      readonly ifRevision?: number
    }
  /** Sets a new ttl and nothing else. Without `ttlMs`: no expiry. */
  | {
      readonly type: 'touch'
      readonly key: Uint8Array
      readonly ttlMs?: number
      readonly ifRevision?: number
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

/** What applying a command answered; kept per session until acknowledged. */
export type Result =
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
  /** What bears an idempotency key did not run, and under this number never will. */
  | { readonly type: 'not-run'; readonly why: NotRun }

/**
 * - `reused`: its idempotency key stands for another request.
 * - `full`: the memory for idempotency keys is.
 * - `late`: it is not known, and its time is over.
 * - `early`: its time is too far ahead of the group's: somebody's clock is wrong.
 */
export type NotRun = (typeof NOT_RUN)[number]

const NOT_RUN = ['reused', 'full', 'late', 'early'] as const
const DIGEST_BYTES = 32
const ONCE_BYTES_MAX = IDEMPOTENCY_KEY_BYTES_MAX + DIGEST_BYTES + 16
const OPERATION = {
  put: 1,
  delete: 2,
  increment: 3,
  tick: 4,
  'register-node': 5,
  touch: 6,
  claim: 7,
  once: 8
} as const
/** By number. */
const OPERATION_TYPES: readonly (Operation['type'] | undefined)[] = Object.entries(
  OPERATION
).reduce((types: (Operation['type'] | undefined)[], [type, number]) => {
  types[number] = type as Operation['type']
  return types
}, [])
const SESSION_BYTES = 16
const RESULT = {
  written: 1,
  deleted: 2,
  absent: 3,
  counted: 4,
  conflict: 5,
  'not-a-number': 6,
  done: 7,
  refused: 8,
  'not-run': 9
} as const
/** `counted`, and what is left of the ttl. */
const COUNTED_EXPIRING = 10
const HAS_CONDITION = 1
const HAS_TTL = 2
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

/** The operation alone, as it stands in a command: the same bytes for the same request. */
export function encodeOperation(operation: DataOperation): Uint8Array {
  const writer = new ByteWriter(operationSize(operation) + 32)
  writeOperation(writer, operation)
  return writer.finish()
}

function operationSize(operation: Operation): number {
  switch (operation.type) {
    case 'put':
      return operation.key.length + operation.value.length
    case 'delete':
    case 'increment':
    case 'touch':
      return operation.key.length
    case 'register-node':
      return operation.node.length
    case 'tick':
      return 0
    case 'claim':
      return ONCE_BYTES_MAX
    case 'once':
      return ONCE_BYTES_MAX + operationSize(operation.operation)
    default:
      return unreachable(operation)
  }
}

function writeOperation(writer: ByteWriter, operation: Operation): void {
  writer.u8(OPERATION[operation.type])
  switch (operation.type) {
    case 'put':
    case 'touch':
      writer.u8(
        (operation.ifRevision === undefined ? 0 : HAS_CONDITION) |
          (operation.ttlMs === undefined ? 0 : HAS_TTL)
      )
      if (operation.ifRevision !== undefined) writer.varint(operation.ifRevision)
      if (operation.ttlMs !== undefined) writer.varint(operation.ttlMs)
      writer.bytes(operation.key)
      if (operation.type === 'put') writer.bytes(operation.value)
      return
    case 'delete':
    case 'increment':
      writer.u8(operation.ifRevision === undefined ? 0 : HAS_CONDITION)
      if (operation.ifRevision !== undefined) writer.varint(operation.ifRevision)
      writer.bytes(operation.key)
      if (operation.type === 'increment') writer.signed(operation.by)
      return
    case 'tick':
      return
    case 'register-node':
      writer.bytes(operation.node)
      return
    case 'claim':
      writeOnce(writer, operation.once)
      return
    case 'once':
      writeOnce(writer, operation.once)
      writeOperation(writer, operation.operation)
      return
    default:
      unreachable(operation)
  }
}

function writeOnce(writer: ByteWriter, { key, digest, notAfter }: Once): void {
  assert(digest.length === DIGEST_BYTES, `a digest of ${digest.length} bytes`)
  writer.bytes(key).raw(digest).varint(notAfter)
}

function readOnce(reader: ByteReader): Once {
  const key = reader.bytes(IDEMPOTENCY_KEY_BYTES_MAX)
  if (key.length === 0) throw new Malformed('empty idempotency key')
  return { key, digest: reader.raw(DIGEST_BYTES), notAfter: reader.varint() }
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
    default:
      return readDataOperation(reader, kind)
  }
}

function readDataOperation(reader: ByteReader, kind: number): DataOperation {
  switch (kind) {
    case OPERATION.put:
    case OPERATION.touch: {
      const flags = readFlags(reader, HAS_CONDITION | HAS_TTL)
      const ifRevision = flags & HAS_CONDITION ? { ifRevision: reader.varint() } : {}
      const ttl = flags & HAS_TTL ? { ttlMs: reader.varint() } : {}
      const key = readKey(reader)
      if (kind === OPERATION.touch) return { type: 'touch', key, ...ifRevision, ...ttl }
      return { type: 'put', key, value: reader.bytes(VALUE_BYTES_MAX), ...ifRevision, ...ttl }
    }
    case OPERATION.delete: {
      const flags = readFlags(reader, HAS_CONDITION)
      const ifRevision = flags & HAS_CONDITION ? { ifRevision: reader.varint() } : {}
      return { type: 'delete', key: readKey(reader), ...ifRevision }
    }
    case OPERATION.increment: {
      const flags = readFlags(reader, HAS_CONDITION)
      const ifRevision = flags & HAS_CONDITION ? { ifRevision: reader.varint() } : {}
      return { type: 'increment', key: readKey(reader), by: reader.signed(), ...ifRevision }
    }
    default:
      throw new Malformed(`unknown operation ${kind}`)
  }
}

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
    case 'absent':
    case 'not-a-number':
    case 'done':
      return
    default:
      unreachable(result)
  }
}

export function readResult(reader: ByteReader): Result {
  const kind = reader.u8()
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

function readFlags(reader: ByteReader, allowed: number): number {
  const flags = reader.u8()
  if (flags & ~allowed) throw new Malformed('unknown flags')
  return flags
}

function readKey(reader: ByteReader): Uint8Array {
  const key = reader.bytes(KEY_BYTES_MAX)
  if (key.length === 0) throw new Malformed('empty key')
  return key
}
