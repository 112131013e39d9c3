export type {
  CallOptions,
  Check,
  Codec,
  Condition,
  ConnectOptions,
  Consistency,
  Counted,
  Deleted,
  DeleteOptions,
  Entry,
  Key,
  KeyEntry,
  KeyMesh,
  Multiaddr,
  Op,
  PutOptions,
  Range,
  ReadOptions,
  ResultOf,
  ScanOptions,
  Tx,
  TxnOp,
  TxnResult,
  Written
} from './api.ts'
export { bytes, json, text } from './codecs.ts'
export { connect } from './connect.ts'
export { ConflictError, KeyMeshError, UndecodableError, UnknownOutcomeError } from './errors.ts'
export { msgpack } from './msgpack.ts'
