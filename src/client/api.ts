/** Strings stand for their UTF-8 bytes. 1 to 4,096 bytes, the prefixes of namespaces included. */
export type Key = string | Uint8Array
/** As in `/ip4/127.0.0.1/tcp/7101`, with or without `/p2p/ID`. */
export type Multiaddr = string

/**
 * How values become bytes and back. `encode` may throw; it is told as `invalid_argument`. What
 * `decode` throws is told as UndecodableError. Both get arrays that are theirs to keep.
 */
export interface Codec<V> {
  encode(value: V): Uint8Array
  decode(bytes: Uint8Array): V
}

/**
 * - `strong`: linearizable.
 * - `session`: sees this client's own writes and never goes back in time.
 * - `eventual`: whatever the nearest replica has, also with no majority alive.
 */
export type Consistency = 'strong' | 'session' | 'eventual'

/** What every call takes. Names that are not listed are refused. */
export interface CallOptions {
  /** Gives the call up. What already went to the log may still be applied: see the docs. */
  signal?: AbortSignal
  /** Milliseconds. Default: that of `connect`. */
  timeout?: number
}

/** What reads take. */
export interface ReadOptions extends CallOptions {
  /** Default: that of `connect`. */
  consistency?: Consistency
}

/** What makes a write conditional. */
export interface Condition {
  /** Only if the key has this revision; 0: only if there is no such key. Never `undefined`. */
  ifRevision?: number
}

/** What writes take; `increment` and `touch` refuse `ttl`. */
export interface PutOptions extends CallOptions, Condition {
  /** Milliseconds the key shall live. Without it the key has no expiry, whatever it had before. */
  ttl?: number
  /** Only while this lock is held with this token, or it rejects with `fenced`. */
  fence?: Fence
}

/** What `delete` takes. */
export interface DeleteOptions extends CallOptions, Condition {
  /** Only while this lock is held with this token, or it rejects with `fenced`. */
  fence?: Fence
}

/**
 * Names a lock as it was granted once. A Lock is one; its key is then that of its own namespace.
 */
export interface Fence {
  readonly key: Key
  /** Of one lock, larger with every grant, for ever. */
  readonly token: number
}

/** A key as it was read. Its arrays are the reader's own. */
export interface Entry<V> {
  /** As text; exact only if the key is UTF-8. */
  readonly key: string
  readonly keyBytes: Uint8Array
  readonly value: V
  /** Larger after every change of the key; see `ifRevision`. */
  readonly revision: number
  /** Milliseconds it had left when it was read; absent: it does not expire. */
  readonly expiresIn?: number
}

/** A key that a scan with `keysOnly` found. Its array is the reader's own. */
export type KeyEntry = Omit<Entry<never>, 'value'>

/** Which keys: those that all of it names. Bytes are compared, not characters. */
export interface Range {
  /** Those that begin with it. */
  prefix?: Key
  /** This one and those after it. */
  start?: Key
  /** Those before it. */
  end?: Key
}

/** What `scan` takes. `timeout` is for each step to the cluster, however long the whole takes. */
export interface ScanOptions extends Range, ReadOptions {
  /** So many at most. */
  limit?: number
  /** From the last key to the first. */
  reverse?: boolean
  /** Without values: they are not sent. */
  keysOnly?: boolean
}

/** What `watch` takes beside what it is about. */
export interface Watching {
  /** Goes on behind the change or progress that bore this cursor. Absent: begins now. */
  from?: string
  /** Ends the watch: who reads it is told `signal.reason`. */
  signal?: AbortSignal
}

/** What `watch` takes: a range as `scan` does, without one all keys; or one key. */
export type WatchOptions = (Range | { key: Key }) & Watching

/** What a watch tells. `cursor`: a watch `from` it goes on behind this. */
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
      /** Its ttl was over. */
      readonly expired: boolean
      readonly cursor: string
    }
  /** Everything up to here was told. */
  | { readonly type: 'progress'; readonly cursor: string }

/** A write that is on the disks of a majority. */
export interface Written {
  /** The one the key has now. */
  readonly revision: number
}

