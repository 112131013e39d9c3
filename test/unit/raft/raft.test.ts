import { expect, test } from 'vitest'
import { appends, bytes, settled, three } from './settled.ts'
import { entry, Solo, voters } from './solo.ts'

// Goal: what the driver may rely on: Ready's contract, refusals, windows and handover.

test('ready is undefined when nothing was decided', () => {
  const solo = settled()
  expect(solo.raft.ready()).toBe(undefined)
  solo.tick(1)
  expect(solo.raft.ready()?.messages.length).toBe(2)
  expect(solo.raft.ready()).toBe(undefined)
})

test('replies and votes wait for the disk; appends, heartbeats and pre-votes do not', () => {
  const solo = new Solo({ members: three })
  solo.receive(2, { type: 'pre-vote', term: 2, lastIndex: 1, lastTerm: 1, transfer: false })
  solo.receive(2, { type: 'vote', term: 2, lastIndex: 1, lastTerm: 1, transfer: false })
  solo.receive(2, {
    type: 'append',
    term: 2,
    previousIndex: 1,
    previousTerm: 1,
    commit: 1,
    entries: [entry(2, 2)]
  })
  solo.receive(2, { type: 'heartbeat', term: 2, commit: 1 })
  const ready = solo.drain()
  expect(ready?.messages.map((it) => it.type)).toEqual(['heartbeat-reply'])
  expect(ready?.messagesAfterPersist.map((it) => it.type)).toEqual([
    'pre-vote-reply',
    'vote-reply',
    'append-reply'
  ])
  expect(ready?.entries.length).toBe(1)
  expect(ready?.hardState).toEqual({ term: 2, vote: 2 })
})

test('an entry is handed out as committed only when it is durable here, and once', () => {
  const solo = settled()
  solo.raft.propose(bytes(1))
  solo.drain()
  solo.acknowledge(2, 3)
  solo.acknowledge(3, 3)
  solo.drain()
  expect(solo.raft.status.commit).toBe(3)
  expect(solo.committed.map((it) => it.index)).toEqual([2])
  solo.sync()
  expect(solo.committed.map((it) => it.index)).toEqual([2, 3])
})

test('committed entries come about 1 MiB at a time, in order', () => {
  const solo = settled()
  for (let i = 0; i < 5; i++) solo.raft.propose(bytes(600_000))
  solo.sync()
  solo.acknowledge(2, 7)
  const sizes: number[] = []
  for (let ready = solo.raft.ready(); ready !== undefined; ready = solo.raft.ready()) {
    sizes.push(ready.committed.length)
  }
  expect(sizes).toEqual([1, 1, 1, 1, 1])
})

test('all proposals of a turn leave in one append, and the next turn waits for no reply', () => {
  const solo = settled()
  for (let i = 0; i < 3; i++) solo.raft.propose(bytes(10))
  expect(appends(solo.taken()).map((it) => it.entries.length)).toEqual([3, 3])
  solo.raft.propose(bytes(10))
  expect(appends(solo.taken()).map((it) => [it.previousIndex, it.entries.length])).toEqual([
    [5, 1],
    [5, 1]
  ])
})

test("a follower's window is bounded in messages and bytes, and opens with its replies", () => {
  for (const options of [{ inflightAppendsMax: 2 }, { inflightBytesMax: 200 }]) {
    const solo = settled({ options: { appendBytesMax: 1, ...options } })
    for (let i = 0; i < 5; i++) solo.raft.propose(bytes(100))
    const first = appends(solo.taken()).filter((it) => it.to === 2)
    expect(first.map((it) => it.entries[0]?.index)).toEqual([3, 4])
    expect(appends(solo.taken())).toEqual([])
    solo.acknowledge(2, 3)
    expect(appends(solo.taken()).filter((it) => it.entries.length > 0)).toMatchObject([
      { to: 2, entries: [{ index: 5 }] }
    ])
  }
})

test('a lost append with a full window is found out by a heartbeat', () => {
  const solo = settled({ options: { appendBytesMax: 1, inflightAppendsMax: 2 } })
  for (let i = 0; i < 4; i++) solo.raft.propose(bytes(100))
  solo.taken()
  solo.receive(2, { type: 'heartbeat-reply', term: 2 })
  const [check] = appends(solo.taken())
  expect(check).toMatchObject({ to: 2, previousIndex: 4, entries: [] })
  solo.receive(2, {
    type: 'append-reply',
    term: 2,
    rejected: true,
    index: 4,
    hintIndex: 2,
    hintTerm: 2
  })
  expect(appends(solo.taken())).toMatchObject([
    { to: 2, previousIndex: 2, entries: [{ index: 3 }] }
  ])
  expect(solo.raft.progress(2)).toMatchObject({ state: 'probe', match: 2 })
})

test('over the bound of uncommitted bytes a proposal is refused before it is appended', () => {
  const solo = settled({ options: { uncommittedBytesMax: 1_000 } })
  expect(solo.raft.propose(bytes(5_000)).accepted).toBe(true)
  const { lastIndex } = solo.raft.status
  expect(solo.raft.propose(bytes(1))).toEqual({ accepted: false, reason: 'overloaded' })
  expect(solo.raft.status.lastIndex).toBe(lastIndex)
  expect(solo.raft.propose(bytes(0), 'empty').accepted).toBe(true)
  solo.sync()
  solo.acknowledge(2, lastIndex + 1)
  expect(solo.raft.propose(bytes(900)).accepted).toBe(true)
  expect(solo.raft.propose(bytes(900)).accepted).toBe(false)
})

