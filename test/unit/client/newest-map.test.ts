import { expect, test } from 'vitest'
import type { Reply } from '../../../src/wire/request.ts'
import { ModelCluster, NO_FAULTS, NODES } from './model-cluster.ts'
import { groupOf, others, warm } from './warm.ts'

test.each(NODES)('goal: %s, behind the others, cannot keep the client from their map', (behind) => {
  const cluster = warm()
  for (const group of cluster.groups) group.leader = others(behind)[0] as string
  cluster.behind.set(behind, 1)
  cluster.epoch = 2
  for (let call = 2; call < 22; call++) {
    cluster.put(call, 'key', 1_000)
    cluster.run(100)
    expect(cluster.outcome(call)).toMatchObject({ ok: true })
  }
  expect(cluster.machine.view?.map.epoch).toBe(2)
  const fetches = cluster.sent.slice(2).filter(({ request }) => request.kind === 'map')
  expect(fetches.length).toBeLessThan(4)
})

test.each(NODES)(
  'goal: %s, who refuses, is asked for its map first, then the others',
  (witness) => {
    const cluster = warm()
    for (const group of cluster.groups) group.leader = witness
    cluster.put(2, 'key')
    cluster.run(100)
    cluster.epoch = 2
    cluster.onSend = ({ kind }) => {
      if (kind === 'map') cluster.frozen.add(witness)
    }
    const sent = cluster.sent.length
    cluster.put(3, 'key', 5_000)
    cluster.run(3_000)
    const asked = cluster.sent.slice(sent).filter(({ request }) => request.kind === 'map')
    expect(asked[0]?.node).toBe(witness)
    expect(asked[1]?.node).not.toBe(witness)
    expect(cluster.machine.view?.map.epoch).toBe(2)
  }
)

test('goal: a newer map that nobody can show is not sought for ever', () => {
  const cluster = warm()
  const { leader } = groupOf(cluster)
  for (const node of others(leader)) cluster.behind.set(node, 1)
  cluster.epoch = 2
  cluster.put(2, 'key', 1_000)
  cluster.run(5)
  cluster.kill(leader)
  cluster.run(40_000)
  const { wakes } = cluster
  cluster.run(40_000)
  expect(cluster.wakes).toBe(wakes)
  cluster.behind.clear()
  cluster.groups.forEach((group) => {
    group.leader = others(leader)[0] as string
  })
  cluster.put(3, 'key')
  cluster.run(1_000)
  expect(cluster.outcome(3)).toMatchObject({ ok: true })
})

test('goal: the epoch of another cluster sends nobody after a map', () => {
  const cluster = warm()
  cluster.faults = { ...NO_FAULTS, loseRequest: 100 }
  cluster.put(2, 'key')
  const { node, request } = cluster.sent.at(-1) as (typeof cluster.sent)[number]
  cluster.faults = NO_FAULTS
  const reply: Reply = {
    id: request.id,
    outcome: 'rejected',
    code: 'wrong_cluster',
    message: '',
    applied: 0,
    leader: others(node)[0] as string,
    epoch: 99,
    waitMs: 0,
    body: new Uint8Array(0)
  }
  cluster.step({ type: 'reply', node, reply })
  cluster.run(1_000)
  expect(cluster.outcome(2)).toMatchObject({ ok: true })
  expect(cluster.sent.filter(({ request }) => request.kind === 'map')).toHaveLength(1)
})

test.each(NODES)(
  'goal: %s, of no cluster yet, is passed over for one that has a map',
  (stranger) => {
    const cluster = new ModelCluster('stranger')
    cluster.strangers.add(stranger)
    cluster.link(stranger)
    cluster.start()
    for (const group of cluster.groups) group.leader = others(stranger)[0] as string
    for (let call = 1; call < 10; call++) {
      cluster.put(call, 'key', 1_000)
      cluster.run(1_000)
      expect(cluster.outcome(call)).toMatchObject({ ok: true })
    }
    // Nor does it hold up a newer map later.
    cluster.epoch = 2
    cluster.put(10, 'key', 1_000)
    cluster.run(1_000)
    expect(cluster.outcome(10)).toMatchObject({ ok: true })
    const asked = cluster.sent.filter(({ request }) => request.kind === 'map')
    const other = asked.findIndex(({ node }) => node !== stranger)
    // It is asked again only while it has the one link, which is until the seeds are called.
    expect(other).toBeLessThan(4)
    expect(asked.slice(other).some(({ node }) => node === stranger)).toBe(false)
  }
)
