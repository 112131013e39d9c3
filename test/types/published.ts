// The types that are promised to programs, written down by themselves: what src/client declares
// must fit them both ways (see client.ts beside this). They change only with the promise.

export type Key = string | Uint8Array
export type Multiaddr = string
export interface Codec<V> {
  encode(value: V): Uint8Array
  decode(bytes: Uint8Array): V
}
export type Consistency = 'strong' | 'session' | 'eventual'
export interface CallOptions {
  signal?: AbortSignal
  timeout?: number
}
export interface ReadOptions extends CallOptions {
  consistency?: Consistency
}
export interface Condition {
  ifRevision?: number
}
export interface PutOptions extends CallOptions, Condition {
  ttl?: number
  fence?: Fence
}
export interface DeleteOptions extends CallOptions, Condition {
  fence?: Fence
}
export interface Fence {
  readonly key: Key
  readonly token: number
}
export interface Entry<V> {
  readonly key: string
  readonly keyBytes: Uint8Array
  readonly value: V
  readonly revision: number
  readonly expiresIn?: number
}
export type KeyEntry = Omit<Entry<never>, 'value'>
export interface Range {
  prefix?: Key
  start?: Key
  end?: Key
}
export interface ScanOptions extends Range, ReadOptions {
  limit?: number
  reverse?: boolean
  keysOnly?: boolean
}
export type Change<V> =
  | {
      readonly type: 'put'
      readonly key: string
      readonly keyBytes: Uint8Array
      readonly value: V
      readonly revision: number
      readonly cursor: string
    }
  | {
      readonly type: 'delete'
      readonly key: string
      readonly keyBytes: Uint8Array
      readonly revision: number
      readonly expired: boolean
      readonly cursor: string
    }
  | { readonly type: 'progress'; readonly cursor: string }
export interface Written {
  readonly revision: number
}
export interface Deleted {
  readonly existed: boolean
  readonly revision?: number
}
export interface Counted {
  readonly value: number
  readonly revision: number
}
export type Op<V> =
  | { put: Key; value: V; ttl?: number }
  | { delete: Key }
  | { increment: Key; by?: number }
export type Check<V> =
  | { key: Key; revision: number }
  | { key: Key; exists: boolean }
  | { key: Key; value: V }
  | { lock: Key; token: number }
export type TxnOp<V> = Op<V> | { get: Key }
export type ResultOf<O, V> = O extends { get: Key }
  ? Entry<V> | undefined
  : O extends { increment: Key }
    ? Counted
    : O extends { delete: Key }
      ? Deleted
      : Written
export type TxnResult<O extends readonly unknown[], E extends readonly unknown[], V> =
  | { readonly committed: true; readonly results: { [I in keyof O]: ResultOf<O[I], V> } }
  | {
      readonly committed: false
      readonly failed: readonly number[]
      readonly results: { [I in keyof E]: ResultOf<E[I], V> }
    }
export interface Lock extends AsyncDisposable, Fence {
  readonly signal: AbortSignal
  release(): Promise<void>
}
export interface Tx<V = unknown> {
  get<T extends V = V>(key: Key): Promise<T | undefined>
  getEntry<T extends V = V>(key: Key): Promise<Entry<T> | undefined>
  getMany<T extends V = V>(keys: readonly Key[]): Promise<(T | undefined)[]>
  put<T extends V>(key: Key, value: T, options?: { ttl?: number }): void
  delete(key: Key): void
  increment(key: Key, by?: number): void
  require(lock: Fence): void
  namespace<W = V>(prefix: Key, options?: { codec?: Codec<W> }): Tx<W>
  readonly signal: AbortSignal
  readonly attempt: number
}
export interface KeyMesh<V = unknown> extends AsyncDisposable {
  get<T extends V = V>(key: Key, options?: ReadOptions): Promise<T | undefined>
  getEntry<T extends V = V>(key: Key, options?: ReadOptions): Promise<Entry<T> | undefined>
  getMany<T extends V = V>(keys: readonly Key[], options?: ReadOptions): Promise<(T | undefined)[]>
  has(key: Key, options?: ReadOptions): Promise<boolean>
  put<T extends V>(key: Key, value: T, options?: PutOptions): Promise<Written>
  delete(key: Key, options?: DeleteOptions): Promise<Deleted>
  increment(key: Key, by?: number, options?: PutOptions): Promise<Counted>
  touch(key: Key, ttl: number | null, options?: PutOptions): Promise<Written>
  batch<const O extends readonly Op<V>[]>(
    ops: O,
    options?: CallOptions
  ): Promise<{ [I in keyof O]: ResultOf<O[I], V> }>
  txn<const O extends readonly TxnOp<V>[], const E extends readonly TxnOp<V>[] = []>(
    request: { if?: readonly Check<V>[]; ops: O; else?: E },
    options?: CallOptions
  ): Promise<TxnResult<O, E, V>>
  transaction<R>(run: (tx: Tx<V>) => Promise<R>, options?: CallOptions): Promise<R>
  watch<T extends V = V>(
    options: (Range | { key: Key }) & { from?: string; signal?: AbortSignal }
  ): AsyncIterableIterator<Change<T>>
  scan<T extends V = V>(
    options?: ScanOptions & { keysOnly?: false }
  ): AsyncIterableIterator<Entry<T>>
  scan(options: ScanOptions & { keysOnly: true }): AsyncIterableIterator<KeyEntry>
  lock(
    key: Key,
    options?: CallOptions & { ttl?: number; wait?: number; shared?: boolean; owner?: string }
  ): Promise<Lock>
  namespace<W = V>(prefix: Key, options?: { codec?: Codec<W> }): KeyMesh<W>
  close(): Promise<void>
}
export interface Connecting {
  seeds?: Multiaddr | readonly Multiaddr[]
  clusterKey?: string | Uint8Array
  timeout?: number
  consistency?: Consistency
  signal?: AbortSignal
}
export interface Connect {
  (options?: Connecting): Promise<KeyMesh>
  <V>(options: Connecting & { codec: Codec<V> }): Promise<KeyMesh<V>>
}
export interface KeyMeshError extends Error {
  readonly code: string
  readonly outcome: 'not_applied' | 'unknown'
  readonly retryable: boolean
}
export interface ConflictError extends KeyMeshError {
  readonly code: 'conflict'
  readonly revision: number
}
export interface UndecodableError extends KeyMeshError {
  readonly bytes: Uint8Array
}
/** What the package exports as values. */
export interface Values {
  readonly connect: Connect
  json<V = unknown>(): Codec<V>
  readonly text: Codec<string>
  readonly bytes: Codec<Uint8Array>
  msgpack<V = unknown>(): Codec<V>
}
