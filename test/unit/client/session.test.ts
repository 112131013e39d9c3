import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Session, type Ticket } from '../../../src/client/session.ts'
import { seededRandom } from '../../../src/world/random.ts'

test('goal: whatever is drawn and ended, both invariants of the numbering hold', () => {
  const step = fc.tuple(fc.boolean(), fc.nat(3), fc.nat(9))
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const session = new Session(seededRandom('one'))
    const drawn: (Ticket & { readonly group: number })[] = []
    const live = new Set<number>()
    let known = 0
    for (const [draws, group, pick] of steps) {
      known += pick
      if (!draws) {
        const ended = [...live][pick % Math.max(1, live.size)]
        if (ended !== undefined) session.end(ended)
        live.delete(ended ?? 0)
        continue
      }
      const ticket = session.draw(group, known)
      expect(ticket.seq).toBe(drawn.length + 1)
      live.add(ticket.seq)
      expect(ticket.ackedUpTo).toBe(Math.min(...live) - 1)
      for (const earlier of drawn) {
        if (earlier.group !== group || earlier.seq <= ticket.ackedUpTo) continue
        expect(ticket.basis).toBeLessThanOrEqual(earlier.basis)
      }
      drawn.push({ ...ticket, group })
    }
  })
  fc.assert(property)
})

test('goal: with everything answered the basis is the newest known', () => {
  const session = new Session(seededRandom('two'))
  const first = session.draw(1, 10)
  expect(session.draw(1, 20).basis).toBe(10)
  expect(session.draw(2, 20).basis).toBe(20)
  for (const seq of [1, 2, 3]) session.end(seq)
  expect(session.draw(1, 30)).toMatchObject({ ackedUpTo: 3, basis: 30 })
  expect(first.session.id).toMatch(/^[0-9a-f]{32}$/)
})
