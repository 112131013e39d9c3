import { expect, test } from 'vitest'
import { bothSpreads, spreadLines, spreadOf } from '../report/spread.ts'

test('a spread tells how often each value was drawn, in the order of their numbers', () => {
  const one = spreadOf([
    { nodes: '5', limits: 'tiny' },
    { nodes: '3', limits: 'plain' },
    { nodes: '5', limits: 'tiny' }
  ])
  const other = spreadOf([{ nodes: '16', limits: 'tiny' }])
  expect(spreadLines(bothSpreads(one, other))).toEqual([
    'nodes: 3 in 1, 5 in 2, 16 in 1',
    'limits: plain in 1, tiny in 3'
  ])
  expect(spreadLines(bothSpreads({}, {}))).toEqual([])
})
