import { expect, test } from 'vitest'
import { utf8 } from '../../../src/wire/bytes.ts'
import type { NodeId } from '../../../src/wire/ids.ts'
import type { ModelCluster } from './model-cluster.ts'
import { OneNode } from './one-node.ts'
import { groupOf, others, warm } from './warm.ts'

// Goal: a question that waits for others, as that for a grant, may have no answer for long: nobody
// is suspected for that, and nobody else waits for it.

const KEY = utf8('key')
const GRANT = { kind: 'await-grant', key: KEY, guard: false, number: 7 } as const

function askedOf(cluster: ModelCluster): readonly NodeId[] {
  return cluster.sent
    .filter(({ request }) => request.kind === 'await-grant')
    .map(({ node }) => node)
}

test('one node is asked, and no other while it says nothing', () => {
  const cluster = warm()
  const { leader } = groupOf(cluster)
  cluster.frozen.add(leader)
  cluster.step({ type: 'call', call: 2, operation: GRANT, timeoutMs: 60_000 })
  cluster.run(30_000)
  expect(askedOf(cluster)).toEqual([leader])
  cluster.step({ type: 'cancel', call: 2 })
  expect(cluster.cancelled).toHaveLength(1)
  expect(cluster.outcome(2)).toMatchObject({ failure: { code: 'timeout' } })
})

test('when its link ends it goes to the next leader, once somebody else has found it', () => {
  const cluster = warm()
  const group = groupOf(cluster)
  const old = group.leader
  cluster.frozen.add(old)
  cluster.step({ type: 'call', call: 2, operation: GRANT, timeoutMs: 60_000 })
  cluster.run(100)
  const next = others(old)[0] as NodeId
  group.leader = next
  cluster.kill(old)
  cluster.frozen.add(next)
  cluster.run(3_000)
  // It would keep everybody waiting who does not know the leader either.
  expect(askedOf(cluster)).toEqual([old])
  cluster.frozen.delete(next)
  cluster.put(3, 'key')
  cluster.run(1_000)
  expect(cluster.outcome(3)).toMatchObject({ ok: true })
  expect(askedOf(cluster).slice(0, 2)).toEqual([old, next])
})

test('a node is not taken for dead because it does not answer it', () => {
  const node = new OneNode()
  node.driver.start(() => {})
  node.run(50)
  node.silent = true
  node.driver.call(GRANT, { timeoutMs: 60_000 }, () => {})
  node.run(20_000)
  expect(node.requests.filter(({ kind }) => kind === 'await-grant')).toHaveLength(1)
  expect(node.closed).toEqual([])
})
