import { expect, test } from 'vitest'
import { seededRandom } from '../../src/world/random.ts'
import { drawShape } from './shape.ts'

test('seeds draw every size of a cluster, as far as it can be', () => {
  const random = seededRandom('shapes')
  const shapes = Array.from({ length: 2_000 }, () => drawShape(random))
  const seen = (of: (shape: (typeof shapes)[number]) => number): number[] =>
    [...new Set(shapes.map(of))].sort((a, b) => a - b)
  expect(seen(({ nodes }) => nodes)).toEqual([3, 5, 7])
  expect(seen(({ partitions }) => partitions)).toEqual([1, 2, 4, 8, 16, 32, 64])
  expect(seen(({ clients }) => clients)).toEqual([2, 3, 4, 5])
  expect(seen(({ nodes, replicas }) => nodes * 10 + replicas)).toEqual([
    31, 33, 51, 53, 55, 71, 73, 75
  ])
  const tiny = shapes.filter(({ isTiny }) => isTiny).length
  expect(tiny / shapes.length).toBeCloseTo(0.5, 1)
})
