import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Agenda, type Due } from '../../../src/client/agenda.ts'

const SIZE = 20

test('goal: whatever is set, moved and removed, items come out by time, each once', () => {
  const step = fc.tuple(fc.constantFrom('set', 'remove', 'take'), fc.nat(SIZE - 1), fc.nat(50))
  const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const items: Due[] = Array.from({ length: SIZE }, () => ({ at: 0, slot: -1 }))
    const agenda = new Agenda<Due>()
    const expected = new Map<Due, number>()
    for (const [type, index, at] of steps) {
      const item = items[index] as Due
      if (type === 'set') {
        agenda.set(item, at)
        expected.set(item, at)
      } else if (type === 'remove') {
        agenda.remove(item)
        expected.delete(item)
      } else {
        const first = Math.min(...expected.values())
        const taken = agenda.take(at)
        expect(taken !== undefined).toBe(first <= at)
        if (taken === undefined) continue
        expect(expected.get(taken)).toBe(first)
        expected.delete(taken)
      }
      expect(agenda.next).toBe(Math.min(...expected.values()))
    }
  })
  fc.assert(property)
})
