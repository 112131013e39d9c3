import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Admission, BYTES, PARTS_SPARE_BYTES, REQUESTS } from '../../../src/node/admission.ts'
import { COMMAND_BYTES_MAX } from '../../../src/wire/limits.ts'

const WINDOW_MS = 100
const MIB = 1024 * 1024

/** Answers `perSecond`, one after another, while `arrivals` come every millisecond. */
class Server {
  readonly admission = new Admission(0, REQUESTS)
  now = 0
  answered = 0
  refused = 0
  #due = 0
  #queue: number[] = []
  /** How long those who left had been inside. */
  readonly stays: number[] = []

  run(ms: number, { perSecond, arrivals }: { perSecond: number; arrivals: number }): void {
    for (const until = this.now + ms; this.now < until; this.now++) {
      for (let i = 0; i < arrivals; i++) {
        if (this.admission.admit(1)) this.#queue.push(this.now)
        else this.refused++
      }
      this.#serve(perSecond)
      if (this.now % WINDOW_MS === 0) this.admission.tick(this.now)
    }
  }

  #serve(perSecond: number): void {
    this.#due = this.#queue.length === 0 ? 0 : this.#due + perSecond / 1_000
    const count = Math.min(Math.floor(this.#due), this.#queue.length)
    this.#due -= count
    for (const at of this.#queue.splice(0, count)) {
      this.stays.push(this.now - at)
      this.admission.left(1, true)
    }
    this.answered += count
  }
}

const worst = (stays: readonly number[]): number => stays.reduce((a, b) => Math.max(a, b), 0)

test('a cold node takes 1,000 at once and no more than it can refuse', () => {
  const admission = new Admission(0, REQUESTS)
  const admitted = Array.from({ length: 5_000 }, () => admission.admit(1)).filter(Boolean)
  expect(admitted).toHaveLength(1_024)
  expect(admission.inside).toBe(1_024)
})

test('under ten times the load nothing stays long, and no answer is lost to the bound', () => {
  const property = fc.property(fc.integer({ min: 2_000, max: 15_000 }), (perSecond) => {
    const server = new Server()
    const load = { perSecond, arrivals: Math.ceil(perSecond / 100) }
    server.run(3_000, load)
    server.answered = 0
    server.stays.length = 0
    server.run(3_000, load)
    expect(server.answered / 3).toBeGreaterThan(0.97 * perSecond)
    expect(worst(server.stays)).toBeLessThan(800)
    expect(server.refused).toBeGreaterThan(0)
  })
  fc.assert(property, { numRuns: 20 })
})

test('a node that becomes slow takes less within a second', () => {
  const server = new Server()
  server.run(3_000, { perSecond: 20_000, arrivals: 40 })
  expect(server.admission.limit).toBeGreaterThan(4_000)
  server.run(1_500, { perSecond: 2_000, arrivals: 40 })
  expect(server.admission.limit).toBeLessThan(1_800)
})

test('after a stall of a second it takes as many as before within half a second', () => {
  const server = new Server()
  server.run(3_000, { perSecond: 8_000, arrivals: 80 })
  const before = server.admission.limit
  server.run(1_000, { perSecond: 0, arrivals: 80 })
  expect(server.admission.limit).toBe(256)
  server.run(500, { perSecond: 8_000, arrivals: 80 })
  expect(server.admission.limit).toBeGreaterThan(before * 0.8)
})

test('callers who wait for each answer set the rate, not the bound', () => {
  const server = new Server()
  for (let window = 0; window < 100; window++) {
    server.run(95, { perSecond: 20_000, arrivals: 0 })
    server.run(5, { perSecond: 20_000, arrivals: 2 })
  }
  expect(server.refused).toBe(0)
  expect(server.admission.limit).toBe(1_024)
})

test('bytes: some of the largest values pass whatever was measured, and never over 64 MiB', () => {
  const admission = new Admission(0, BYTES)
  for (let now = 100; now <= 5_000; now += WINDOW_MS) {
    while (admission.admit(MIB));
    expect(admission.inside).toBeLessThanOrEqual(admission.limit)
    admission.left(admission.inside, false)
    admission.tick(now)
  }
  expect(admission.limit).toBe(4 * MIB)
  for (let i = 0; i < 4; i++) expect(admission.admit(MIB)).toBe(true)
  expect(admission.admit(1)).toBe(false)
})

test('bytes: one of the largest transactions and its parts pass whatever was measured', () => {
  const admission = new Admission(0, BYTES)
  for (let now = 100; now <= 5_000; now += WINDOW_MS) {
    while (admission.admit(MIB));
    admission.left(admission.inside, false)
    admission.tick(now)
  }
  expect(admission.limit).toBe(4 * MIB)
  expect(admission.admit(2 * MIB)).toBe(true)
  expect(admission.admit(COMMAND_BYTES_MAX)).toBe(true)
  expect(admission.admit(1)).toBe(false)
  expect(admission.admit(COMMAND_BYTES_MAX)).toBe(false)
  const part = COMMAND_BYTES_MAX / 8
  for (let i = 0; i < 8; i++) expect(admission.admit(part, PARTS_SPARE_BYTES)).toBe(true)
  while (admission.admit(part, PARTS_SPARE_BYTES));
  expect(admission.inside).toBeLessThan(admission.limit + PARTS_SPARE_BYTES + part)
})

test('how long one stays is told by how many are inside and how fast they leave', () => {
  const server = new Server()
  server.run(5_000, { perSecond: 2_000, arrivals: 20 })
  expect(server.admission.stayMs).toBeGreaterThan(500)
  expect(server.admission.stayMs).toBeLessThan(700)
  server.run(1_000, { perSecond: 2_000, arrivals: 0 })
  expect(server.admission.stayMs).toBe(0)
})

test('who left without an answer of ours does not count as an answer', () => {
  const admission = new Admission(0, REQUESTS)
  for (let now = 100; now <= 3_000; now += WINDOW_MS) {
    while (admission.admit(1));
    for (let left = admission.inside; left > 0; left--) admission.left(1, false)
    admission.tick(now)
  }
  expect(admission.limit).toBe(256)
})

test('whatever happens, no more are inside than the limit, which keeps its bounds', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant('admit' as const) },
    { weight: 3, arbitrary: fc.constant('left' as const) },
    { weight: 1, arbitrary: fc.nat(2_000) }
  )
  const times = fc.nat(3_000)
  const property = fc.property(fc.array(fc.tuple(step, times), { maxLength: 60 }), (steps) => {
    const admission = new Admission(0, REQUESTS)
    let now = 0
    let inside = 0
    for (const [what, count] of steps) {
      if (typeof what === 'number') {
        now += what
        admission.tick(now)
      }
      for (let i = 0; i < count; i++) {
        if (what === 'admit') {
          const mayEnter = inside < admission.limit
          expect(admission.admit(1)).toBe(mayEnter)
          if (mayEnter) inside++
        } else if (what === 'left' && inside > 0) {
          admission.left(1, count % 2 === 0)
          inside--
        }
      }
      expect(admission.inside).toBe(inside)
      expect(admission.limit).toBeGreaterThanOrEqual(256)
      expect(admission.limit).toBeLessThanOrEqual(10_000)
    }
  })
  fc.assert(property, { numRuns: 50 })
})
