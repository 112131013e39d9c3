import type { DataOperation } from '../wire/data-operation.ts'
import type { AbortReason, KeyResult } from '../wire/result.ts'
import { alive, change, type KeyRecord, type Use } from './keys.ts'
import { keyText } from './layout.ts'
import type { Hold } from './prepared-rows.ts'

/** What writes would leave, by the text of their keys, and answer. */
export interface Paper {
  readonly results: readonly KeyResult[]
  readonly written: ReadonlyMap<string, Hold & { readonly type: 'write' }>
}

/** Each write sees what those before it left. Nothing of it is done. */
export function onPaper(
  writes: readonly DataOperation[],
  read: (key: Uint8Array) => KeyRecord | undefined,
  use: Use
): Paper | AbortReason {
  const written = new Map<string, Hold & { readonly type: 'write' }>()
  const results: KeyResult[] = []
  for (const operation of writes) {
    const { key } = operation
    const name = keyText(key)
    const before = written.get(name)
    const current = before === undefined ? read(key) : left(before.next, use.time)
    const { result, next } = change(operation, current, use)
    if (result.type === 'not-a-number') return 'not_a_number'
    if (next === 'same') return 'absent'
    results.push(result)
    written.set(name, { type: 'write', key, next })
  }
  return { results, written }
}

/** What an earlier write left: nothing, if its ttl was over at once. */
function left(next: KeyRecord | undefined, time: number): KeyRecord | undefined {
  return next === undefined ? undefined : alive(next, time)
}
