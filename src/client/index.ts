export type {
  CallOptions,
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
  PutOptions,
  ReadOptions,
  Written
} from './api.ts'
export { bytes, json, text } from './codecs.ts'
export { connect } from './connect.ts'
export { ConflictError, KeyMeshError, UndecodableError, UnknownOutcomeError } from './errors.ts'
export { msgpack } from './msgpack.ts'
