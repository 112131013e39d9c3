import { expect, test } from 'vitest'
import { limitsFor, NODE_LIMITS } from '../../../src/node/config.ts'

const MIB = 1024 * 1024

test('from 8 GiB on, and on a disk without a known end, limits are what they are', () => {
  expect(limitsFor(Number.POSITIVE_INFINITY)).toEqual(NODE_LIMITS)
  expect(limitsFor(8 * 1024 * MIB)).toEqual(NODE_LIMITS)
})

test('on a small disk less is kept, so that it can be filled, and what is left suffices', () => {
  for (let totalBytes = 16 * MIB; totalBytes < 8 * 1024 * MIB; totalBytes *= 1.3) {
    const limits = limitsFor(totalBytes)
    const {
      diskLowBytes,
      diskFullBytes,
      diskReserveBytes,
      logBytesMax,
      segmentBytes,
      uncommittedBytesMax,
      writeBufferBytes,
      flushRoomBytes,
      flushBytes
    } = limits
    expect(diskLowBytes).toBeLessThanOrEqual(totalBytes / 2)
    expect(diskLowBytes).toBeGreaterThanOrEqual(Math.min(32 * MIB, Math.floor(totalBytes / 2)))
    expect(diskFullBytes).toBeLessThanOrEqual(diskLowBytes / 4)
    expect(diskFullBytes).toBeGreaterThan(diskReserveBytes / 2)
    // Two flushes, and a file of LevelDB.
    expect(diskReserveBytes).toBeGreaterThanOrEqual(2 * flushRoomBytes - 2)
    expect(flushRoomBytes).toBe(writeBufferBytes)
    expect(writeBufferBytes).toBeGreaterThan(flushBytes)
    // Log, two files of LevelDB, and what must stay free leave room for data.
    expect(logBytesMax + 2 * segmentBytes + 2 * writeBufferBytes).toBeLessThan(totalBytes / 4)
    expect(uncommittedBytesMax).toBeLessThanOrEqual(logBytesMax / 8)
    for (const value of Object.values(limits)) expect(Number.isSafeInteger(value)).toBe(true)
  }
})
