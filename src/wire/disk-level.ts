/**
 * How a node's disk is, in the order of the numbers that travel:
 * - `ok`: there is room.
 * - `low`: nothing that takes room is begun any more; what others began is still taken.
 * - `full`: only what keeps promises and gives room back is written.
 */
export type DiskLevel = (typeof DISK_LEVELS)[number]

export const DISK_LEVELS = ['ok', 'low', 'full'] as const
