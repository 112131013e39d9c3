import { expect, test } from 'vitest'
import type { Replica } from '../../../src/partition/replica.ts'
import { SnapshotSender } from '../../../src/partition/snapshot-sender.ts'
import { SimulatedCluster } from '../../../src/simulation/cluster.ts'
import { World } from '../../../src/simulation/world.ts'
import type { StateEntry } from '../../../src/storage/overlay.ts'
import { Runner } from '../state/fixture.ts'

// Goal: who takes a state holds a place among those that are sent at once, and no longer than it
// can make use of it.

const LIMITS = { snapshotWindowBytes: 100, snapshotChunkBytes: 50, snapshotPageEntries: 10 }
const TRANSFER = 7

/** The replica that leads the only partition of a cluster. */
function leader(): Replica {
  const shape = { nodes: 3, partitions: 1, replicas: 3, clients: 1, limits: {} }
  const cluster = new SimulatedCluster(new World('sender'), shape)
  cluster.boot()
  const led = (): Replica | undefined =>
    cluster.nodes.flatMap(({ machine }) => machine?.host.get(1) ?? []).find((one) => one.isLeader)
  expect(cluster.runTo(20_000, () => led() !== undefined)).toBe(true)
  return led() as Replica
}

function records(): StateEntry[] {
  const on = new Runner()
  for (const key of ['a', 'b', 'c', 'd']) on.put(key, key.repeat(50))
  return [...on.table.records.values()].filter(([key]) => key[0] === 'k'.charCodeAt(0))
}

/** A state on its way to a node to which there is a link as long as `isLinked`. */
class Sending {
  now = 0
  isLinked = true
  chunks = 0
  isReleased = false
  ended: boolean | undefined
  readonly sender: SnapshotSender

  constructor(replica: Replica) {
    const all = records()
    const view = {
      page: (
        after: Uint8Array | undefined,
        _: number,
        done: (f: undefined, e: StateEntry[]) => void
      ) => done(undefined, after === undefined ? all : []),
      release: () => {
        this.isReleased = true
      }
    }
    const { id, raft } = replica
    const [other] = raft.configuration.members.filter((member) => member.replica !== id)
    const to = { to: other?.replica ?? 0, node: other?.node ?? '' }
    const mark = { index: 5, term: 1, configuration: raft.configuration }
    this.sender = new SnapshotSender(
      { replica, ...to, transfer: TRANSFER, mark, view },
      {
        send: () => {
          this.chunks++
          return true
        },
        isLinked: () => this.isLinked,
        now: () => this.now,
        limits: LIMITS,
        fault: (fault) => {
          throw fault
        },
        ended: (_, ok) => {
          this.ended = ok
        }
      }
    )
  }

  /** Ten ticks a second. */
  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 100
      this.sender.tick()
    }
  }

  acknowledge(next: number): void {
    const reply = { group: 1, from: 2, to: 1, transfer: TRANSFER, next, outcome: 'more' } as const
    this.sender.reply(reply)
  }
}

test('a node that is gone lets go of its place within two seconds', () => {
  const sending = new Sending(leader())
  sending.acknowledge(1)
  sending.isLinked = false
  sending.pass(2_000)
  expect(sending.ended).toBeUndefined()
  sending.pass(100)
  expect(sending.ended).toBe(false)
  expect(sending.isReleased).toBe(true)
})

test('one that is back within that time goes on where it was', () => {
  const sending = new Sending(leader())
  sending.isLinked = false
  sending.pass(1_900)
  sending.isLinked = true
  sending.pass(300)
  const { chunks } = sending
  sending.acknowledge(1)
  expect(sending.chunks).toBe(chunks + 1)
  expect(sending.ended).toBeUndefined()
})

test('one that is linked and says nothing keeps it for ten seconds', () => {
  const sending = new Sending(leader())
  const { chunks } = sending
  sending.pass(10_000)
  expect(sending.ended).toBeUndefined()
  // Each second, what is not acknowledged.
  expect(sending.chunks).toBeGreaterThan(chunks * 8)
  sending.pass(100)
  expect(sending.ended).toBe(false)
})
