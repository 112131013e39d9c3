import { expect, test } from 'vitest'
import type { Answered } from '../../../src/partition/answer.ts'
import { SimulatedCluster } from '../../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { World } from '../../../src/simulation/world.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { encodeCommand, type Operation } from '../../../src/wire/command.ts'
import type { Request } from '../../../src/wire/request.ts'

// Goal: what nodes send each other to carry transactions through is taken from nodes alone: a
// client that could say COMMIT or RESOLVE would decide over the transactions of others, and one
// that could let locks expire over their locks.

const GROUP = 1
const SESSION = '0123456789abcdef0123456789abcdef'
const write = { type: 'put', key: utf8('key'), value: utf8('value') } as const
const work = { checks: [], writes: [write] }

const STEPS: readonly Operation[] = [
  { type: 'create', others: [2], work },
  { type: 'prepare', anchor: 2, anchorBasis: 0, work },
  { type: 'commit', term: 1, votes: [] },
  { type: 'abort', why: 'ended', basis: 0 },
  { type: 'resolve', committed: true },
  { type: 'forget', transactions: [{ session: SESSION, seq: 1 }] },
  { type: 'expire', places: [{ key: utf8('key'), guard: false, number: 1, renewals: 0 }] }
]

function formed(): { cluster: SimulatedCluster; leader: SimulatedNode; other: SimulatedNode } {
  const shape = { nodes: 3, replicas: 3, partitions: 2, clients: 1, limits: {} }
  const cluster = new SimulatedCluster(new World('door'), shape)
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  const isLeader = ({ machine }: SimulatedNode): boolean =>
    machine?.host.get(GROUP)?.isLeader === true
  const leader = cluster.nodes.find(isLeader)
  const other = cluster.nodes.find((node) => !isLeader(node))
  if (leader === undefined || other === undefined) throw new Error('nobody leads')
  return { cluster, leader, other }
}

/** The answer to `operation`, sent by `from` to the leader; undefined: it was let in. */
function answerTo(operation: Operation, from: 'a client' | 'a node'): Answered | undefined {
  const { cluster, leader, other } = formed()
  const { machine } = leader
  const map = machine?.view()?.map
  const basis = machine?.host.get(GROUP)?.state.applied.index ?? 0
  const command = { session: SESSION, seq: 1, ackedUpTo: 0, basis, operation }
  const request: Request = {
    id: 1,
    kind: 'mutate',
    clusterId: map?.clusterId ?? '',
    group: GROUP,
    epoch: map?.epoch ?? 0,
    timeoutMs: 2_000,
    consistency: 'strong',
    minApplied: 0,
    principal: '',
    trace: '',
    body: encodeCommand(command)
  }
  let told: Answered | undefined
  machine?.door.enter(from === 'a node' ? other.name : 'stranger', request, (answer) => {
    told = answer
  })
  if (from === 'a client') cluster.run(2_500)
  return told
}

test.each(STEPS)('a client is refused to $type', (operation) => {
  expect(answerTo(operation, 'a client')).toMatchObject({
    outcome: 'rejected',
    code: 'invalid_argument',
    message: expect.stringContaining('only nodes')
  })
})

test.each(STEPS)('a node is let in to $type', (operation) => {
  expect(answerTo(operation, 'a node')).toBeUndefined()
})

test('what clients ask for is let in', () => {
  const part = { ...work, group: GROUP, basis: 0 }
  const transact = { type: 'transact', inOrder: false, parts: [part] } as const
  for (const operation of [write, transact] as const) {
    expect(answerTo(operation, 'a client')).toMatchObject({ outcome: 'ok' })
  }
})
