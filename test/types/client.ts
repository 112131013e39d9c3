import * as keymesh from 'keymesh'
import type * as published from './published.ts'

// Goal: a program that follows the promised types compiles, and one that does not, does not.
// Method: the compiler reads this file with all others (`npm run typecheck`); nothing in it is run.

interface User {
  readonly name: string
}

/** True if each of the two can stand for the other, also in the parameters of functions. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
const same = <_T extends true>(): void => {}
/** The same modifiers, too: `readonly` and `?` are invisible to assignability. */
type Identical<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

export function promised(): void {
  same<Identical<keymesh.Key, published.Key>>()
  same<Identical<keymesh.Multiaddr, published.Multiaddr>>()
  same<Identical<keymesh.Consistency, published.Consistency>>()
  same<Identical<keyof keymesh.KeyMesh, keyof published.KeyMesh>>()
  same<Identical<Flat<keymesh.CallOptions>, Flat<published.CallOptions>>>()
  same<Identical<Flat<keymesh.ReadOptions>, Flat<published.ReadOptions>>>()
  same<Identical<Flat<keymesh.PutOptions>, Flat<published.PutOptions>>>()
  same<Identical<Flat<keymesh.DeleteOptions>, Flat<published.DeleteOptions>>>()
  same<Identical<Flat<keymesh.Fence>, Flat<published.Fence>>>()
  same<Identical<Flat<keymesh.Lock>, Flat<published.Lock>>>()
  same<Identical<Flat<keymesh.Entry<User>>, Flat<published.Entry<User>>>>()
  same<Identical<Flat<keymesh.KeyEntry>, Flat<published.KeyEntry>>>()
  same<Identical<Flat<keymesh.ScanOptions>, Flat<published.ScanOptions>>>()
  same<Identical<Flat<keymesh.Written>, Flat<published.Written>>>()
  same<Identical<Flat<keymesh.Deleted>, Flat<published.Deleted>>>()
  same<Identical<Flat<keymesh.Counted>, Flat<published.Counted>>>()
  same<Identical<keymesh.Change<User>, published.Change<User>>>()
  same<Identical<keymesh.Op<User>, published.Op<User>>>()
  same<Identical<keymesh.Check<User>, published.Check<User>>>()
  same<Identical<keymesh.TxnOp<User>, published.TxnOp<User>>>()
  same<Identical<keyof keymesh.Tx, keyof published.Tx>>()
  same<Same<keymesh.Tx<User>, published.Tx<User>>>()
  same<Same<keymesh.Codec<User>, published.Codec<User>>>()
  same<Same<keymesh.KeyMesh, published.KeyMesh>>()
  same<Same<keymesh.KeyMesh<User>, published.KeyMesh<User>>>()
  same<Same<keymesh.ConnectOptions, published.Connecting>>()
  // The classes may say more, never less.
  const { connect, json, text, bytes, msgpack } = keymesh
  const values: published.Values = { connect, json, text, bytes, msgpack }
  const failed: published.KeyMeshError = {} as keymesh.KeyMeshError
  const conflict: published.ConflictError = {} as keymesh.ConflictError
  const undecodable: published.UndecodableError = {} as keymesh.UndecodableError
  const unknown: published.KeyMeshError = {} as keymesh.UnknownOutcomeError
  const all: unknown[] = [values, failed, conflict, undecodable, unknown]
  void all
}

type Flat<T> = { [K in keyof T]: T[K] }

export async function inferred(kv: keymesh.KeyMesh, users: keymesh.KeyMesh<User>): Promise<void> {
  const unknown = await kv.get('a')
  same<Identical<typeof unknown, unknown>>()
  const claimed = await kv.get<User>('a')
  same<Identical<typeof claimed, User | undefined>>()
  const typed = await users.get('a')
  same<Identical<typeof typed, User | undefined>>()
  const entry = await users.getEntry(Uint8Array.of(1), { consistency: 'session' })
  same<Identical<typeof entry, keymesh.Entry<User> | undefined>>()
  await users.put('a', { name: 'Ada' }, { ifRevision: entry?.revision ?? 0, ttl: 60_000 })
  const left: number | undefined = entry?.expiresIn
  const { existed, revision } = await kv.delete('a', { ifRevision: 5, timeout: 100 })
  same<Identical<typeof existed, boolean>>()
  same<Identical<typeof revision, number | undefined>>()
  const { value }: { value: number } = await kv.increment('n')
  await kv.touch('a', null)
  await kv.touch('a', left ?? value, { ifRevision: 1 })
  const signal = AbortSignal.timeout(5)
  same<Identical<Awaited<ReturnType<typeof kv.has>>, boolean>>()
  await kv.has('a', { signal, timeout: 10, consistency: 'eventual' })
}

