import { expect, test } from 'vitest'
import { WIDTH_MIN } from '../../src/node/line.ts'
import type { Answered } from '../../src/partition/answer.ts'
import type { Replica } from '../../src/partition/replica.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { encodeCommand } from '../../src/wire/command.ts'
import type { Request } from '../../src/wire/request.ts'

// Goal: while turns are long, few requests are served at once; the others wait in line, and whoever
// waits in vain hears so while it is certain. Method: requests at the door of a leader whose timers
// are said to be late.

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

  /** Time goes by, in which all turns are long. */
  crawl(cluster: SimulatedCluster, ms: number): void {
    for (const until = cluster.world.now + ms; cluster.world.now < until; ) {
      this.narrow()
      cluster.run(50)
    }
  }

  /** Has the door believe that turns are long. */
  narrow(): void {
    const { machine } = this.#node
    const now = machine?.host.clock.monotonic() ?? 0
    for (let i = 0; i < 30; i++) machine?.door.tick(now, 50)
  }

  get waiting(): number {
    return this.#node.machine?.door.waiting ?? Number.NaN
  }

  /** Codes of the answers so far, with how often each came. */
  get codes(): Record<string, number> {
    const codes: Record<string, number> = {}
    for (const { code } of this.answers) codes[code] = (codes[code] ?? 0) + 1
    return codes
  }
}

function put(seq: number): Uint8Array {
  const operation = { type: 'put', key: KEY, value: utf8(String(seq)) } as const
  return encodeCommand({ session: 'a'.repeat(32), seq, ackedUpTo: 0, basis: 0, operation })
}

const MANY = WIDTH_MIN + 240

test('who finds no place is served after those before him, all in the order they came', () => {
  const { cluster, leader, replica } = formed('line')
  const sender = new Sender(leader)
  sender.narrow()
  const before = replica.raft.status.lastIndex
  for (let i = 0; i < MANY; i++) sender.send('mutate', 4_000)
  expect(sender.waiting).toBe(240)
  expect(sender.inside).toBe(MANY)
  cluster.run(2_000)
  expect(sender.codes).toEqual({ '': MANY })
  expect(sender.inside).toBe(0)
  // The last of them was the last to be applied.
  expect(replica.state.read(KEY)?.value).toEqual(utf8(String(MANY)))
  expect(replica.raft.status.lastIndex).toBeGreaterThan(before + 1)
})

test('reads in line are answered, too, and writes do not wait for them', () => {
  const { cluster, leader } = formed('reads')
  const sender = new Sender(leader)
  sender.narrow()
  for (let i = 0; i < MANY; i++) sender.send('get', 4_000)
  expect(sender.waiting).toBe(240)
  sender.send('mutate', 4_000)
  expect(sender.waiting).toBe(240)
  cluster.run(2_000)
  expect(sender.codes).toEqual({ '': MANY + 1 })
})

test('who waited for most of his time is refused, and surely nothing was done', () => {
  const { cluster, leader, replica, cutOff } = formed('late')
  cutOff()
  const sender = new Sender(leader)
  sender.narrow()
  for (let i = 0; i < MANY; i++) sender.send('mutate', 1_000)
  cluster.run(10)
  const { lastIndex } = replica.raft.status
  sender.crawl(cluster, 600)
  expect(sender.codes).toEqual({})
  sender.crawl(cluster, 200)
  expect(sender.codes).toEqual({ overloaded: 240 })
  expect(sender.answers.every(({ outcome }) => outcome === 'rejected')).toBe(true)
  expect(sender.inside).toBe(WIDTH_MIN)
  expect(replica.raft.status.lastIndex).toBe(lastIndex)
})

test('who gives up in line leaves it, and changes nothing', () => {
  const { cluster, leader, replica, cutOff } = formed('given up')
  cutOff()
  const sender = new Sender(leader)
  sender.narrow()
  const ids = Array.from({ length: MANY }, () => sender.send('get', 4_000))
  for (const id of ids.slice(-240)) sender.giveUp(id)
  expect(sender.waiting).toBe(0)
  const writes = Array.from({ length: MANY }, () => sender.send('mutate', 4_000))
  cluster.run(10)
  const { lastIndex } = replica.raft.status
  for (const id of writes.slice(-240)) sender.giveUp(id)
  sender.crawl(cluster, 200)
  expect(sender.waiting).toBe(0)
  expect(sender.inside).toBe(2 * WIDTH_MIN)
  expect(sender.answers).toEqual([])
  expect(replica.raft.status.lastIndex).toBe(lastIndex)
})

test('a leader that steps down sends the line on to the next one', () => {
  const { cluster, leader, replica, cutOff } = formed('moved')
  cutOff()
  const sender = new Sender(leader)
  sender.narrow()
  for (let i = 0; i < MANY; i++) sender.send('mutate', 20_000)
  cluster.run(10)
  for (let i = 0; i < 100 && replica.isLeader; i++) sender.crawl(cluster, 50)
  cluster.run(1_000)
  expect(sender.codes).toEqual({ not_leader: 240, unknown_outcome: WIDTH_MIN })
  expect(sender.inside).toBe(0)
})

test('while others wait, nobody is let in who could not be answered in time', () => {
  const { cluster, leader } = formed('short')
  const sender = new Sender(leader)
  sender.send('mutate', 50)
  expect(sender.codes).toEqual({})
  cluster.run(500)
  sender.narrow()
  for (let i = 0; i < MANY; i++) sender.send('mutate', 4_000)
  sender.send('mutate', 50)
  expect(sender.codes).toEqual({ '': 1, overloaded: 1 })
})
