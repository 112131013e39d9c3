import { expect, test } from 'vitest'
import { nodeLines, shortNames, statusOf, summaryOf } from '../../../src/cli/cluster-report.ts'
import { summarized } from '../../../src/cli/status.ts'
import { listNodes, listPartitions } from '../../../src/cli/tables.ts'
import type { ClusterView, NodeRecord } from '../../../src/wire/cluster-map.ts'

// Goal: what people read of a cluster, as they see it; and that it says what is wrong.

const A = '12D3KooWaaaaAAAA1111'
const B = '12D3KooWbbbbBBBB2222'
const C = '12D3KooWccccCCCC3333'
const CLUSTER = '0123456789abcdef0123456789abcdef'

function node(id: string, port: number, zone = ''): NodeRecord {
  const addresses = [`/ip4/10.0.0.1/tcp/${port}`]
  return { id, storeId: id, addresses, http: `http://10.0.0.1:${port + 1_000}`, zone, state: 'up' }
}

/** Three nodes, the system group and two partitions; `leaders` of these three. */
function view(
  leaders: readonly string[],
  unreachable: readonly string[] = [],
  nodes: readonly NodeRecord[] = [node(A, 7101, 'north'), node(B, 7102), node(C, 7103)]
): ClusterView {
  const members = nodes.map(({ id }, i) => ({ replica: i + 1, node: id, voter: true }))
  return {
    map: {
      clusterId: CLUSTER,
      epoch: 7,
      clusterVersion: 1,
      settings: { partitions: 2, replicas: 3, hash: 'xxh64-0' },
      nodes,
      placements: [0, 1, 2].map((group) => ({ group, members })),
      nextReplica: 10
    },
    leaders,
    unreachable,
    low: [],
    full: []
  }
}

const told = (of: ClusterView) => {
  const answer = summarized(summaryOf(statusOf(of)))
  return `${answer.plain()}\nexit ${answer.exitCode}`
}

test('status of a whole cluster', () => {
  expect(told(view([A, B, C]))).toBe(`healthy: all nodes are up, all partitions have a leader
cluster     ${CLUSTER}, epoch 7
nodes       3 of 3 up
partitions  2 of 2 have a leader
replicas    3 wanted of each partition
exit 0`)
})

test('status with a node down serves all the same', () => {
  expect(told(view([A, B, B], [C]))).toBe(`degraded: 1 node is down
cluster     ${CLUSTER}, epoch 7
nodes       2 of 3 up; down: CCCC3333
partitions  2 of 2 have a leader
replicas    3 wanted of each partition
exit 0`)
})

test('status with disks that have no room serves all the same', () => {
  const of = { ...view([A, B, B]), low: [A], full: [C] }
  expect(told(of)).toBe(`degraded: 2 disks are almost full
cluster     ${CLUSTER}, epoch 7
nodes       3 of 3 up; without room: AAAA1111, CCCC3333
partitions  2 of 2 have a leader
replicas    3 wanted of each partition
exit 0`)
})

test('status without a leader is a no; one believed to lead that is gone does not', () => {
  expect(told(view(['', C, ''], [B, C])).split('\n')).toMatchObject([
    'unavailable: 2 partitions have no leader; 2 nodes are down; the system group is unavailable',
    expect.anything(),
    'nodes       1 of 3 up; down: BBBB2222, CCCC3333',
    'partitions  0 of 2 have a leader',
    expect.anything(),
    'exit 1'
  ])
})

test('status says when replicas are missing, and when there are too few nodes for them', () => {
  const grown = view([A, A, A])
  const placements = grown.map.placements.map(({ group, members }) => {
    return { group, members: group === 2 ? members.slice(0, 1) : members }
  })
  expect(told({ ...grown, map: { ...grown.map, placements } })).toMatch(
    /^degraded: 1 partition has fewer replicas than wanted\n/
  )
  expect(told(view([A, A, A], [], [node(A, 7101)]))).toMatch(
    /^healthy: .*replicas {4}3 wanted of each partition; 1 node holds 1$/ms
  )
})

test('the summary for machines names ids and partitions', () => {
  expect(summaryOf(statusOf(view([A, B, ''], [C])))).toEqual({
    state: 'unavailable',
    clusterId: CLUSTER,
    epoch: 7,
    replicas: 3,
    nodes: { total: 3, up: 2, down: [C], withoutRoom: [] },
    partitions: { total: 2, withLeader: 1, degraded: 0, withoutLeader: [1] },
    system: 'serving'
  })
})

test('the table of nodes', () => {
  const status = statusOf({ ...view([A, B, B], [C]), low: [B] })
  expect(`\n${listNodes(status).plain()}\n`).toBe(`
NODE      STATE  DISK  ZONE   LEADS  REPLICAS  HTTP                  ADDRESS
AAAA1111  up     ok    north      0         2  http://10.0.0.1:8101  /ip4/10.0.0.1/tcp/7101
BBBB2222  up     low   -          2         2  http://10.0.0.1:8102  /ip4/10.0.0.1/tcp/7102
CCCC3333  down   ok    -          0         2  http://10.0.0.1:8103  /ip4/10.0.0.1/tcp/7103
`)
  expect(nodeLines(status)[1]).toEqual({
    id: B,
    addresses: [`/ip4/10.0.0.1/tcp/7102/p2p/${B}`],
    http: 'http://10.0.0.1:8102',
    zone: '',
    state: 'up',
    disk: 'low',
    leads: 2,
    replicas: 2
  })
})

test('the table of partitions', () => {
  const { map, ...hints } = view([A, B, ''], [C])
  const members = [
    { replica: 1, node: A, voter: true },
    { replica: 2, node: C, voter: true },
    { replica: 3, node: B, voter: false },
    { replica: 4, node: '12D3KooWdddd4444', voter: true }
  ]
  const placements = map.placements.map((placement) =>
    placement.group === 2 ? { ...placement, members } : placement
  )
  const status = statusOf({ map: { ...map, placements }, ...hints })
  expect(`\n${listPartitions(status).plain()}\n`).toBe(`
PARTITION  STATE        LEADER    REPLICAS
        0  serving      BBBB2222  AAAA1111 BBBB2222 CCCC3333 (down)
        1  unavailable  -         AAAA1111 CCCC3333 (down) BBBB2222 (learner) dddd4444 (gone)
`)
  expect(listPartitions(status).json()).toEqual({ partitions: status.partitions })
})

test('short names are as long as they must be', () => {
  expect(shortNames(['x-12345678', 'y-87654321'])('x-12345678')).toBe('12345678')
  const name = shortNames(['ax-12345678', 'bx-12345678', 'short'])
  expect(['ax-12345678', 'bx-12345678', 'short'].map(name)).toEqual([
    'ax-12345678',
    'bx-12345678',
    'short'
  ])
})
