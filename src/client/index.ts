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
  KeyMesh,
  Multiaddr,
  Op,
  PutOptions,
  ReadOptions,
  ResultOf,
  Tx,
  TxnOp,
  TxnResult,
  Written
} from './api.ts'
export { bytes, json, text } from './codecs.ts'
export { connect } from './connect.ts'
export { ConflictError, KeyMeshError, UndecodableError, UnknownOutcomeError } from './errors.ts'
export { msgpack } from './msgpack.ts'
