import { utf8 } from '../wire/bytes.ts'
import {
  LOCK_OWNER_BYTES_MAX,
  LOCK_TTL_MS_MAX,
  LOCK_TTL_MS_MIN,
  LOCK_WAIT_MS_MAX
} from '../wire/limits.ts'
import type { LockOptions } from './api.ts'
import { checkInteger, checkNames, checkSignal, checkTimeout } from './arguments.ts'
import { invalid } from './errors.ts'
import { HeldLock } from './lock.ts'
import type { WantedLock } from './lock-types.ts'

export const LOCK_TTL_MS_DEFAULT = 10_000
export const LOCK_WAIT_MS_DEFAULT = 5_000

/** What a caller may say about a lock, checked. */
export interface CheckedLock {
  readonly signal: AbortSignal | undefined
  readonly timeout: number | undefined
  readonly wanted: Omit<WantedLock, 'key'>
  readonly within: HeldLock | undefined
}

const OF_CALLS = ['signal', 'timeout', 'within']
const OF_LOCKS = ['ttl', 'wait', 'shared', 'owner']

/** Throws invalid_argument. */
export function checkLock(options: LockOptions = {}): CheckedLock {
  checkNames(options, [...OF_LOCKS, ...OF_CALLS])
  const { ttl, wait, shared = false, owner = '', within } = options
  if (typeof shared !== 'boolean') throw invalid('shared is true or false')
  const ttlMs = checkInteger(ttl, 'ttl', LOCK_TTL_MS_MIN, LOCK_TTL_MS_MAX) ?? LOCK_TTL_MS_DEFAULT
  return {
    signal: checkSignal(options.signal),
    timeout: checkTimeout(options.timeout),
    wanted: { guard: false, shared, ttlMs, waitMs: checkWait(wait), owner: checkOwner(owner) },
    within: 'within' in options ? checkWithin(options, within) : undefined
  }
}

function checkWait(wait: unknown): number {
  if (wait === Number.POSITIVE_INFINITY) return wait
  return checkInteger(wait, 'wait', 0, LOCK_WAIT_MS_MAX) ?? LOCK_WAIT_MS_DEFAULT
}

function checkOwner(owner: unknown): string {
  const isText = typeof owner === 'string' && owner.isWellFormed()
  if (isText && utf8(owner).length <= LOCK_OWNER_BYTES_MAX) return owner
  throw invalid(`owner is text of at most ${LOCK_OWNER_BYTES_MAX} bytes of UTF-8`)
}

/** A lock taken anew would be waited for in vain: so what is no lock must not be passed over. */
function checkWithin(options: LockOptions, within: unknown): HeldLock {
  if (!(within instanceof HeldLock)) throw invalid('within wants a lock that is held')
  const other = OF_LOCKS.find((name) => name in options)
  if (other === undefined) return within
  throw invalid(`${other} does not go with within: the lock is held as it is`)
}
