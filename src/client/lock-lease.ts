import { CODES, failure } from '../wire/failure.ts'

/** A place at a lock is renewed after this share of its ttl, so that two renewals may fail. */
const RENEW_SHARE = 1 / 3
/** Others go along with the one that is due if they would be due soon. */
const ALONG_SHARE = 1 / 6
/**
 * So much of the ttl is left over: for clocks that do not run alike, and for what still has to be
 * told of the end.
 */
const MARGIN_SHARE = 1 / 10
const MARGIN_MS_MAX = 500

export interface Lease {
  readonly ttlMs: number
  /** When the latest request left that was answered as good; see Grant. */
  readonly since: number
}

/** When it is to be renewed, on the monotonic clock. */
export function renewalOf({ since, ttlMs }: Lease): number {
  return since + ttlMs * RENEW_SHARE
}

/** Whether it is renewed at `now` if others of its group are. */
export function goesAlong({ since, ttlMs }: Lease, now: number): boolean {
  return now >= since + ttlMs * ALONG_SHARE
}

/** When its holder must take it for lost: before anybody else can be granted it. */
export function endOf({ since, ttlMs }: Lease): number {
  return since + ttlMs - Math.min(MARGIN_MS_MAX, ttlMs * MARGIN_SHARE)
}

/** Somebody else may hold it by now. */
export const LOST = failure('lock_lost', `the lock is not held any more. ${CODES.lock_lost.advice}`)

/** The same of one whose renewals had no answer. */
export const NOT_RENEWED = failure(
  'lock_lost',
  `the lock could not be renewed in time. ${CODES.lock_lost.advice}`
)
