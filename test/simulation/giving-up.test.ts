import { expect, test } from 'vitest'
import type { CallOutcome } from '../../src/client/inputs.ts'
import type { Answered } from '../../src/partition/answer.ts'
import type { Replica } from '../../src/partition/replica.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { encodeCommand } from '../../src/wire/command.ts'
import type { Request } from '../../src/wire/request.ts'

// Goal: what nobody waits for costs a node nothing and changes nothing, unless its entry is in the
// log already. Method: requests at the door of a leader, some of which cannot confirm that it
// leads.

const GROUP = 1
const KEY = utf8('key')

interface Formed {
  readonly cluster: SimulatedCluster
  readonly leader: SimulatedNode
  readonly replica: Replica
  /** Cuts the leader off from the other nodes, not from the client. */
  readonly cutOff: () => void
}

function formed(seed: string): Formed {
  const shape = { nodes: 3, replicas: 3, partitions: 1, clients: 1, limits: {} }
  const cluster = new SimulatedCluster(new World(seed), shape)
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  cluster.run(6_000)
  const leader = cluster.nodes.find(({ machine }) => machine?.host.get(GROUP)?.isLeader)
  const replica = leader?.machine?.host.get(GROUP)
  if (leader === undefined || replica === undefined) throw new Error('nobody leads')
  const others = cluster.nodes.filter((node) => node !== leader).map(({ name }) => name)
  const cutOff = (): void => void cluster.network.cut([leader.name], others, 'both')
  return { cluster, leader, replica, cutOff }
}

/** Requests of one sender at the door of `leader`. */
class Sender {
  readonly answers: Answered[] = []
  readonly #node: SimulatedNode
  #lastId = 0

  constructor(node: SimulatedNode) {
    this.#node = node
  }

  get inside(): number {
    return this.#node.machine?.door.inside ?? Number.NaN
  }

  send(kind: 'get' | 'mutate', timeoutMs: number): number {
    const map = this.#node.machine?.view()?.map
    const id = ++this.#lastId
    const request: Request = {
      id,
      kind,
      clusterId: map?.clusterId ?? '',
      group: GROUP,
      epoch: map?.epoch ?? 0,
      timeoutMs,
      consistency: 'strong',
      minApplied: 0,
      principal: '',
      trace: '',
      body: kind === 'get' ? KEY : put(id)
    }
    this.#node.machine?.door.enter('sender', request, (answer) => void this.answers.push(answer))
    return id
  }

  giveUp(id: number): void {
    this.#node.machine?.door.giveUp('sender', id)
  }

  leave(): void {
    this.#node.machine?.door.gone('sender')
  }
}

function put(seq: number): Uint8Array {
  const operation = { type: 'put', key: KEY, value: utf8(String(seq)) } as const
  return encodeCommand({ session: 'a'.repeat(32), seq, ackedUpTo: 0, basis: 0, operation })
}

test('a read that cannot be confirmed leaves when it is given up, not when it fails', () => {
  const { cluster, leader, replica, cutOff } = formed('read')
  cutOff()
  const sender = new Sender(leader)
  const ids = Array.from({ length: 100 }, () => sender.send('get', 4_000))
  cluster.run(20)
  expect(sender.inside).toBe(100)
  for (const id of ids) sender.giveUp(id)
  expect(sender.inside).toBe(0)
  expect(replica.isLeader).toBe(true)
  cluster.run(10_000)
  expect(sender.answers).toEqual([])
})

test('what waits for a read is let go of at the next tick', () => {
  const { cluster, leader, replica, cutOff } = formed('sweep')
  cutOff()
  let asked = 0
  const isOver = (): boolean => ++asked > 0
  const ended = (): void => expect.unreachable('nobody waits for this read')
  leader.machine?.host.read(replica, { run: ended, fail: ended, isOver })
  replica.waits.untilApplied(replica.state.applied.index + 1, { run: ended, fail: ended, isOver })
  replica.waits.untilCommitted({ run: ended, fail: ended, isOver })
  cluster.run(150)
  expect(asked).toBe(3)
  cluster.run(10_000)
  expect(asked).toBe(3)
})

