/** Hard limits of the public contract and of the formats. All sizes in bytes. */
export const KEY_BYTES_MAX = 4_096
export const VALUE_BYTES_MAX = 1_048_576
/** One frame on a link: a head that msgpackr decodes and a body that nobody decodes as a whole. */
export const FRAME_HEAD_BYTES_MAX = 256 * 1024
export const FRAME_BODY_BYTES_MAX = 9 * 1024 * 1024
export const FRAME_BYTES_MAX = 4 + FRAME_HEAD_BYTES_MAX + FRAME_BODY_BYTES_MAX
/** Of the text that makes a mutation happen once, see Once. */
export const IDEMPOTENCY_KEY_BYTES_MAX = 128
/**
 * A request with an idempotency key runs within this time after it came, or never. The memory of it
 * rests on that, see REPEAT_LIMITS.
 */
export const ONCE_LIFE_MS = 60_000
/** Of one transaction: checks, and writes. */
export const TRANSACTION_OPERATIONS_MAX = 1_024
/** Keys and values of one transaction together. */
export const TRANSACTION_BYTES_MAX = 8 * 1024 * 1024
/** It can touch no more groups than it has operations, checks and writes. */
export const TRANSACTION_GROUPS_MAX = 2 * TRANSACTION_OPERATIONS_MAX
/** Records one command drops. */
export const FORGOTTEN_AT_ONCE_MAX = 1_024
/** What tells others who holds a lock. */
export const LOCK_OWNER_BYTES_MAX = 128
/** A lock's ttl: below, a round trip eats it up; above, it were better kept as a value. */
export const LOCK_TTL_MS_MIN = 100
export const LOCK_TTL_MS_MAX = 24 * 3_600 * 1_000
/** The longest wait for a lock that has an end. */
export const LOCK_WAIT_MS_MAX = 24 * 3_600 * 1_000
/** Places at locks that one command is about. */
export const LOCK_PLACES_AT_ONCE_MAX = 256
/** An encoded command: the keys and values of a transaction, and bookkeeping for each. */
export const COMMAND_BYTES_MAX = TRANSACTION_BYTES_MAX + 128 * 1024
/** Keys one command ends whose ttl is over. */
export const SWEPT_AT_ONCE_MAX = 1_024
/** Entries in one page of a scan. */
export const SCAN_ENTRIES_MAX = 4_096
/** A page of a scan is no larger, unless one entry alone is. */
export const SCAN_BYTES_MAX = 1024 * 1024
export const TIMEOUT_MS_DEFAULT = 5_000
/** A deadline further away than this is a mistake. */
export const TIMEOUT_MS_MAX = 600_000
/** The longest ttl: a thousand years, so that times stay exact integers. */
export const TTL_MS_MAX = 1_000 * 366 * 24 * 3_600 * 1_000
/** An unknown session is opened only this many entries after the basis of its command. */
export const SESSION_BASIS_WINDOW = 1_000_000
/**
 * Terms, indexes of a log and numbers of commands that a peer may speak of. Nobody gets there by
 * counting; beyond it a number that grows by one would soon be none any more.
 */
export const LOG_NUMBER_MAX = 2 ** 52
