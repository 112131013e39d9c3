import { expect, test } from 'vitest'
import { seededRandom } from '../../../src/world/random.ts'
import { correctSet } from './generated-sets.ts'
import { BAD_SETS, GOOD_SETS, parseSet } from './planted-sets.ts'
import { checkSet, type SetVerdict, wrongOf } from './set.ts'

// Goal: the set check names each element lost, stale, doubled or of nobody, and no set that kept
// all it was given. Method: planted histories, thousands from sets that are correct by
// construction, and those again with one read spoiled.

const faultsOf = (verdict: SetVerdict): string[] =>
  Object.entries(verdict)
    .filter(([kind, found]) => kind !== 'neverRead' && found.length > 0)
    .map(([kind]) => kind)

test.each(BAD_SETS)('finds: $name', ({ history, kind, fault }) => {
  const { adds, reads } = parseSet(history)
  expect(faultsOf(checkSet(adds, reads, kind))).toContain(fault)
})

test.each(GOOD_SETS)('allows: $name', ({ history, kind }) => {
  const { adds, reads } = parseSet(history)
  expect(wrongOf(checkSet(adds, reads, kind))).toEqual([])
})

test('each planted history once', () => {
  expect(new Set(BAD_SETS.map(({ history }) => history)).size).toBe(BAD_SETS.length)
})

test('says which elements nobody looked for since', () => {
  const { adds, reads } = parseSet('a 0-1 add x\n a 2-3 add y\n b 0-1 read x\n b 9-10 read of z')
  const { neverRead } = checkSet(adds, reads, 'keys')
  expect(neverRead).toEqual(['y'])
})

test('accuses no set that kept all, and finds one read spoiled', () => {
  let spoiled = 0
  for (let seed = 0; seed < 10_000; seed++) {
    const random = seededRandom(`set-${seed}`)
    const kind = seed % 2 === 0 ? 'keys' : 'list'
    const shape = {
      kind,
      clients: 1 + random.below(6),
      operations: 5 + random.below(40),
      unknownPercent: random.below(40),
      failedPercent: random.below(20)
    } as const
    const { adds, reads } = correctSet(random, shape)
    expect(wrongOf(checkSet(adds, reads, kind)), `seed ${seed}`).toEqual([])
    const last = reads.at(-1)
    const gone = last?.elements[random.below(last.elements.length || 1)]
    if (last === undefined || gone === undefined) continue
    const isSure = adds.some((add) => {
      const { outcome, returned } = add
      return add.element === gone && outcome === 'ok' && (returned ?? last.called) < last.called
    })
    if (!isSure) continue
    const without = { ...last, elements: last.elements.filter((element) => element !== gone) }
    const wrong = checkSet(adds, [...reads.slice(0, -1), without], kind)
    expect([...wrong.lost, ...wrong.stale].join(), `seed ${seed}`).toContain(gone)
    spoiled++
  }
  expect(spoiled).toBeGreaterThan(3_000)
})
