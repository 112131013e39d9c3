import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ClusterClock } from '../../../src/node/cluster-clock.ts'
import { GroupTime } from '../../../src/partition/group-time.ts'

// Goal: a wall clock is followed exactly as far as the others confirm it, and a group's time stays
// right, or at least goes on, whatever this node's wall clock shows.

const START = 1_700_000_000_000
const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS

/** A node among `peers`; `shift` is what its wall clock shows beyond the true time. */
class Fixture {
  shift = 0
  peers: number[]
  elapsed = 0
  readonly port = {
    monotonic: () => 77.25 + this.elapsed,
    wall: () => Math.floor(START + this.elapsed + this.shift)
  }
  readonly clock = new ClusterClock(this.port)

  constructor(peers: number[]) {
    this.peers = peers
    this.#status()
  }

  get true(): number {
    return START + this.elapsed
  }

  /** How far the trusted time is ahead of the true one. */
  get error(): number {
    return this.clock.now() - Math.floor(this.true)
  }

  /** Statuses come each second. Returns what the ticks said. */
  run(seconds: number): boolean[] {
    const told: boolean[] = []
    for (let i = 0; i < seconds; i++) {
      this.elapsed += 1_000
      this.#status()
      told.push(this.clock.tick())
    }
    return told
  }

  #status(): void {
    this.peers.forEach((shift, i) => void this.clock.hear(`n${i}`, Math.floor(this.true + shift)))
  }
}

test('without peers the own clock is followed anywhere, and fit', () => {
  const on = new Fixture([])
  for (const shift of [YEAR_MS, -YEAR_MS, 700, 0]) {
    on.shift = shift
    expect(on.error).toBe(shift)
    expect(on.clock.fit).toBe(true)
    expect(on.run(20)).not.toContain(true)
  }
})

test('a jump is not followed at the moment of use, and forgotten when it is taken back', () => {
  const on = new Fixture([0, 0])
  on.shift = YEAR_MS
  expect(on.error).toBe(0)
  expect(on.clock.fit).toBe(false)
  on.elapsed += 1_234
  expect(on.error).toBe(0)
  on.shift = 0
  expect(on.error).toBe(0)
  expect(on.clock.fit).toBe(true)
})

test('a jump within bounds is followed only when it leads towards the others', () => {
  const on = new Fixture([0, 0])
  on.shift = 3_000
  on.run(10)
  expect(on.error).toBe(0)
  expect(on.clock.fit).toBe(true)
  on.peers = [3_000, 3_000]
  on.run(1)
  expect(on.error).toBe(3_000)
})

test('clocks set one after the other are followed as soon as most agree', () => {
  const on = new Fixture([0, 0, 0, 0])
  on.shift = HOUR_MS
  on.peers = [HOUR_MS, 0, 0, 0]
  on.run(1)
  expect([on.error, on.clock.fit]).toEqual([0, false])
  on.peers = [HOUR_MS, HOUR_MS, 0, 0]
  on.run(1)
  expect([on.error, on.clock.fit]).toEqual([HOUR_MS, true])
})

test('who starts wrong is unfit once others are heard, and right when the clock is set', () => {
  const on = new Fixture([-YEAR_MS, -YEAR_MS])
  expect(on.clock.fit).toBe(false)
  on.run(5)
  expect(on.clock.fit).toBe(false)
  on.shift = -YEAR_MS
  expect([on.error, on.clock.fit]).toEqual([-YEAR_MS, true])
})

test.each([
  [4_999, true],
  [5_000, true],
  [5_001, false],
  [-5_000, true],
  [-5_001, false]
])('%i ms off the median: fit is %s', (shift, fit) => {
  const on = new Fixture([0, 0])
  on.shift = shift
  expect(on.clock.fit).toBe(fit)
})

