import { expect, test } from 'vitest'
import { SimulatedDisk } from '../../../src/simulation/disk.ts'
import { World } from '../../../src/simulation/world.ts'
import { Reserve, releaseToStart } from '../../../src/storage/reserve.ts'
import { DiskFault } from '../../../src/world/disk.ts'

// Goal: a file holds room while there is some, and a write that would find none gets it.

const WHOLE = 160 * 1024
const PIECE = WHOLE / 32
const noise = (length: number): Uint8Array => new Uint8Array(length).fill(7)

function opened(bytesMax = WHOLE): { disk: SimulatedDisk; reserve: Reserve } {
  const world = new World('reserve')
  const disk = new SimulatedDisk(world, 'disk')
  disk.attach(world.life('first'))
  return { disk, reserve: new Reserve(disk, { bytesMax, noise }) }
}

function fill(reserve: Reserve): number {
  let pieces = 0
  for (; reserve.held < reserve.bytesMax; pieces++) reserve.fill()
  return pieces
}

test('it is filled piece by piece, and an earlier life may have done so', () => {
  const { disk, reserve } = opened()
  expect(reserve.held).toBe(0)
  expect(fill(reserve)).toBe(32)
  expect(disk.list()).toHaveLength(32)
  expect(disk.read('reserve-00', 0, 10_000)).toEqual(noise(WHOLE / 32))
  const next = new Reserve(disk, { bytesMax: WHOLE, noise })
  expect(next.held).toBe(WHOLE)
  // The next start may want less.
  expect(new Reserve(disk, { bytesMax: WHOLE / 2, noise }).held).toBe(WHOLE / 2)
  expect(disk.list()).toHaveLength(16)
})

test('a write gets what it needs right before it, and no more than a piece beside it', () => {
  const { disk, reserve } = opened()
  fill(reserve)
  let released = 0
  reserve.onRelease = () => released++
  const file = reserve.guarded().open('log')
  disk.bytesMax = WHOLE + PIECE + 1_000
  file.append(new Uint8Array(1_000))
  expect(reserve.held).toBe(WHOLE)
  file.append(new Uint8Array(1))
  expect([reserve.held, released]).toEqual([WHOLE - PIECE, 1])
  file.append(new Uint8Array(3 * PIECE))
  expect([reserve.held, released]).toEqual([WHOLE - 4 * PIECE, 2])
  disk.bytesMax = Number.POSITIVE_INFINITY
  expect(fill(reserve)).toBe(4)
})

test('on a disk that others fill to the last byte again and again writes succeed', () => {
  const { disk, reserve } = opened()
  fill(reserve)
  const guarded = reserve.guarded()
  const file = guarded.open('log')
  let writes = 0
  for (; reserve.held > PIECE; writes++) {
    disk.bytesMax -= disk.space().freeBytes
    file.append(new Uint8Array(100))
  }
  expect(writes).toBe(31)
  guarded.replace('map', new Uint8Array(1_000))
  expect(disk.list()).toContain('map')
})

test('when all of it is gone a write fails as any would', () => {
  const { disk, reserve } = opened()
  fill(reserve)
  const file = reserve.guarded().open('log')
  disk.bytesMax = WHOLE
  file.append(new Uint8Array(WHOLE))
  expect(reserve.held).toBe(0)
  expect(() => file.append(new Uint8Array(1))).toThrow(DiskFault)
})

test('one of no size costs nothing and gives nothing', () => {
  const { disk, reserve } = opened(0)
  disk.bytesMax = 0
  reserve.makeRoom(10)
  expect(disk.list()).toEqual([])
})

test('before a start it is given back as far as the disk is full, and else stays', () => {
  const { disk, reserve } = opened()
  fill(reserve)
  releaseToStart(disk, WHOLE)
  expect(disk.list()).toHaveLength(32)
  disk.bytesMax = WHOLE + WHOLE
  releaseToStart(disk, WHOLE)
  expect(disk.list()).toHaveLength(31)
  disk.bytesMax = WHOLE
  releaseToStart(disk, WHOLE)
  expect(disk.list()).toHaveLength(0)
})
