import { expect, test } from 'vitest'
import { Ring } from '../../../src/keyspace/ring.ts'

// Goal: a walk along the ring names each node once, the same way always, and a node that comes or
// goes changes the order of the others nowhere.

const nodes = ['ann', 'bob', 'cid', 'dan', 'eve'].map((id) => ({ id }))
const names = Array.from({ length: 200 }, (_, i) => `partition ${i}`)

test('a walk names each node once', () => {
  const ring = new Ring(nodes)
  for (const name of names) {
    expect([...ring.from(name, 9)].sort()).toEqual([0, 1, 2, 3, 4])
    expect(ring.from(name, 2)).toEqual(ring.from(name, 9).slice(0, 2))
  }
})

test('without one node the others stand in the same order', () => {
  const ring = new Ring(nodes)
  const without = new Ring(nodes.filter(({ id }) => id !== 'cid'))
  const ids = ['ann', 'bob', 'dan', 'eve']
  for (const name of names) {
    const all = ring.from(name, 5).map((place) => nodes[place]?.id)
    const rest = without.from(name, 5).map((place) => ids[place])
    expect(all.filter((id) => id !== 'cid')).toEqual(rest)
  }
})

test('each is first about as often as its weight says', () => {
  const weighed = [...nodes.slice(0, 4), { id: 'eve', weight: 2 }]
  const ring = new Ring(weighed)
  const first = weighed.map(() => 0)
  for (let i = 0; i < 6_000; i++) {
    const [place = -1] = ring.from(`name ${i}`, 1)
    first[place] = (first[place] ?? 0) + 1
  }
  for (const [i, count] of first.entries()) {
    const ideal = i === 4 ? 2_000 : 1_000
    expect(count, weighed[i]?.id).toBeGreaterThan(ideal * 0.7)
    expect(count, weighed[i]?.id).toBeLessThan(ideal * 1.35)
  }
})
