import { expect, test } from 'vitest'
import type { Message } from '../../../src/raft/types.ts'
import { SimulatedDisk } from '../../../src/simulation/disk.ts'
import { DurabilityOracle } from '../../../src/simulation/oracle-durability.ts'
import { SimulatedStore } from '../../../src/simulation/state-store.ts'
import { World } from '../../../src/simulation/world.ts'
import type { NodeLog } from '../../../src/storage/log-types.ts'
import { openLog } from '../../../src/storage/segmented-log.ts'

// Goal: what the oracle calls durable is what a power cut leaves. Method: the real log on a
// simulated disk, and promises before and after its syncs.

const configuration = {
  members: [
    { replica: 1, node: 'a', voter: true },
    { replica: 2, node: 'b', voter: true },
    { replica: 3, node: 'c', voter: true }
  ]
}
const entry = (index: number, term = 1) =>
  ({ index, term, kind: 'command', data: new Uint8Array(100) }) as const

interface Machine {
  readonly world: World
  readonly log: NodeLog
  readonly oracle: DurabilityOracle
  readonly disk: SimulatedDisk
  sync(): void
}

function machine(segmentBytes = 64 * 1024): Machine {
  const world = new World('durability')
  const disk = new SimulatedDisk(world, 'a')
  const store = new SimulatedStore(world, 'a')
  const life = world.life('life')
  disk.attach(life)
  store.attach(life)
  const log = openLog(disk, { segmentBytes })
  const oracle = new DurabilityOracle()
  oracle.opened({ name: 'a', disk, store })
  const sync = (): void => {
    log.commit(() => {})
    world.runUntil(world.now + 100)
  }
  log.create(1, 1, { index: 1, term: 1, configuration }, { term: 1, vote: 0 })
  sync()
  return { world, log, oracle, disk, sync }
}

const vote = (to: number, term: number): Message => ({
  type: 'vote-reply',
  from: 1,
  to,
  term,
  rejected: false
})

function acknowledged({ oracle }: Machine, index: number, term = 1): () => void {
  const hints = { hintIndex: 0, hintTerm: 0 }
  const reply = { type: 'append-reply', from: 1, to: 2, term, rejected: false, index } as const
  const message: Message = { ...reply, ...hints }
  const none = { reset: undefined, hardState: undefined, entries: [], committed: [] }
  const ready = { ...none, snapshotsWanted: [], messages: [], messagesAfterPersist: [message] }
  oracle.obeys(ready, () => term)
  return () => oracle.sends('a', 1, message)
}

test('a vote counts once it is synced, and once a term', () => {
  const { log, oracle, sync } = machine()
  log.setHardState(1, { term: 5, vote: 2 })
  log.commit(() => {})
  expect(() => oracle.sends('a', 1, vote(2, 5))).toThrow(/its disk knows only of term 1/)
  sync()
  oracle.sends('a', 1, vote(2, 5))
  log.setHardState(1, { term: 5, vote: 3 })
  sync()
  expect(() => oracle.sends('a', 1, vote(3, 5))).toThrow(/votes for 2 and for 3 in term 5/)
  log.setHardState(1, { term: 6, vote: 1 })
  sync()
  const asks = { type: 'vote', from: 1, to: 3, term: 6, lastIndex: 1, lastTerm: 1 } as const
  oracle.sends('a', 1, { ...asks, transfer: false })
  expect(() => oracle.sends('a', 1, vote(3, 6))).toThrow(/votes for 1 and for 3 in term 6/)
})

test('an acknowledgement counts once its entries are synced', () => {
  const made = machine()
  made.log.append(1, [entry(2), entry(3)])
  made.log.commit(() => {})
  expect(acknowledged(made, 3)).toThrow(/acknowledges entry 3 of term 1, .* entries up to 1/)
  made.sync()
  acknowledged(made, 3)()
  expect(acknowledged(made, 3, 2)).toThrow(/acknowledges entry 3 of term 2/)
  expect(acknowledged(made, 4)).toThrow(/entries up to 3/)
})

test('what was overwritten is not there any more', () => {
  const made = machine()
  made.log.append(1, [entry(2), entry(3), entry(4)])
  made.log.append(1, [entry(3, 2)])
  made.sync()
  acknowledged(made, 3, 2)()
  expect(acknowledged(made, 4)).toThrow(/entries up to 3/)
})

test('bytes whose sync failed are not durable, whatever later syncs say', () => {
  const made = machine()
  made.log.append(1, [entry(2)])
  made.disk.failNextSync()
  made.sync()
  const { disk, world } = made
  const file = disk.open(disk.list()[0] ?? '')
  file.sync(() => {})
  world.runUntil(world.now + 100)
  expect(acknowledged(made, 2)).toThrow(/entries up to 1/)
})

test('it follows the log over segments, and begins anew where some are gone', () => {
  const made = machine(300)
  const { log, oracle, sync } = made
  for (let i = 2; i < 20; i++) {
    log.append(1, [entry(i)])
    sync()
    if (i % 5 === 0) acknowledged(made, i)()
  }
  const members = configuration.members.slice(0, 1)
  oracle.checkKept({ group: 1, index: 19, term: 1, members })
  expect(() => oracle.checkKept({ group: 1, index: 20, term: 1, members })).toThrow(/0 of 1/)
})

test('a log that is cut before the state is in the store', () => {
  const made = machine()
  made.log.append(1, [entry(2), entry(3)])
  made.log.compact(1, { index: 2, term: 1, configuration })
  made.sync()
  expect(acknowledged(made, 3)).toThrow(/a cut its log at 2, and its store has the state of 0/)
})

test('a committed entry that too few have', () => {
  const { oracle } = machine()
  const { members } = configuration
  const kept = { group: 1, index: 1, term: 1, members }
  expect(() => oracle.checkKept(kept)).toThrow(/durable on 1 of 3 voters only, not on b, c/)
})
