import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planOf, resultsOf } from '../../../src/client/plan.ts'
import { partitionOf } from '../../../src/keyspace/hash.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { groupOfPartition } from '../../../src/wire/ids.ts'

const PARTITIONS = 8
const keys = fc.array(fc.nat(30), { maxLength: 20 })

function workOn(checked: readonly number[], written: readonly number[]) {
  return {
    checks: checked.map((n) => ({ type: 'exists', key: utf8(`k${n}`), exists: true }) as const),
    writes: written.map((n) => ({ type: 'increment', key: utf8(`k${n}`), by: n }) as const)
  }
}

test('goal: each check and write is in the part of its group, in its order', () => {
  const property = fc.property(keys, keys, (checked, written) => {
    fc.pre(checked.length + written.length > 0)
    const work = workOn(checked, written)
    const plan = planOf(work, PARTITIONS)
    const groups = plan.map(({ group }) => group)
    expect(groups).toEqual([...new Set(groups)].sort((a, b) => a - b))
    for (const { group, checks, writes } of plan) {
      const isHere = ({ key }: { key: Uint8Array }): boolean =>
        groupOfPartition(partitionOf(key, PARTITIONS)) === group
      expect(checks).toEqual(work.checks.filter(isHere))
      expect(writes).toEqual(work.writes.filter(isHere))
      expect(checks.length + writes.length).toBeGreaterThan(0)
    }
  })
  fc.assert(property)
})

test('goal: votes give the results in the order of the writes; others are seen to be none', () => {
  const property = fc.property(keys, keys, (checked, written) => {
    fc.pre(checked.length + written.length > 0)
    const plan = planOf(workOn(checked, written), PARTITIONS)
    const votes = plan.map(({ group, writes }) => ({
      group,
      applied: 1,
      results: writes.map((write) => {
        const value = write.type === 'increment' ? write.by : 0
        return { type: 'counted', value, revision: 1 } as const
      })
    }))
    const results = written.map((value) => ({ type: 'counted', value, revision: 1 }))
    expect(resultsOf(plan, votes)).toEqual(results)
    expect(resultsOf(plan, votes.slice(1))).toBeUndefined()
    expect(
      resultsOf(
        plan,
        votes.map((vote) => ({ ...vote, group: 99 }))
      )
    ).toBeUndefined()
    const more = votes.map((vote) => {
      return { ...vote, results: [...vote.results, { type: 'absent' } as const] }
    })
    expect(resultsOf(plan, more)).toBeUndefined()
  })
  fc.assert(property)
})