test('of two clocks the one behind is right; among clocks that all differ none is', () => {
  const two = new Fixture([0])
  two.shift = HOUR_MS
  expect([two.clock.fit, two.clock.isFit('n0')]).toEqual([false, true])
  two.shift = -HOUR_MS
  expect([two.clock.fit, two.clock.isFit('n0')]).toEqual([true, false])
  const three = new Fixture([HOUR_MS, 2 * HOUR_MS])
  expect([three.clock.fit, three.clock.isFit('n0'), three.error]).toEqual([false, true, 0])
  three.shift = HOUR_MS + 1
  expect([three.clock.fit, three.error]).toEqual([true, HOUR_MS + 1])
})

test('the likely time is what the others agree on, for who is off, and else the own', () => {
  const on = new Fixture([0, 0])
  const likely = (): number => Math.round(on.clock.likely() - on.true)
  on.shift = 4_000
  expect(likely()).toBe(on.error)
  on.shift = HOUR_MS
  on.run(3)
  expect(on.clock.fit).toBe(false)
  expect(likely()).toBe(0)
  const apart = new Fixture([HOUR_MS, 2 * HOUR_MS])
  expect(apart.clock.likely()).toBe(apart.clock.now())
})

test('leadership may go to whoever is near the median or was not heard', () => {
  const on = new Fixture([0, 0, YEAR_MS])
  on.shift = -YEAR_MS
  expect(['n0', 'n1', 'n2', 'n9'].map((node) => on.clock.isFit(node))).toEqual([
    true,
    true,
    false,
    true
  ])
})

test('hand-over begins after 3 s of a wrong clock and is tried again every 10 s', () => {
  const on = new Fixture([0, 0])
  expect(on.run(5)).not.toContain(true)
  on.shift = YEAR_MS
  const due = on.run(24).flatMap((is, i) => (is ? [i + 1] : []))
  expect(due).toEqual([3, 13, 23])
  on.shift = 0
  expect(on.run(20)).not.toContain(true)
})

test('where no two clocks agree nobody hands over', () => {
  const on = new Fixture([YEAR_MS, 2 * YEAR_MS])
  expect(on.run(30)).not.toContain(true)
})

test('who is silent for more than 5 s of our own ticks no longer counts', () => {
  const on = new Fixture([0, 0])
  on.peers = []
  on.shift = YEAR_MS
  on.run(5)
  expect([on.clock.fit, on.error]).toEqual([false, 0])
  on.run(1)
  expect([on.clock.fit, on.error]).toEqual([true, YEAR_MS])
})

test('a pause of the process makes nobody silent and no clock wrong', () => {
  const on = new Fixture([0, 0])
  on.elapsed += 60_000
  expect([on.clock.fit, on.error]).toEqual([true, 0])
  on.clock.tick()
  on.shift = YEAR_MS
  expect([on.clock.fit, on.error]).toEqual([false, 0])
})

const steps = fc.array(
  fc.record({
    seconds: fc.integer({ min: 0, max: 20 }),
    ms: fc.double({ min: 0, max: 999, noNaN: true }),
    shift: fc.oneof(
      fc.integer({ min: -6_000, max: 6_000 }),
      fc.integer({ min: -YEAR_MS, max: YEAR_MS })
    )
  }),
  { maxLength: 40 }
)

test('beside two right clocks, no wall clock moves a group further than 5 s from the truth', () => {
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: -400, max: 400 }), fc.integer({ min: -400, max: 400 })),
      steps,
      (peers, walk) => {
        const on = new Fixture(peers)
        const group = new GroupTime(on.port, on.clock, START)
        let last = 0
        for (const { seconds, ms, shift } of walk) {
          on.shift = shift
          on.elapsed += ms
          for (let i = 0; i < seconds; i++) {
            on.run(1)
            group.heard(last)
          }
          const now = group.now()
          expect(now).toBeGreaterThanOrEqual(last)
          expect(Math.abs(now - on.true)).toBeLessThanOrEqual(5_402)
          last = now
        }
      }
    )
  )
})
