import { createHash } from 'node:crypto'
import { type DataOperation, encodeOperation } from '../wire/data-operation.ts'
import { ONCE_LIFE_MS } from '../wire/limits.ts'
import type { Repeatable } from './idempotency.ts'

/** `text` as Node.js gives it: a character for each byte. `time` of the cluster, ms since 1970. */
export function repeatableOf(text: string, time: number): Repeatable {
  return { key: Buffer.from(text, 'latin1'), notAfter: time + ONCE_LIFE_MS }
}

/** All that makes a change what it is: method, key, value, ttl and conditions. */
export function digestOf(operation: DataOperation): Uint8Array {
  return createHash('sha256').update(encodeOperation(operation)).digest()
}
