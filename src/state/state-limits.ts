import { LOCK_LIMITS, type LockLimits } from './locks.ts'
import { REPEAT_LIMITS, type RepeatLimits } from './repeats.ts'
import { SESSION_LIMITS, type SessionLimits } from './sessions.ts'

/** Part of what commands mean: equal on all replicas of a group, for ever. */
export type StateLimits = SessionLimits & RepeatLimits & LockLimits

export const STATE_LIMITS: StateLimits = { ...SESSION_LIMITS, ...REPEAT_LIMITS, ...LOCK_LIMITS }
