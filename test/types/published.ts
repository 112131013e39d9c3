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
}
export interface DeleteOptions extends CallOptions, Condition {}
export interface Entry<V> {
  readonly key: string
  readonly keyBytes: Uint8Array
  readonly value: V
  readonly revision: number
  readonly expiresIn?: number
}
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
export interface KeyMesh<V = unknown> extends AsyncDisposable {
  get<T extends V = V>(key: Key, options?: ReadOptions): Promise<T | undefined>
  getEntry<T extends V = V>(key: Key, options?: ReadOptions): Promise<Entry<T> | undefined>
  has(key: Key, options?: ReadOptions): Promise<boolean>
  put<T extends V>(key: Key, value: T, options?: PutOptions): Promise<Written>
  delete(key: Key, options?: DeleteOptions): Promise<Deleted>
  increment(key: Key, by?: number, options?: PutOptions): Promise<Counted>
  touch(key: Key, ttl: number | null, options?: PutOptions): Promise<Written>
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