test('who does not lead, or hands over, refuses proposals', () => {
  const follower = new Solo({ members: three })
  expect(follower.raft.propose(bytes(1))).toEqual({ accepted: false, reason: 'not-leader' })
  const leader = settled()
  leader.raft.step({ type: 'transfer', to: 2 })
  expect(leader.raft.status.transferring).toBe(true)
  expect(leader.raft.propose(bytes(1))).toEqual({ accepted: false, reason: 'transferring' })
  expect(leader.taken()).toMatchObject([{ type: 'timeout-now', to: 2 }])
})

test('leadership is handed only to a voter, and only with the whole log', () => {
  const members = [...three, { replica: 4, node: 'n4', voter: false }]
  const solo = settled({ members })
  for (const to of [1, 4, 9]) solo.raft.step({ type: 'transfer', to })
  expect(solo.raft.status.transferring).toBe(false)
  solo.raft.propose(bytes(1))
  solo.raft.step({ type: 'transfer', to: 3 })
  expect(solo.taken().some((it) => it.type === 'timeout-now')).toBe(false)
  solo.acknowledge(3, 3)
  expect(solo.taken()[0]).toMatchObject({ type: 'timeout-now', to: 3 })
})

test('whoever is handed leadership campaigns past pre-vote and protection', () => {
  const solo = new Solo({ members: three })
  solo.receive(2, { type: 'heartbeat', term: 2, commit: 1 })
  solo.receive(2, { type: 'timeout-now', term: 2 })
  expect(solo.taken().filter((it) => it.type === 'vote')).toMatchObject([
    { to: 2, term: 3, transfer: true },
    { to: 3, term: 3, transfer: true }
  ])
  const voter = new Solo({ members: three })
  voter.receive(2, { type: 'heartbeat', term: 2, commit: 1 })
  const ask = { type: 'vote', term: 3, lastIndex: 1, lastTerm: 1 } as const
  voter.receive(3, { ...ask, transfer: false })
  expect(voter.raft.status.term).toBe(2)
  voter.receive(3, { ...ask, transfer: true })
  expect(voter.raft.status.term).toBe(3)
})

test('a group of one leads and commits only by what is durable', () => {
  const solo = new Solo({ members: voters(1) })
  solo.raft.step({ type: 'campaign' })
  solo.drain()
  expect(solo.raft.status.role).toBe('candidate')
  solo.sync()
  expect(solo.raft.status).toMatchObject({ role: 'leader', commit: 2 })
})

test("a quiet group's followers learn of a commit at once, others with an append", () => {
  const solo = settled()
  solo.tick(2)
  solo.taken()
  solo.raft.propose(bytes(1))
  solo.taken()
  solo.acknowledge(2, 3)
  expect(appends(solo.taken())).toMatchObject([
    { to: 2, commit: 3, entries: [] },
    { to: 3, commit: 3, entries: [] }
  ])
  solo.raft.propose(bytes(1))
  solo.taken()
  solo.acknowledge(2, 4)
  expect(solo.taken()).toEqual([])
  solo.acknowledge(3, 4)
  solo.tick(1)
  expect(solo.taken()).toMatchObject([
    { type: 'heartbeat', to: 2, commit: 4 },
    { type: 'heartbeat', to: 3, commit: 4 }
  ])
})

test('followers of a group that was busy in the last tick wait for the next append or tick', () => {
  const solo = settled()
  solo.raft.propose(bytes(1))
  solo.acknowledge(2, 3)
  solo.acknowledge(3, 3)
  solo.tick(1)
  solo.taken()
  solo.raft.propose(bytes(1))
  solo.taken()
  solo.acknowledge(2, 4)
  expect(appends(solo.taken())).toEqual([])
  solo.acknowledge(3, 4)
  solo.tick(1)
  expect(solo.taken()).toMatchObject([
    { type: 'heartbeat', to: 2, commit: 4 },
    { type: 'heartbeat', to: 3, commit: 4 }
  ])
})

test('status is a value of its own, and the same object while nothing changes', () => {
  const solo = settled()
  const before = solo.raft.status
  expect(solo.raft.status).toBe(before)
  solo.raft.propose(bytes(1))
  expect(before.lastIndex).toBe(2)
  expect(solo.raft.status.lastIndex).toBe(3)
})

test('messages for another replica, from ourselves or from strangers do no harm', () => {
  const solo = settled()
  const before = solo.raft.status
  const stray = { from: 2, to: 7, term: 99, type: 'heartbeat', commit: 1 } as const
  solo.raft.step({ type: 'receive', message: stray })
  solo.raft.step({ type: 'receive', message: { ...stray, from: 1, to: 1 } })
  solo.receive(9, { type: 'heartbeat-reply', term: 2 })
  solo.acknowledge(9, 2)
  solo.acknowledge(2, 1_000)
  expect(solo.raft.status).toBe(before)
})
