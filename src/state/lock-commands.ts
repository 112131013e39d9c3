import type { LockOperation } from '../wire/lock.ts'
import type { Result } from '../wire/result.ts'
import { unreachable } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Use } from './keys.ts'
import type { Locks } from './locks.ts'
import type { Blocked, Transactions } from './transactions.ts'

/** Those that somebody asks for: they happen once, by the session table. */
export type AskedLockOperation = Exclude<LockOperation, { readonly type: 'expire' }>

const DONE: Result = { type: 'done' }

/** A lock that a prepared transaction relies on stays with its holder: who releases it waits. */
export function runLock(
  { locks, transactions }: { readonly locks: Locks; readonly transactions: Transactions },
  operation: AskedLockOperation,
  use: Use
): Result | Blocked {
  switch (operation.type) {
    case 'acquire':
      return locks.acquire(operation, use)
    case 'renew':
      return locks.renew(operation.places)
    case 'release': {
      const by = transactions.keeperOfLock(operation)
      return by === undefined ? locks.release(operation, operation.token, use) : { by }
    }
    case 'leave':
      return locks.leave(operation, operation.ticket, use)
    default:
      return unreachable(operation)
  }
}

/** The same for what the leader found to be over: the lock is looked at again later. */
export function expirePlaces(
  { locks, transactions }: { readonly locks: Locks; readonly transactions: Transactions },
  operation: Extract<LockOperation, { readonly type: 'expire' }>,
  use: Use
): Result {
  for (const place of operation.places) {
    if (transactions.keeperOfLock(place) === undefined) locks.expire(place, use)
    else sometimes('state: a lock cannot expire while a transaction relies on it')
  }
  return DONE
}
