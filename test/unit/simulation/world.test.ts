import { expect, test } from 'vitest'
import { World } from '../../../src/simulation/world.ts'

test('a slow process takes its events one by one, in their order, and nobody else waits', () => {
  const world = new World('slow')
  const [slow, other] = [world.life('slow'), world.life('other')]
  const seen: string[] = []
  const note = (what: string) => () => seen.push(`${what} at ${world.now}`)
  slow.slow(10, 25)
  for (let i = 0; i < 4; i++) slow.timers.after(1 + i, note(`slow ${i}`))
  other.timers.after(5, note('other'))
  world.runUntil(100)
  // The third began before the slowness was over, and the fourth waited for it.
  expect(seen).toEqual([
    'slow 0 at 1',
    'other at 5',
    'slow 1 at 11',
    'slow 2 at 21',
    'slow 3 at 31'
  ])
  seen.length = 0
  slow.timers.after(1, note('fast'))
  slow.timers.after(2, note('fast'))
  world.runUntil(200)
  expect(seen).toEqual(['fast at 101', 'fast at 102'])
})

test('a slow process can be paused, cancel what waits, and die', () => {
  const world = new World('slow and paused')
  const life = world.life('slow')
  const seen: number[] = []
  const note = (): void => void seen.push(world.now)
  life.slow(10, 1_000)
  life.timers.after(1, note)
  life.timers.after(2, note)
  const cancel = life.timers.after(3, note)
  life.timers.after(4, note)
  world.runUntil(5)
  cancel()
  life.pause(50)
  world.runUntil(40)
  expect(seen).toEqual([1])
  world.runUntil(58)
  expect(seen).toEqual([1, 55])
  life.end()
  world.runUntil(1_000)
  expect(seen).toEqual([1, 55])
})

test('clocks that run at another rate keep their own time', () => {
  const world = new World('rates')
  const fast = world.life('fast', 1.1)
  const slow = world.life('slow', 0.9)
  const seen: string[] = []
  for (const life of [fast, slow]) {
    const began = life.clock.monotonic()
    life.timers.after(99, () => {
      expect(life.clock.monotonic() - began).toBeGreaterThanOrEqual(99)
      seen.push(`${life.name} ${Math.round(world.now)}`)
    })
  }
  world.runUntil(1_000)
  expect(seen).toEqual(['fast 90', 'slow 110'])
  expect(fast.clock.wall() - slow.clock.wall()).toBe(200)
})

test('a process knows how long it will sleep', () => {
  const life = new World('sleep').life('a')
  life.pause(100)
  expect([life.paused, life.sleeps(99), life.sleeps(100)]).toEqual([true, true, false])
})

test('who never comes to an end is a violation, whether time stands still or crawls', () => {
  for (const pauseMs of [0, 0.0005]) {
    const world = new World('storm')
    const life = world.life('spinner')
    const again = (): void => void world.schedule(life, pauseMs, 'again', again)
    again()
    expect(() => world.runUntil(10_000)).toThrow('a storm: 100001 steps from 0.000 to')
  }
  const world = new World('busy')
  const life = world.life('worker')
  const again = (): void => void world.schedule(life, 0.002, 'again', again)
  again()
  world.runUntil(300)
  expect(world.events).toBeGreaterThan(149_000)
})
