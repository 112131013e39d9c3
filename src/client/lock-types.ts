import type { Failure } from '../wire/failure.ts'
import type { GroupId } from '../wire/ids.ts'
import type { LockName } from '../wire/lock.ts'

/** A lock as somebody asks for it. */
export interface WantedLock extends LockName {
  /** Beside others who share it. */
  readonly shared: boolean
  readonly ttlMs: number
  /** How long to stand in line while others hold it; 0: not at all; Infinity is allowed. */
  readonly waitMs: number
  /** Tells others who holds it; may be empty. */
  readonly owner: string
}

/** A lock that is held. */
export interface Grant extends LockName {
  readonly token: number
  readonly group: GroupId
  readonly ttlMs: number
  /**
   * When the request left whose answer this rests on, on the monotonic clock: whoever granted the
   * lease began to count it later.
   */
  readonly since: number
}

export type LockOutcome =
  | { readonly ok: true; readonly grant: Grant }
  | { readonly ok: false; readonly failure: Failure }
