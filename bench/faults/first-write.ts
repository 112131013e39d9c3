import type { KeyMesh } from 'keymesh'
import { clientCall } from './callers.ts'

/** A key that takes longer than this does not become writable again. */
const GIVE_UP_MS = 60_000
const VALUE = new Uint8Array(100).fill(0x61)

/** Milliseconds from `since` to the first acknowledged write of `key`, begun from now on. */
export async function firstWrite(
  kv: KeyMesh<Uint8Array>,
  key: string,
  since: number
): Promise<number> {
  const call = clientCall(kv, { keys: [key], value: VALUE, timeoutMs: GIVE_UP_MS })
  while (performance.now() - since < GIVE_UP_MS) {
    // Number 0 of one key is a put.
    const { code } = await call(0)
    if (code === '') return performance.now() - since
  }
  return GIVE_UP_MS
}