/** The key is gone, if it was there. */
export interface Deleted {
  readonly existed: boolean
  /** Of the deletion; absent if there was nothing to delete. */
  readonly revision?: number
}

/** A counter after its increment. */
export interface Counted {
  readonly value: number
  readonly revision: number
}

/** One write of a `batch` or `txn`. */
export type Op<V> =
  | { put: Key; value: V; ttl?: number }
  | { delete: Key }
  | { increment: Key; by?: number }

/** What must hold for a `txn` to run. Revision 0: there is no such key. */
export type Check<V> =
  | { key: Key; revision: number }
  | { key: Key; exists: boolean }
  | { key: Key; value: V }
  | { lock: Key; token: number }

/** One step of a `txn`. A `get` shows what the steps before it left. */
export type TxnOp<V> = Op<V> | { get: Key }

/** What a step answers. */
export type ResultOf<O, V> = O extends { get: Key }
  ? Entry<V> | undefined
  : O extends { increment: Key }
    ? Counted
    : O extends { delete: Key }
      ? Deleted
      : Written

/** What `lock` takes. */
export interface LockOptions extends CallOptions {
  /** Milliseconds after which it is free if this client vanishes: 100 to a day. Default 10,000. */
  ttl?: number
  /**
   * Milliseconds to stand in line while others hold it; 0: not at all, Infinity: for ever. Default
   * 5,000. `timeout` comes on top: it is for the answers of the cluster.
   */
  wait?: number
  /** Beside others who share it, and never beside one who does not. */
  shared?: boolean
  /** Tells others who holds it: up to 128 bytes. */
  owner?: string
  /**
   * A lock that is held on this very key: this is another handle of it, at once, and it is released
   * with the last one. No other option of a lock goes with it.
   */
  within?: Lock
}

/** A lock that is held, and kept alive until it is released or lost. Disposing releases it. */
export interface Lock extends AsyncDisposable, Fence {
  /** Aborted with `lock_lost` before anybody else can be granted the lock; not by `release`. */
  readonly signal: AbortSignal
  /** Rejects with `lock_lost` if it was lost before. Disposing does the same, and never rejects. */
  release(): Promise<void>
}

/** `committed`: whether the checks held. `failed`: indexes of all those that did not. */
export type TxnResult<O extends readonly unknown[], E extends readonly unknown[], V> =
  | { readonly committed: true; readonly results: { [I in keyof O]: ResultOf<O[I], V> } }
  | {
      readonly committed: false
      readonly failed: readonly number[]
      readonly results: { [I in keyof E]: ResultOf<E[I], V> }
    }

/**
 * One attempt at a transaction, as its callback sees it. Reads see its own writes, and the same
 * again when repeated; nothing is written before the callback ends. After that it throws `closed`.
 */
export interface Tx<V = unknown> {
  get<T extends V = V>(key: Key): Promise<T | undefined>
  /** Revision 0: what this transaction writes itself. */
  getEntry<T extends V = V>(key: Key): Promise<Entry<T> | undefined>
  getMany<T extends V = V>(keys: readonly Key[]): Promise<(T | undefined)[]>
  put<T extends V>(key: Key, value: T, options?: { ttl?: number }): void
  delete(key: Key): void
  /** Whether the key holds a number is known when it is read, or at the commit. */
  increment(key: Key, by?: number): void
  /** Commits only while this lock is held with this token, or rejects with `fenced`. */
  require(lock: Fence): void
  /** The same transaction, as if each key began with `prefix`. */
  namespace<W = V>(prefix: Key, options?: { codec?: Codec<W> }): Tx<W>
  /** Aborted when the call's own signal is, or its time is over. */
  readonly signal: AbortSignal
  /** 1 for the first. */
  readonly attempt: number
}

