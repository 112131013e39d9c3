import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Gates, type Pass, type Use, type Uses } from '../../../src/client/gates.ts'

// Goal: those who would meet at a key go one after another in the order they came, all others at
// once; somebody always goes on, and nothing is left of who is gone.

interface Visitor {
  readonly uses: Uses
  pass: Pass
  isIn: boolean
  isGone: boolean
}

function visit(gates: Gates, uses: Record<string, Use>, onTurn = (_: Visitor): void => {}) {
  const visitor: Visitor = {
    uses: new Map(Object.entries(uses)),
    pass: { isIn: false, leave: () => {} },
    isIn: false,
    isGone: false
  }
  visitor.pass = gates.enter(visitor.uses, () => {
    // Told once, when it is so, and never after it left.
    expect(visitor).toMatchObject({ isIn: false, isGone: false, pass: { isIn: true } })
    visitor.isIn = true
    onTurn(visitor)
  })
  visitor.isIn = visitor.pass.isIn
  return visitor
}

function leave(visitor: Visitor): void {
  visitor.isGone = true
  visitor.pass.leave()
}

const meet = (a: Visitor, b: Visitor): boolean =>
  [...a.uses].some(([key, use]) => {
    const other = b.uses.get(key)
    return other !== undefined && (use === 'sole' || other === 'sole')
  })

test('sole ones go one after another, shared ones together, and nobody overtakes', () => {
  const gates = new Gates()
  const first = visit(gates, { a: 'shared' })
  const second = visit(gates, { a: 'shared', b: 'sole' })
  const writer = visit(gates, { a: 'sole' })
  const late = visit(gates, { a: 'shared' })
  const elsewhere = visit(gates, { c: 'sole' })
  expect([first, second, writer, late, elsewhere].map(({ isIn }) => isIn)).toEqual([
    true,
    true,
    false,
    false,
    true
  ])
  expect(gates.areOpen(new Map([['a', 'shared']]))).toBe(false)
  expect(gates.areOpen(new Map([['d', 'sole']]))).toBe(true)
  leave(second)
  expect(writer.isIn).toBe(false)
  leave(first)
  expect([writer.isIn, late.isIn]).toEqual([true, false])
  leave(writer)
  writer.pass.leave()
  expect(late.isIn).toBe(true)
  leave(late)
  leave(elsewhere)
  expect(gates.size).toBe(0)
})

test('who gives up while it waits lets those behind it follow', () => {
  const gates = new Gates()
  const reader = visit(gates, { a: 'shared' })
  const writer = visit(gates, { a: 'sole', b: 'sole' })
  const behind = visit(gates, { a: 'shared' })
  const other = visit(gates, { b: 'sole' })
  expect([behind.isIn, other.isIn]).toEqual([false, false])
  leave(writer)
  expect([behind.isIn, other.isIn]).toEqual([true, true])
  for (const visitor of [reader, behind, other]) leave(visitor)
  expect(gates.size).toBe(0)
})

test('ten thousand that leave as soon as they are in need no stack', () => {
  const gates = new Gates()
  const order: number[] = []
  const first = visit(gates, { a: 'sole' })
  for (let i = 0; i < 10_000; i++) {
    visit(gates, { a: 'sole' }, (visitor) => {
      order.push(i)
      leave(visitor)
    })
  }
  leave(first)
  expect(order).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
  expect(gates.size).toBe(0)
})

test('who would be one too many to wait goes on without a place', () => {
  const gates = new Gates(1)
  const first = visit(gates, { a: 'sole' })
  const waiting = visit(gates, { a: 'sole' })
  const beyond = visit(gates, { a: 'sole' })
  expect([waiting.isIn, beyond.isIn]).toEqual([false, true])
  leave(beyond)
  expect(waiting.isIn).toBe(false)
  leave(first)
  expect(waiting.isIn).toBe(true)
  leave(waiting)
  expect(gates.size).toBe(0)
})

const use = fc.constantFrom<Use>('sole', 'shared')
const uses = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), use)
const events = fc.array(fc.oneof(fc.record({ enter: uses }), fc.record({ leave: fc.nat(20) })), {
  maxLength: 60
})

function check(gates: Gates, visitors: readonly Visitor[]): void {
  const here = visitors.filter(({ isGone }) => !isGone)
  for (const [i, visitor] of here.entries()) {
    // Exactly those are in whom nobody earlier stands in the way of: no two that meet are in, none
    // is overtaken, nobody waits for nothing, and the first is always in.
    const earlier = here.slice(0, i).filter((other) => meet(other, visitor))
    expect(visitor.isIn).toBe(earlier.length === 0)
  }
  expect(gates.size).toBe(new Set(here.flatMap((visitor) => [...visitor.uses.keys()])).size)
}

test('whatever comes and goes, exactly those are in whom nobody earlier is in the way of', () => {
  const property = fc.property(events, (list) => {
    const gates = new Gates()
    const visitors: Visitor[] = []
    for (const event of list) {
      const here = visitors.filter(({ isGone }) => !isGone)
      if ('enter' in event) visitors.push(visit(gates, event.enter))
      else if (here.length > 0) leave(here[event.leave % here.length] as Visitor)
      check(gates, visitors)
    }
    for (const visitor of visitors) if (!visitor.isGone) leave(visitor)
    expect(gates.size).toBe(0)
  })
  fc.assert(property, { numRuns: 500 })
})
