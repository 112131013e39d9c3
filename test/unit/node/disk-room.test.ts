import { expect, test } from 'vitest'
import { NODE_LIMITS } from '../../../src/node/config.ts'
import { DiskRoom } from '../../../src/node/disk-room.ts'
import { SimulatedDisk } from '../../../src/simulation/disk.ts'
import { SimulatedStore } from '../../../src/simulation/state-store.ts'
import { World } from '../../../src/simulation/world.ts'
import { DiskFault } from '../../../src/world/disk.ts'

// Goal: what is free decides, the same way up and down, and never twice for a little.

const MIB = 1024 * 1024
const LIMITS = {
  ...NODE_LIMITS,
  diskLowBytes: 8 * MIB,
  diskFullBytes: 2 * MIB,
  diskReserveBytes: MIB,
  flushRoomBytes: MIB
}

function opened(reserve = MIB) {
  const world = new World('room')
  const disk = new SimulatedDisk(world, 'disk')
  const store = new SimulatedStore(world, 'store')
  const life = world.life('first')
  disk.attach(life)
  store.attach(life)
  const faults: Error[] = []
  const room = new DiskRoom({
    self: 'me',
    disk,
    store,
    random: life.random,
    limits: { ...LIMITS, diskReserveBytes: reserve },
    fatal: (fault) => faults.push(fault)
  })
  /** So much is free beside a whole reserve. */
  const leave = (mib: number): string => {
    disk.bytesMax = reserve + mib * MIB
    room.tick()
    return room.level
  }
  return { disk, store, room, faults, leave }
}

test('levels begin at their bounds, and end only well above them', () => {
  const { leave, room } = opened(0)
  expect(leave(8)).toBe('ok')
  expect(room.isShort).toBe(false)
  expect(leave(7.9)).toBe('low')
  expect(room.ill).toBe('the disk is low: 7 MiB are free, 10 must be')
  expect(leave(9.9)).toBe('low')
  expect(leave(2)).toBe('low')
  expect(leave(1.9)).toBe('full')
  expect(leave(3.9)).toBe('full')
  expect(leave(4)).toBe('low')
  expect(leave(10)).toBe('ok')
  expect(room.ill).toBeUndefined()
  expect(leave(1)).toBe('full')
  expect(leave(10)).toBe('ok')
})

test('the fuller of two file systems counts', () => {
  const { store, leave, room } = opened(0)
  expect(leave(100)).toBe('ok')
  store.bytesMax = 5 * MIB
  expect(leave(100)).toBe('low')
  expect(room.usableBytes).toBe(5 * MIB)
})

test('filling or giving back the reserve changes no level', () => {
  const { disk, leave, room } = opened()
  disk.bytesMax = 40 * MIB
  for (let i = 0; i < 40; i++) leave(12)
  expect(room.reserve.held).toBe(MIB)
  expect(room.usableBytes).toBe(12 * MIB)
  expect(leave(3)).toBe('low')
  expect(room.usableBytes).toBe(3 * MIB)
  disk.bytesMax = MIB
  room.disk.open('log').append(new Uint8Array(1_000))
  expect(room.reserve.held).toBeLessThan(MIB)
  expect(room.usableBytes).toBe(0)
  // It is filled again only where there is room for it and more.
  const { held } = room.reserve
  expect(leave(9)).toBe('low')
  expect(room.reserve.held).toBe(held)
  expect(leave(11)).toBe('ok')
  expect(room.reserve.held).toBeGreaterThan(held)
})

test('a write that takes the reserve makes the disk full in that moment', () => {
  const { disk, leave, room } = opened()
  for (let i = 0; i < 40; i++) leave(12)
  disk.bytesMax = MIB
  room.disk.open('log').append(new Uint8Array(10))
  expect(room.level).toBe('full')
  expect(room.takeNews()).toBe(true)
  expect(room.takeNews()).toBe(false)
})

test('a flush that would not fit waits, and may have the reserve', () => {
  const { disk, store, leave, room } = opened()
  for (let i = 0; i < 40; i++) leave(12)
  expect(room.fits(MIB)).toBe(true)
  store.bytesMax = 2.9 * MIB
  expect(room.fits(MIB)).toBe(false)
  disk.bytesMax = 1.5 * MIB
  expect(room.fits(MIB)).toBe(false)
  expect(room.reserve.held).toBe(0)
  store.bytesMax = 3 * MIB
  expect(room.fits(MIB)).toBe(true)
})

test('what other nodes say is known until they say something else', () => {
  const { room } = opened(0)
  expect([room.levelOf('me'), room.levelOf('other')]).toEqual(['ok', 'ok'])
  room.hear('other', 'full')
  expect([room.levelOf('other'), room.isShort]).toEqual(['full', true])
  room.hear('other', 'ok')
  expect([room.levelOf('other'), room.isShort]).toEqual(['ok', false])
})

test('a reserve that cannot be written ends the node', () => {
  const { disk, leave, faults } = opened()
  disk.failNextAppend()
  leave(20)
  expect(faults).toEqual([expect.any(DiskFault)])
})