export async function transacted(kv: keymesh.KeyMesh, users: keymesh.KeyMesh<User>): Promise<void> {
  const ada = { name: 'Ada' }
  const written = await users.batch([{ put: 'a', value: ada }, { delete: 'b' }, { increment: 'n' }])
  type Three = readonly [keymesh.Written, keymesh.Deleted, keymesh.Counted]
  same<Same<typeof written, Three>>()
  const many = await kv.batch([] as { put: string; value: number }[])
  same<Identical<typeof many, keymesh.Written[]>>()
  const outcome = await users.txn({
    if: [
      { key: 'a', revision: 0 },
      { key: 'b', exists: true },
      { key: 'c', value: ada }
    ],
    ops: [{ put: 'a', value: ada, ttl: 5 }, { get: 'b' }],
    else: [{ get: 'a' }]
  })
  if (outcome.committed) {
    const [put, got] = outcome.results
    same<Identical<typeof put, keymesh.Written>>()
    same<Identical<typeof got, keymesh.Entry<User> | undefined>>()
  } else {
    same<Identical<typeof outcome.failed, readonly number[]>>()
    const [got] = outcome.results
    same<Identical<typeof got, keymesh.Entry<User> | undefined>>()
  }
  const plain = await kv.txn({ ops: [{ increment: 'n', by: 2 }] })
  if (plain.committed) same<Identical<(typeof plain.results)[0]['value'], number>>()
  else same<Identical<(typeof plain.results)['length'], 0>>()
  const listed = await users.getMany(['a', Uint8Array.of(1)], { consistency: 'session' })
  same<Identical<typeof listed, (User | undefined)[]>>()
  const result = await kv.transaction(async (tx) => {
    same<Identical<typeof tx, keymesh.Tx>>()
    const typed = tx.namespace('u:', { codec: keymesh.json<User>() })
    const read = await typed.get('a')
    same<Identical<typeof read, User | undefined>>()
    tx.put('a', 1, { ttl: 5 })
    tx.increment('n', -1)
    tx.delete('b')
    return tx.signal.aborted ? undefined : tx.attempt
  })
  same<Identical<typeof result, number | undefined>>()
}

export async function connected(): Promise<void> {
  const plain = await keymesh.connect()
  same<Identical<typeof plain, keymesh.KeyMesh>>()
  await using texts = await keymesh.connect({ codec: keymesh.text, seeds: ['/ip4/1.2.3.4/tcp/1'] })
  same<Identical<typeof texts, keymesh.KeyMesh<string>>>()
  const users = plain.namespace('u:', { codec: keymesh.json<User>() })
  same<Identical<typeof users, keymesh.KeyMesh<User>>>()
  const nested = users.namespace('x:')
  same<Identical<typeof nested, keymesh.KeyMesh<User>>>()
  const packed = plain.namespace(Uint8Array.of(0), { codec: keymesh.msgpack<User>() })
  same<Identical<typeof packed, keymesh.KeyMesh<User>>>()
  const raw = plain.namespace('r:', { codec: keymesh.bytes })
  same<Identical<typeof raw, keymesh.KeyMesh<Uint8Array>>>()
  const own: keymesh.Codec<number> = {
    encode: (value) => Uint8Array.of(value),
    decode: ([first = 0]) => first
  }
  same<Identical<Awaited<ReturnType<typeof connectOwn>>, keymesh.KeyMesh<number>>>()
  const connectOwn = () => keymesh.connect({ codec: own })
  void connectOwn
}

interface Given {
  readonly kv: keymesh.KeyMesh
  readonly users: keymesh.KeyMesh<User>
  readonly entry: keymesh.Entry<User>
}

export async function refused({ kv, users, entry }: Given): Promise<void> {
  // @ts-expect-error a value of another type
  await users.put('a', { title: 'Ada' })
  // @ts-expect-error a condition is a number or absent: never undefined
  await users.put('a', { name: 'Ada' }, { ifRevision: undefined })
  // @ts-expect-error the same for options that come from elsewhere
  await kv.delete('a', {} as { ifRevision: number | undefined })
  // @ts-expect-error reads take no ttl
  await users.get('a', { ttl: 5 })
  // @ts-expect-error reads take no condition
  await users.has('a', { ifRevision: 5 })
  // @ts-expect-error a delete takes no ttl
  await kv.delete('a', { ttl: 5 })
  // @ts-expect-error a claim the codec rules out
  await users.get<string>('a')
  // @ts-expect-error a misspelt option
  await kv.put('a', 1, { ifRevison: 3 })
  // @ts-expect-error keys are text or bytes
  await kv.get(5)
  // @ts-expect-error a ttl is given, or null
  await kv.touch('a')
  // @ts-expect-error there are three consistencies
  await kv.get('a', { consistency: 'weak' })
  // @ts-expect-error a batch writes
  await kv.batch([{ get: 'a' }])
  // @ts-expect-error a value of another type
  await users.batch([{ put: 'a', value: 5 }])
  // @ts-expect-error a put without a value
  await users.txn({ ops: [{ put: 'a' }] })
  // @ts-expect-error a check of a value of another type
  await users.txn({ if: [{ key: 'a', value: 5 }], ops: [] })
  // @ts-expect-error a check of nothing
  await users.txn({ if: [{ key: 'a' }], ops: [] })
  // @ts-expect-error the callback returns a promise
  await kv.transaction((tx) => tx.attempt)
  // @ts-expect-error inside a transaction reads are strong
  await kv.transaction((tx) => tx.get('a', { consistency: 'eventual' }))
  // @ts-expect-error entries are read, not written
  entry.revision = 5
  // @ts-expect-error connect knows no such option
  await keymesh.connect({ seed: '/ip4/1.2.3.4/tcp/1' })
}

export function caught(error: unknown): number | string | undefined {
  if (error instanceof keymesh.ConflictError) {
    const code: 'conflict' = error.code
    return code.length + error.revision
  }
  if (error instanceof keymesh.UndecodableError) return error.bytes.length
  if (error instanceof keymesh.KeyMeshError) {
    same<Identical<typeof error.outcome, 'not_applied' | 'unknown'>>()
    return error.retryable ? error.code : undefined
  }
  return undefined
}