/** A connection to a cluster, or a view of one (`namespace`). Every failure is a KeyMeshError. */
export interface KeyMesh<V = unknown> extends AsyncDisposable {
  /** Undefined: there is no such key. `T` is your claim; nothing checks it. */
  get<T extends V = V>(key: Key, options?: ReadOptions): Promise<T | undefined>
  /** As `get`, with revision and what is left of its ttl. */
  getEntry<T extends V = V>(key: Key, options?: ReadOptions): Promise<Entry<T> | undefined>
  /** In the order of `keys`; with `strong` all of them as they were at one moment. */
  getMany<T extends V = V>(keys: readonly Key[], options?: ReadOptions): Promise<(T | undefined)[]>
  /** Whether the key exists; its value is not decoded. */
  has(key: Key, options?: ReadOptions): Promise<boolean>
  /** Rejects with ConflictError if `ifRevision` does not hold; nothing is written then. */
  put<T extends V>(key: Key, value: T, options?: PutOptions): Promise<Written>
  /** Deleting nothing is no error. Rejects with ConflictError as `put` does. */
  delete(key: Key, options?: DeleteOptions): Promise<Deleted>
  /**
   * Adds `by` (default 1) to a safe integer kept as decimal text; an absent key is 0. The expiry of
   * the key stays as it is: `ttl` is refused.
   */
  increment(key: Key, by?: number, options?: PutOptions): Promise<Counted>
  /**
   * Gives the key another ttl, in milliseconds, or with null none; its value stays, its revision
   * moves. Rejects with `not_found` if there is no such key. `ttl` among the options is refused.
   */
  touch(key: Key, ttl: number | null, options?: PutOptions): Promise<Written>
  /** All writes or none, in any partitions; results in their order. */
  batch<const O extends readonly Op<V>[]>(
    ops: O,
    options?: CallOptions
  ): Promise<{ [I in keyof O]: ResultOf<O[I], V> }>
  /** If all checks hold runs `ops`, else `else`; all of it at one moment. */
  txn<const O extends readonly TxnOp<V>[], const E extends readonly TxnOp<V>[] = []>(
    request: { if?: readonly Check<V>[]; ops: O; else?: E },
    options?: CallOptions
  ): Promise<TxnResult<O, E, V>>
  /**
   * Runs `run`, and commits what it wrote if nothing it read has moved; else runs it again.
   * `timeout` is for all attempts together, 30,000 by default. What `run` throws ends it: nothing
   * is written, and the call rejects with that.
   */
  transaction<R>(run: (tx: Tx<V>) => Promise<R>, options?: CallOptions): Promise<R>
  /**
   * The keys of a range over all partitions in the order of their bytes; without a range all of
   * them. Reads a bounded way ahead; leaving the loop ends it. It is no snapshot: see
   * docs/scans.md.
   */
  scan<T extends V = V>(
    options?: ScanOptions & { keysOnly?: false }
  ): AsyncIterableIterator<Entry<T>>
  scan(options: ScanOptions & { keysOnly: true }): AsyncIterableIterator<KeyEntry>
  /**
   * Every change of a key or a range, as it is committed, until the loop is left; none is missed,
   * repeated or out of order. Asks for nothing before it is read. The first item is a `progress`:
   * whatever is acknowledged after it will be told. What it promises: docs/watch.md.
   */
  watch<T extends V = V>(options: WatchOptions): AsyncIterableIterator<Change<T>>
  /**
   * Waits in line for the lock of a key, which has nothing to do with its value. Rejects with
   * `locked` when `wait` is over. What it promises, and what no lock can: docs/locks.md.
   */
  lock(key: Key, options?: LockOptions): Promise<Lock>
  /** The same connection, as if each key began with `prefix`; results carry keys without it. */
  namespace<W = V>(prefix: Key, options?: { codec?: Codec<W> }): KeyMesh<W>
  /** Lets calls in flight end, then closes the connection, of all its views too. Idempotent. */
  close(): Promise<void>
}

/** What `connect` takes, beside `codec`. */
export interface ConnectOptions {
  /** Nodes to find the cluster through; one that answers is enough. */
  seeds?: Multiaddr | readonly Multiaddr[]
  /** The cluster's pre-shared key: 64 hex digits or 32 bytes. */
  clusterKey?: string | Uint8Array
  /** Milliseconds a call may take, and `connect` itself. Default 5,000. */
  timeout?: number
  /** Of reads that do not say. Default `strong`. */
  consistency?: Consistency
  /** Gives `connect` up; without effect afterwards. */
  signal?: AbortSignal
}
