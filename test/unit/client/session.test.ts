import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Session } from '../../../src/client/session.ts'
import { seededRandom } from '../../../src/world/random.ts'

test('goal: whatever is drawn and ended, both invariants of the numbering hold', () => {
  const groups = fc.uniqueArray(fc.nat(3), { minLength: 1 })
  const step = fc.tuple(fc.boolean(), groups, fc.nat(9))
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const session = new Session(seededRandom('one'))
    const drawn: { readonly seq: number; readonly group: number; readonly basis: number }[] = []
    let draws = 0
    const live = new Set<number>()
    let known = 0
    for (const [isDraw, groups, pick] of steps) {
      known += pick
      if (!isDraw) {
        const ended = [...live][pick % Math.max(1, live.size)]
        if (ended !== undefined) session.end(ended)
        live.delete(ended ?? 0)
        continue
      }
      const ticket = session.draw()
      expect(ticket.seq).toBe(++draws)
      live.add(ticket.seq)
      expect(ticket.ackedUpTo).toBe(Math.min(...live) - 1)
      for (const group of groups) {
        const basis = session.basis(ticket, group, known)
        expect(basis).toBeLessThanOrEqual(known)
        for (const earlier of drawn) {
          if (earlier.group !== group || earlier.seq <= ticket.ackedUpTo) continue
          expect(basis).toBeLessThanOrEqual(earlier.basis)
        }
        drawn.push({ seq: ticket.seq, group, basis })
      }
    }
  })
  fc.assert(property)
})

test('goal: with everything answered the basis is the newest known', () => {
  const session = new Session(seededRandom('two'))
  const basis = (group: number, known: number): number =>
    session.basis(session.draw(), group, known)
  expect(basis(1, 10)).toBe(10)
  expect(basis(1, 20)).toBe(10)
  expect(basis(2, 20)).toBe(20)
  for (const seq of [1, 2, 3]) session.end(seq)
  expect(session.draw().ackedUpTo).toBe(3)
  session.end(4)
  expect(basis(1, 30)).toBe(30)
  expect(session.id).toMatch(/^[0-9a-f]{32}$/)
})
