import type { LockCheck } from '../wire/transaction.ts'
import type { Fence, Key } from './api.ts'
import { HeldLock } from './lock.ts'

/**
 * What a fence asks for. A lock knows its whole key, whichever view it was taken through; what only
 * looks like one is named as the keys of this view are.
 */
export function lockCheck(scope: { whole(key: Key): Uint8Array }, fence: Fence): LockCheck {
  const key = fence instanceof HeldLock ? fence.whole : scope.whole(fence.key)
  return { type: 'lock', key, guard: false, token: fence.token }
}
