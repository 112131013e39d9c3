import { expect, test } from 'vitest'
import { GroupTime } from '../../../src/partition/group-time.ts'

// Goal: a group's time never stands still, never goes back, and leaps only to a clock that is fit.

const START = 1_700_000_000_000
const DAY_MS = 86_400_000

function fixture(time: number): {
  group: GroupTime
  at: { monotonic: number; wall: number; likely: number; fit: boolean }
} {
  const at = { monotonic: 0.5, wall: START, likely: START, fit: true }
  const trusted = {
    now: () => at.wall,
    likely: () => at.likely,
    get fit() {
      return at.fit
    }
  }
  const clock = { monotonic: () => at.monotonic, wall: () => -1 }
  return { group: new GroupTime(clock, trusted, time), at }
}

test('an old group leaps to a clock that is fit', () => {
  const { group } = fixture(START - 3 * DAY_MS)
  expect(group.now()).toBe(START)
})

test('a group without a time begins with the likeliest one, once', () => {
  const { group, at } = fixture(0)
  at.fit = false
  at.wall = START + DAY_MS
  at.monotonic += 5_000
  group.heard(0)
  expect(group.look()).toBe(START)
  at.likely = START + 10
  expect(group.now()).toBe(START + 10)
  at.likely = START + DAY_MS
  at.monotonic += 250
  expect(group.now()).toBe(START + 260)
  expect(group.look()).toBe(START + 260)
})

test('a follower that has heard a time goes on from that', () => {
  const { group, at } = fixture(0)
  at.fit = false
  group.heard(START - 100)
  at.monotonic += 250
  expect(group.now()).toBe(START + 150)
})

test('beside a clock that is not fit only elapsed time counts', () => {
  const { group, at } = fixture(START)
  at.fit = false
  at.wall = START + DAY_MS
  at.monotonic += 250
  expect(group.now()).toBe(START + 250)
  at.wall = START - DAY_MS
  at.monotonic += 250
  expect(group.now()).toBe(START + 500)
})

test('ahead of the clock a group runs slower until it is in line, in steps however small', () => {
  const { group, at } = fixture(START + 100)
  let last = group.now()
  expect(last).toBe(START + 100)
  for (let i = 0; i < 5_000; i++) {
    at.monotonic += 0.1
    at.wall = START + Math.floor(at.monotonic)
    const now = group.now()
    expect(now).toBeGreaterThanOrEqual(last)
    last = now
  }
  expect(last).toBe(START + 100 + 450)
  at.monotonic += 1_000
  at.wall += 1_000
  expect(group.now()).toBe(at.wall)
})

test('an entry from the far future moves the group, and time goes on from there', () => {
  const { group, at } = fixture(START)
  group.heard(START + 365 * DAY_MS)
  at.monotonic += 1_000
  at.wall += 1_000
  expect(group.now()).toBe(START + 365 * DAY_MS + 900)
  group.heard(START)
  expect(group.now()).toBe(START + 365 * DAY_MS + 900)
})

test('between entries a follower counts on, so that it can lead without a fit clock', () => {
  const { group, at } = fixture(START)
  at.fit = false
  group.heard(START + 50)
  at.monotonic += 2_000
  group.heard(START + 60)
  expect(group.now()).toBe(START + 2_050)
})
