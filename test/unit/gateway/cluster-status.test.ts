import { expect, test } from 'vitest'
import { clusterStatus } from '../../../src/gateway/cluster-status.ts'
import type { ClusterView, NodeRecord } from '../../../src/wire/cluster-map.ts'

const NODES = ['a', 'b', 'c']

function record(id: string): NodeRecord {
  const addresses = ['/ip4/127.0.0.1/tcp/1']
  return { id, storeId: `${id}-store`, addresses, http: '', zone: '', state: 'up' }
}

function view(): ClusterView {
  const members = NODES.map((node, i) => ({ replica: i + 1, node, voter: true }))
  const map = {
    clusterId: 'cluster',
    epoch: 1,
    clusterVersion: 1,
    settings: { partitions: 2, replicas: 3, hash: 'xxh64-0' } as const,
    nodes: NODES.map(record),
    placements: [0, 1, 2].map((group) => ({ group, members })),
    nextReplica: 4
  }
  return { map, leaders: ['a', 'b', 'c'], unreachable: [], low: [], full: [] }
}

test('goal: a node out of reach is down, and what it led is unavailable', () => {
  const status = clusterStatus(view(), (node) => node !== 'c')
  expect(status.nodes.map(({ state }) => state)).toEqual(['up', 'up', 'down'])
  expect(status.system).toMatchObject({ leader: 'a', state: 'serving' })
  expect(status.partitions).toMatchObject([
    { leader: 'b', state: 'serving' },
    { leader: null, state: 'unavailable' }
  ])
})

test('goal: who does not know what is reachable believes the map', () => {
  const { nodes, partitions } = clusterStatus(view())
  expect(nodes.map(({ state }) => state)).toEqual(['up', 'up', 'up'])
  expect(partitions.map(({ state }) => state)).toEqual(['serving', 'serving'])
})
