import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMajority, majority, majorityIndex, voteOutcome } from '../../../src/raft/quorum.ts'

// Goal: the quick counting agrees with counting by hand, also for even groups.

const matches = fc.array(fc.nat({ max: 8 }), { minLength: 1, maxLength: 9 })

test('a majority is more than half', () => {
  for (let voters = 1; voters <= 9; voters++) {
    expect(majority(voters) * 2).toBeGreaterThan(voters)
    expect((majority(voters) - 1) * 2).toBeLessThanOrEqual(voters)
  }
})

test('majorityIndex is the highest index that more than half have reached', () => {
  fc.assert(
    fc.property(matches, (list) => {
      let expected = 0
      for (let index = 0; index <= 8; index++) {
        if (list.filter((match) => match >= index).length * 2 > list.length) expected = index
      }
      expect(majorityIndex([...list])).toBe(expected)
    })
  )
})

test('a vote is won by more than half, lost once that is out of reach', () => {
  const answers = fc.array(fc.constantFrom(true, false, undefined), { minLength: 1, maxLength: 9 })
  fc.assert(
    fc.property(answers, (list) => {
      const voters = list.map((_, i) => i + 1)
      const votes = new Map<number, boolean>([[99, true]])
      for (const [i, answer] of list.entries()) if (answer !== undefined) votes.set(i + 1, answer)
      const granted = list.filter((answer) => answer === true).length
      const open = list.filter((answer) => answer === undefined).length
      const outcome = voteOutcome(voters, votes)
      expect(outcome === 'won').toBe(granted * 2 > list.length)
      expect(outcome === 'lost').toBe((granted + open) * 2 <= list.length)
      expect(isMajority(voters, (voter) => votes.get(voter) === true)).toBe(outcome === 'won')
    })
  )
})
