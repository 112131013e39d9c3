export type {
  CallOptions,
  Change,
  Check,
  Codec,
  Condition,
  ConnectOptions,
  Consistency,
  Counted,
  Deleted,
  DeleteOptions,
  Entry,
  Fence,
  Key,
  KeyEntry,
  KeyMesh,
  Lock,
  LockOptions,
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
  Watching,
  WatchOptions,
  Written
} from './api.ts'
export { bytes, json, text } from './codecs.ts'
export { connect } from './connect.ts'
export {
  ConflictError,
  KeyMeshError,
  LockedError,
  UndecodableError,
  UnknownOutcomeError
} from './errors.ts'
export { type Locks, lockAll } from './lock-all.ts'
export { msgpack } from './msgpack.ts'
