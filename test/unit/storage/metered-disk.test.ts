import { expect, test } from 'vitest'
import { SimulatedDisk } from '../../../src/simulation/disk.ts'
import { World } from '../../../src/simulation/world.ts'
import { DiskCounts, meteredDisk } from '../../../src/storage/metered-disk.ts'
import { openLog } from '../../../src/storage/segmented-log.ts'
import { entries, markAt } from './log-harness.ts'

// Goal: a log over a counted disk is the log, and each sync of it was counted.

test('syncs of a log are counted, and it is there again', () => {
  const world = new World('metered')
  const below = new SimulatedDisk(world, 'disk', { syncMs: [4, 4] })
  const life = world.life('first')
  below.attach(life)
  const counts = new DiskCounts()
  const disk = meteredDisk(below, life.clock, counts)
  const log = openLog(disk, { segmentBytes: 1_000_000 })
  log.create(1, 10, markAt(1, 1), { term: 1, vote: 0 })
  log.append(1, entries(2, 5, 1))
  let done = 0
  log.commit(() => done++)
  world.runUntil(world.now + 100)
  expect(done).toBe(1)
  expect(counts.sync.count).toBe(1)
  expect(counts.sync.sum).toBeCloseTo(4)
  expect(log.segmentCount).toBe(1)
  expect(openLog(meteredDisk(below, life.clock, new DiskCounts())).groups()).toHaveLength(1)
})