test('a mutation given up in the turn it came in is not proposed', () => {
  const { cluster, leader, replica } = formed('gathered')
  const before = replica.raft.status.lastIndex
  const sender = new Sender(leader)
  sender.giveUp(sender.send('mutate', 4_000))
  cluster.run(1_000)
  expect(sender.inside).toBe(0)
  expect(sender.answers).toEqual([])
  expect(replica.raft.status.lastIndex).toBe(before)
})

test('of mutations gathered in one turn only those given up are left out', () => {
  const { cluster, leader, replica } = formed('some')
  const sender = new Sender(leader)
  const ids = [1, 2, 3, 4].map(() => sender.send('mutate', 4_000))
  for (const id of ids.slice(1, 3)) sender.giveUp(id)
  cluster.run(1_000)
  expect(sender.answers.map(({ outcome }) => outcome)).toEqual(['ok', 'ok'])
  expect(new TextDecoder().decode(replica.state.read(KEY)?.value)).toBe('4')
})

test('a mutation given up after it was proposed goes on, and stays inside as long', () => {
  const { cluster, leader, replica } = formed('proposed')
  const sender = new Sender(leader)
  for (const { disk } of cluster.nodes) disk.syncDelayMs = 100
  const before = replica.raft.status.lastIndex
  const id = sender.send('mutate', 4_000)
  expect(cluster.runTo(100, () => replica.raft.status.lastIndex > before)).toBe(true)
  sender.giveUp(id)
  expect(sender.inside).toBe(1)
  cluster.run(1_000)
  expect(sender.inside).toBe(0)
  expect(sender.answers).toEqual([])
  expect(replica.state.read(KEY)).toBeDefined()
})

test('a deadline that passed before a mutation was proposed is a definite refusal', () => {
  const { cluster, leader, replica } = formed('late write')
  const sender = new Sender(leader)
  sender.send('mutate', 0)
  cluster.run(1_000)
  expect(sender.answers).toMatchObject([{ outcome: 'rejected', code: 'timeout' }])
  expect(replica.state.read(KEY)).toBeUndefined()
  expect(sender.inside).toBe(0)
})

test('a read is refused soon after its deadline', () => {
  const { cluster, leader, cutOff } = formed('late read')
  cutOff()
  const sender = new Sender(leader)
  sender.send('get', 100)
  cluster.run(90)
  expect(sender.answers).toEqual([])
  cluster.run(130)
  expect(sender.answers).toMatchObject([{ outcome: 'rejected', code: 'timeout' }])
  expect(sender.inside).toBe(0)
})

test('what a lost link brought leaves with it', () => {
  const { cluster, leader, cutOff } = formed('link')
  cutOff()
  const sender = new Sender(leader)
  sender.send('get', 4_000)
  sender.send('get', 4_000)
  cluster.run(20)
  sender.leave()
  expect(sender.inside).toBe(0)
  expect(sender.answers).toEqual([])
})

test('a client that gives its calls up frees the node, and hears what is certain', () => {
  const { cluster, leader, cutOff } = formed('client')
  const [client] = cluster.clients
  const outcomes: CallOutcome[] = []
  const done = (outcome: CallOutcome): void => void outcomes.push(outcome)
  const read = { kind: 'get', key: KEY, consistency: 'strong' } as const
  const operation = { type: 'put', key: KEY, value: KEY } as const
  // The links to all nodes and the ways to the groups are known then.
  client?.call(read, 4_000, done)
  client?.call({ kind: 'mutate', operation }, 4_000, done)
  expect(cluster.runTo(4_000, () => outcomes.length === 2)).toBe(true)
  cutOff()
  const cancels = [
    client?.call(read, 4_000, done),
    client?.call({ kind: 'mutate', operation }, 4_000, done)
  ]
  cluster.run(50)
  expect(leader.machine?.door.inside).toBe(2)
  for (const cancel of cancels) cancel?.()
  expect(outcomes.slice(2)).toMatchObject([
    { failure: { code: 'timeout', outcome: 'not_applied' } },
    { failure: { code: 'unknown_outcome', outcome: 'unknown' } }
  ])
  cluster.run(50)
  // The write is in the log and stays until its leader knows what becomes of it, or steps down.
  expect(leader.machine?.door.inside).toBe(1)
  cluster.run(5_000)
  expect(leader.machine?.door.inside).toBe(0)
})
