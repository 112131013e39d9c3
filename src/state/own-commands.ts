import type { Operation } from '../wire/command.ts'
import type { Result } from '../wire/result.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Keys, Use } from './keys.ts'
import { expirePlaces } from './lock-commands.ts'
import type { Locks } from './locks.ts'
import type { Transactions } from './transactions.ts'

/** What a leader proposes by itself: without a session, as doing it again changes nothing. */
export type OwnOperation = Extract<Operation, { readonly type: 'expire' | 'sweep' }>

export function isOwn(operation: Operation): operation is OwnOperation {
  return operation.type === 'expire' || operation.type === 'sweep'
}

interface Parts {
  readonly keys: Keys
  readonly locks: Locks
  readonly transactions: Transactions
}

const DONE: Result = { type: 'done' }

export function runOwn(parts: Parts, operation: OwnOperation, use: Use): Result {
  if (operation.type === 'expire') return expirePlaces(parts, operation, use)
  sweepKeys(parts, operation.keys, use)
  return DONE
}

/**
 * Ends the keys whose ttl is over at the time of the entry, and no others. What a prepared
 * transaction holds is what it was when it was prepared: that is looked at again later.
 */
function sweepKeys({ keys, transactions }: Parts, swept: readonly Uint8Array[], use: Use): void {
  for (const key of swept) {
    if (transactions.holderOf(key) === undefined) keys.end(key, use)
    else sometimes('state: a key cannot expire while a transaction holds it')
  }
}
