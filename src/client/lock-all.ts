import { compareBytes } from '../wire/bytes.ts'
import type { Key, KeyMesh, Lock, LockOptions } from './api.ts'
import { keyPart } from './arguments.ts'
import { invalid } from './errors.ts'
import { distinct } from './steps.ts'

/** Locks of several keys, held together. Disposing releases them. */
export interface Locks extends AsyncDisposable {
  /** One for each key, in byte order of the keys. */
  readonly all: readonly Lock[]
  /** Aborted when any of them is lost. */
  readonly signal: AbortSignal
  release(): Promise<void>
}

/**
 * Locks several keys, one after another in byte order: callers who do so never wait for each other
 * in a circle. `wait` is for each of them. If one cannot be had those before it are given back.
 */
export async function lockAll(
  kv: KeyMesh,
  keys: readonly Key[],
  options?: Omit<LockOptions, 'within'>
): Promise<Locks> {
  if (!Array.isArray(keys) || keys.length === 0) throw invalid('keys want an array of one or more')
  const sorted = distinct(keys.map((key: Key) => keyPart(key).slice())).toSorted(compareBytes)
  const all: Lock[] = []
  try {
    for (const key of sorted) all.push(await kv.lock(key, options))
  } catch (error) {
    for (const lock of all) await lock[Symbol.asyncDispose]()
    throw error
  }
  return new HeldLocks(all)
}

class HeldLocks implements Locks {
  readonly all: readonly Lock[]
  readonly signal: AbortSignal

  constructor(all: readonly Lock[]) {
    this.all = all
    this.signal = AbortSignal.any(all.map(({ signal }) => signal))
  }

  /** All of them are given back, whatever becomes of one. */
  async release(): Promise<void> {
    const ends = await Promise.allSettled(this.all.map((lock) => lock.release()))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((lock) => lock[Symbol.asyncDispose]()))
  }
}
