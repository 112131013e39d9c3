import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Line, WIDTH_MIN } from '../../../src/node/line.ts'

interface Guest {
  readonly name: number
  readonly weight: number
}

/** A line whose guests are served until they are told to leave. */
class Place {
  readonly served: Guest[] = []
  readonly line = new Line<Guest>((guest) => this.served.push(guest))
  #names = 0

  enter(count: number, weight = 1): void {
    for (let i = 0; i < count; i++) this.line.enter({ name: this.#names++, weight })
  }

  /** The first who is served goes. */
  leave(): void {
    const guest = this.served.shift()
    if (guest !== undefined) this.line.left(guest)
  }

  ticks(count: number, lateMs: number, most = 10_000): void {
    for (let i = 0; i < count; i++) this.line.tick(lateMs, most)
  }
}

/** One in which no more than WIDTH_MIN are served. */
function narrow(): Place {
  const place = new Place()
  place.enter(WIDTH_MIN)
  place.ticks(20, 50)
  expect(place.line.width).toBe(WIDTH_MIN)
  return place
}

test('while turns are short everybody is served at once', () => {
  const place = new Place()
  place.enter(5_000)
  place.ticks(50, 5)
  place.enter(5_000)
  expect(place.served).toHaveLength(10_000)
  expect(place.line.waiting).toBe(0)
})

test('while turns are long fewer are served, the others in the order they came', () => {
  const place = new Place()
  place.enter(1_000)
  place.ticks(20, 50)
  place.enter(10)
  expect(place.served).toHaveLength(1_000)
  expect(place.line.waiting).toBe(10)
  for (let i = 0; i < 1_000 - WIDTH_MIN; i++) place.leave()
  expect(place.line.fill()).toBe(false)
  for (let i = 0; i < 4; i++) place.leave()
  expect(place.line.fill()).toBe(true)
  expect(place.served.slice(-4).map(({ name }) => name)).toEqual([1_000, 1_001, 1_002, 1_003])
  expect(place.line.waiting).toBe(6)
})

test('once turns are short again all are served within two seconds', () => {
  const place = narrow()
  place.enter(3_000)
  expect(place.line.waiting).toBe(3_000)
  for (let i = 0; i < 20; i++) {
    place.ticks(1, 0)
    place.line.fill()
  }
  expect(place.line.waiting).toBe(0)
  place.ticks(10, 0)
  expect(place.line.width).toBe(Number.POSITIVE_INFINITY)
})

test('one long turn among short ones changes nothing', () => {
  const place = new Place()
  place.enter(1_000)
  for (let i = 0; i < 20; i++) {
    place.ticks(9, 1)
    place.ticks(1, 40)
  }
  expect(place.line.width).toBe(Number.POSITIVE_INFINITY)
})

test('whoever leaves from the middle of the queue gives nobody a place, and is not served', () => {
  const place = narrow()
  place.enter(2)
  const [first] = place.line.queue()
  if (first !== undefined) place.line.left(first)
  expect(place.line.fill()).toBe(false)
  place.leave()
  expect(place.line.fill()).toBe(true)
  expect(place.served.at(-1)?.name).toBe(WIDTH_MIN + 1)
})

test('a heavy guest takes as many places, but one always gets in', () => {
  const place = narrow()
  place.enter(3, WIDTH_MIN * 2)
  place.enter(1)
  for (let i = 0; i < WIDTH_MIN; i++) place.leave()
  expect(place.line.fill()).toBe(true)
  expect(place.served.map(({ weight }) => weight)).toEqual([WIDTH_MIN * 2])
  place.leave()
  expect(place.line.fill()).toBe(true)
  expect(place.line.waiting).toBe(2)
})

test('guests who are done at once hold no place', () => {
  const served: number[] = []
  const line: Line<Guest> = new Line((guest) => {
    served.push(guest.name)
    line.left(guest)
  })
  for (let i = 0; i < 30; i++) line.tick(50, 10_000)
  for (let name = 0; name < 1_000; name++) line.enter({ name, weight: 1 })
  expect(served).toHaveLength(1_000)
  expect(line.waiting).toBe(0)
})

test('whatever happens, each is served once, in order, and none is forgotten', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('enter' as const), count: fc.nat(400), weight: fc.nat(50) }),
    fc.record({ type: fc.constant('leave' as const), count: fc.nat(400) }),
    fc.record({ type: fc.constant('tick' as const), lateMs: fc.nat(200) })
  )
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const place = new Place()
    let gone = 0
    let last = -1
    const look = (): void => {
      for (const { name } of place.served) {
        if (name <= last) continue
        expect(name).toBe(last + 1)
        last = name
      }
    }
    for (const one of steps) {
      if (one.type === 'enter') place.enter(one.count, one.weight + 1)
      else if (one.type === 'tick') place.line.tick(one.lateMs, 1_000)
      look()
      for (let i = 0; one.type === 'leave' && i < one.count; i++) {
        gone += place.served.length > 0 ? 1 : 0
        place.leave()
        place.line.fill()
        look()
      }
    }
    while (place.served.length > 0) {
      gone++
      place.leave()
      place.line.fill()
      look()
    }
    expect(gone).toBe(last + 1)
    expect(place.line.waiting).toBe(0)
  })
  fc.assert(property, { numRuns: 60 })
})
