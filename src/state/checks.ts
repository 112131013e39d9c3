import { equalBytes } from '../wire/bytes.ts'
import type { Check, KeyCheck, LockCheck, Work } from '../wire/transaction.ts'
import { unreachable } from '../world/assert.ts'
import type { KeyRecord } from './keys.ts'
import { keyText } from './layout.ts'
import type { Guarded, Locks } from './locks.ts'

export const isOfKey = (check: Check): check is KeyCheck => check.type !== 'lock'
export const isOfLock = (check: Check): check is LockCheck => check.type === 'lock'

/** Whether it holds where its key has `record`. */
export function holds(check: KeyCheck, record: KeyRecord | undefined): boolean {
  switch (check.type) {
    case 'revision':
      return (record?.revision ?? 0) === check.revision
    case 'exists':
      return (record !== undefined) === check.exists
    case 'value':
      return record !== undefined && equalBytes(record.value, check.value)
    default:
      return unreachable(check)
  }
}

/** A key of `work` that somebody else guards: who holds a guard shows it, as a check. */
export function foreignGuard(locks: Locks, { checks, writes }: Work): Guarded | undefined {
  if (!locks.hasGuards) return undefined
  const shown = new Set(
    checks.filter((one) => isOfLock(one) && one.guard).map(({ key }) => keyText(key))
  )
  for (const { key } of [...checks.filter(isOfKey), ...writes]) {
    const guarded = locks.guardOf(key)
    if (guarded !== undefined && !shown.has(keyText(key))) return guarded
  }
  return undefined
}
