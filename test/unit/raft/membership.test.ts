import { expect, test } from 'vitest'
import { encodeConfiguration } from '../../../src/raft/codec.ts'
import type { Member } from '../../../src/wire/cluster-map.ts'
import { appends, settled, three } from './settled.ts'
import { configurationEntry, entry, Solo, voters } from './solo.ts'

// Goal: who counts, who may campaign, and that a change of that is safe.

test('a quorum is a majority of the voters, ourselves included if we are one', () => {
  const learner = { replica: 4, node: 'n4', voter: false }
  const { raft } = new Solo({ members: [...three, learner] })
  expect(raft.isQuorum(() => false)).toBe(false)
  expect(raft.isQuorum((replica) => replica === 4)).toBe(false)
  expect(raft.isQuorum((replica) => replica === 3)).toBe(true)
  const outside = new Solo({ members: three.slice(1) })
  expect(outside.raft.isQuorum((replica) => replica === 3)).toBe(false)
})

test('a learner answers vote requests and never campaigns', () => {
  const members = three.map((member) => ({ ...member, voter: member.replica !== 1 }))
  const solo = new Solo({ members })
  solo.tick(50)
  solo.receive(2, { type: 'timeout-now', term: 1 })
  expect(solo.taken()).toEqual([])
  solo.receive(2, { type: 'vote', term: 2, lastIndex: 1, lastTerm: 1, transfer: false })
  expect(solo.taken()).toMatchObject([{ type: 'vote-reply', rejected: false }])
})

test('a configuration is active when appended and gone when truncated', () => {
  const solo = new Solo({ members: three })
  const two = three.slice(0, 2)
  const append = { type: 'append', previousIndex: 1, previousTerm: 1, commit: 1 } as const
  solo.receive(2, { ...append, term: 2, entries: [configurationEntry(2, 2, two)] })
  expect(solo.raft.status.configuration.members).toEqual(two)
  solo.receive(3, { ...append, term: 3, entries: [entry(2, 3)] })
  expect(solo.raft.status.configuration.members).toEqual(three)
  expect(solo.raft.markAt(2)?.configuration.members).toEqual(three)
})

test('a leader changes one voter and makes one change at a time, after its first commit', () => {
  const change = (members: Member[]): unknown => {
    const proposed = solo.raft.propose(encodeConfiguration({ members }), 'configuration')
    return proposed.accepted || proposed.reason
  }
  const four = voters(4)
  const solo = new Solo({ members: three })
  solo.lead()
  expect(change(four)).toBe('change-refused')
  solo.acknowledge(2, 2)
  expect(change(voters(5))).toBe('change-refused')
  expect(change([...voters(2), { replica: 4, node: 'n4', voter: true }])).toBe('change-refused')
  expect(change(four)).toBe(true)
  expect(
    appends(solo.taken())
      .filter((it) => it.entries.length > 0)
      .map((it) => it.to)
  ).toEqual([2, 4])
  expect(change(three)).toBe('change-refused')
  solo.acknowledge(2, 3)
  expect(solo.raft.status.commit).toBe(2)
  solo.acknowledge(4, 3)
  expect(solo.raft.status.commit).toBe(3)
  expect(change([...four, { replica: 5, node: 'n5', voter: false }])).toBe(true)
})

test('a leader that removes itself leads until that is committed, without counting itself', () => {
  const solo = settled()
  const members = three.slice(1)
  expect(solo.raft.propose(encodeConfiguration({ members }), 'configuration').accepted).toBe(true)
  solo.sync()
  solo.acknowledge(2, 3)
  expect(solo.raft.status).toMatchObject({ role: 'leader', commit: 2 })
  solo.acknowledge(3, 3)
  expect(solo.raft.status).toMatchObject({ role: 'follower', commit: 3 })
  solo.tick(50)
  expect(solo.raft.status.role).toBe('follower')
})

test('only the first remaining voter campaigns at once when the leader is gone', () => {
  const ticksUntilAsking = (leader: number, members: readonly Member[]): number => {
    const solo = new Solo({ members })
    solo.receive(leader, { type: 'heartbeat', term: 2, commit: 1 })
    solo.raft.step({ type: 'leader-gone' })
    for (let ticks = 0; ticks < 5; ticks++) {
      if (solo.raft.status.role === 'pre-candidate') return ticks
      solo.tick(1)
    }
    return 5
  }
  expect(ticksUntilAsking(2, three)).toBe(1)
  expect(ticksUntilAsking(2, [...three].reverse())).toBe(2)
  expect(ticksUntilAsking(3, [...three].reverse())).toBe(2)
})
