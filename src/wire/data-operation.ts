import { unreachable } from '../world/assert.ts'
import { type ByteReader, ByteWriter, Malformed } from './bytes.ts'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from './limits.ts'

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

/** First byte of an encoded data operation: appended to, never reordered. */
export const DATA_OPERATION = { put: 1, delete: 2, increment: 3, touch: 6 } as const

const HAS_CONDITION = 1
const HAS_TTL = 2

export function isDataOperation(operation: { readonly type: string }): operation is DataOperation {
  return Object.hasOwn(DATA_OPERATION, operation.type)
}

/** The operation alone, as it stands in a command: the same bytes for the same request. */
export function encodeOperation(operation: DataOperation): Uint8Array {
  const writer = new ByteWriter(dataOperationSize(operation) + 32)
  writeDataOperation(writer, operation)
  return writer.finish()
}

/** About so many bytes, encoded. */
export function dataOperationSize(operation: DataOperation): number {
  const value = operation.type === 'put' ? operation.value.length : 0
  return operation.key.length + value + 16
}

/** Its number first. */
export function writeDataOperation(writer: ByteWriter, operation: DataOperation): void {
  writer.u8(DATA_OPERATION[operation.type])
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
    default:
      unreachable(operation)
  }
}

/** What follows the number `kind`. Throws Malformed. Keys and values are views. */
export function readDataOperation(reader: ByteReader, kind: number): DataOperation {
  switch (kind) {
    case DATA_OPERATION.put:
    case DATA_OPERATION.touch: {
      const flags = readFlags(reader, HAS_CONDITION | HAS_TTL)
      const ifRevision = flags & HAS_CONDITION ? { ifRevision: reader.varint() } : {}
      const ttl = flags & HAS_TTL ? { ttlMs: reader.varint() } : {}
      const key = readKey(reader)
      if (kind === DATA_OPERATION.touch) return { type: 'touch', key, ...ifRevision, ...ttl }
      return { type: 'put', key, value: reader.bytes(VALUE_BYTES_MAX), ...ifRevision, ...ttl }
    }
    case DATA_OPERATION.delete: {
      const flags = readFlags(reader, HAS_CONDITION)
      const ifRevision = flags & HAS_CONDITION ? { ifRevision: reader.varint() } : {}
      return { type: 'delete', key: readKey(reader), ...ifRevision }
    }
    case DATA_OPERATION.increment: {
      const flags = readFlags(reader, HAS_CONDITION)
      const ifRevision = flags & HAS_CONDITION ? { ifRevision: reader.varint() } : {}
      return { type: 'increment', key: readKey(reader), by: reader.signed(), ...ifRevision }
    }
    default:
      throw new Malformed(`unknown operation ${kind}`)
  }
}

function readFlags(reader: ByteReader, allowed: number): number {
  const flags = reader.u8()
  if (flags & ~allowed) throw new Malformed('unknown flags')
  return flags
}

/** Throws Malformed. A view. */
export function readKey(reader: ByteReader): Uint8Array {
  const key = reader.bytes(KEY_BYTES_MAX)
  if (key.length === 0) throw new Malformed('empty key')
  return key
}
