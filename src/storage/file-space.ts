import fs from 'node:fs'
import { DiskFault, type Space } from '../world/disk.ts'

/**
 * The file system under `directory`, as far as this process may fill it. Throws DiskFault. One that
 * does not tell its size has none that is known.
 */
export function spaceUnder(directory: string): Space {
  try {
    const { bsize, bavail, blocks } = fs.statfsSync(directory)
    if (blocks === 0) return UNKNOWN
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DiskFault(`cannot tell the free space of ${directory}: ${reason}`, { cause })
  }
}

const UNKNOWN: Space = {
  freeBytes: Number.POSITIVE_INFINITY,
  totalBytes: Number.POSITIVE_INFINITY
}
