import { expect, test } from 'vitest'
import { Raft } from '../../../src/raft/raft.ts'
import { seededRandom } from '../../../src/world/random.ts'
import { LogImage } from './disk.ts'
import { bytes, settled, three } from './settled.ts'
import { entry, Solo, voters } from './solo.ts'

// Goal: followers behind the log are brought back by snapshots, and no snapshot undoes anything.

test('a follower below the log gets one snapshot, another try only after a sign of life', () => {
  const solo = settled()
  for (let i = 0; i < 4; i++) solo.raft.propose(bytes(1))
  solo.sync()
  solo.acknowledge(2, 6)
  solo.taken()
  const mark = solo.raft.markAt(5)
  if (mark === undefined) throw new Error('no mark')
  solo.raft.step({ type: 'compact', mark })
  solo.disk.compact(mark)
  expect(solo.raft.status.firstIndex).toBe(6)
  const refusal = {
    type: 'append-reply',
    term: 2,
    rejected: true,
    hintIndex: 2,
    hintTerm: 2
  } as const
  solo.receive(3, { ...refusal, index: 6 })
  expect(solo.drain()?.snapshotsWanted).toEqual([3])
  solo.receive(3, { type: 'heartbeat-reply', term: 2 })
  expect(solo.raft.ready()?.snapshotsWanted ?? []).toEqual([])
  solo.raft.step({ type: 'snapshot-sent', to: 3, ok: false, index: 6 })
  solo.tick(1)
  expect(solo.drain()?.snapshotsWanted ?? []).toEqual([])
  solo.receive(3, { type: 'heartbeat-reply', term: 2 })
  expect(solo.drain()?.snapshotsWanted).toEqual([3])
  solo.raft.step({ type: 'snapshot-sent', to: 3, ok: true, index: 6 })
  solo.acknowledge(3, 6)
  solo.raft.propose(bytes(1))
  expect(solo.raft.progress(3)).toMatchObject({ state: 'replicate', match: 6 })
})

test('a received snapshot replaces a log that does not lead up to it', () => {
  const solo = new Solo({ members: three, log: [1, 2, 2] })
  const mark = { index: 3, term: 3, configuration: { members: voters(2) } }
  solo.raft.step({ type: 'snapshot-received', from: 2, term: 4, mark })
  const ready = solo.drain()
  expect(ready).toMatchObject({ reset: mark, hardState: { term: 4, vote: 0 }, entries: [] })
  expect(solo.taken()).toMatchObject([{ type: 'append-reply', to: 2, rejected: false, index: 3 }])
  expect(solo.raft.status).toMatchObject({ firstIndex: 4, lastIndex: 3, commit: 3, leader: 2 })
  expect(solo.raft.status.configuration.members.length).toBe(2)
  solo.receive(2, {
    type: 'append',
    term: 4,
    previousIndex: 3,
    previousTerm: 3,
    commit: 4,
    entries: [entry(4, 4)]
  })
  solo.sync()
  expect(solo.committed.map((it) => it.index)).toEqual([4])
})

test('a received snapshot that the log leads up to truncates nothing', () => {
  const solo = new Solo({ members: three, log: [1, 2, 2] })
  const mark = { index: 3, term: 2, configuration: { members: three } }
  solo.raft.step({ type: 'snapshot-received', from: 2, term: 2, mark })
  expect(solo.drain()?.reset).toBe(undefined)
  expect(solo.raft.status).toMatchObject({ firstIndex: 2, lastIndex: 4, commit: 3 })
  solo.receive(2, { type: 'heartbeat', term: 2, commit: 4 })
  solo.sync()
  expect(solo.committed.map((it) => it.index)).toEqual([4])
  const older = { ...mark, index: 2, term: 1 }
  solo.raft.step({ type: 'snapshot-received', from: 2, term: 2, mark: older })
  expect(solo.drain()?.reset).toBe(undefined)
  expect(solo.raft.status.commit).toBe(4)
})

test('a log reset to a mark later than the hard state starts in the term of the mark', () => {
  const mark = { index: 9, term: 7, configuration: { members: three } }
  const disk = new LogImage({ term: 4, vote: 3 }, mark)
  const raft = new Raft(
    {
      group: 1,
      self: 1,
      random: seededRandom('reset'),
      electionTicks: 10,
      heartbeatTicks: 2,
      appendBytesMax: 1_000,
      inflightAppendsMax: 2,
      inflightBytesMax: 1_000,
      uncommittedBytesMax: 1_000,
      tailBytesMax: 1_000,
      preferred: false
    },
    disk.start(9, disk)
  )
  expect(raft.status).toMatchObject({ term: 7, lastIndex: 9 })
  expect(raft.ready()?.hardState).toEqual({ term: 7, vote: 0 })
})
