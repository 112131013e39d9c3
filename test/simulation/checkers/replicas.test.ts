import { expect, test } from 'vitest'
import { checkReplicas, type ReplicaState } from './replicas.ts'

// Goal: replicas of one group that differ, lag or are missing are named; equal ones are not.

const replica = (node: string, group: number, applied: number, digest: string): ReplicaState => ({
  node,
  group,
  applied,
  digest
})

test('equal replicas of several groups', () => {
  const replicas = [
    replica('a', 1, 5, 'x'),
    replica('b', 1, 5, 'x'),
    replica('a', 2, 9, 'y'),
    replica('b', 2, 9, 'y')
  ]
  expect(checkReplicas(replicas, 2)).toEqual([])
})

test.each([
  ['another state', replica('c', 1, 5, 'z')],
  ['another index', replica('c', 1, 4, 'x')]
])('%s', (_name, odd) => {
  const replicas = [replica('a', 1, 5, 'x'), replica('b', 1, 5, 'x'), odd]
  expect(checkReplicas(replicas, 3)).toHaveLength(1)
})

test('a replica is missing', () => {
  expect(checkReplicas([replica('a', 1, 5, 'x')], 2)).toHaveLength(1)
})
