import { expect, test } from 'vitest'
import type { Message, Term } from '../../../src/raft/types.ts'
import { entry, Solo, voters } from './solo.ts'

// Goal: every statement that section 5 of the Raft paper makes of one server, by its number there.
// Pre-vote and asynchronous storage are ours: a vote request leaves after its term is durable.

const three = voters(3)
const ofType = (messages: readonly Message[], type: Message['type']): Message[] =>
  messages.filter((message) => message.type === type)

test('5.1 a server that meets a later term adopts it and becomes a follower', () => {
  for (const role of ['follower', 'pre-candidate', 'candidate', 'leader']) {
    const solo = new Solo({ members: three })
    if (role === 'leader') solo.lead()
    else if (role !== 'follower') solo.raft.step({ type: 'campaign' })
    if (role === 'candidate') solo.receive(2, { type: 'pre-vote-reply', term: 2, rejected: false })
    expect(solo.raft.status.role).toBe(role)
    solo.receive(2, {
      type: 'append',
      term: 9,
      previousIndex: 1,
      previousTerm: 1,
      commit: 1,
      entries: []
    })
    expect(solo.raft.status).toMatchObject({ role: 'follower', term: 9, leader: 2 })
    solo.sync()
    expect(solo.disk.hardState).toEqual({ term: 9, vote: 0 })
  }
})

test('5.1 a request of an earlier term changes nothing, and its leader is told ours', () => {
  const solo = new Solo({ members: three, hardState: { term: 5, vote: 0 } })
  const append = { type: 'append', previousIndex: 1, previousTerm: 1, commit: 1 } as const
  solo.receive(2, { ...append, term: 4, entries: [entry(2, 4)] })
  expect(solo.raft.status.lastIndex).toBe(1)
  expect(solo.taken()).toMatchObject([{ type: 'append-reply', rejected: true, term: 5, to: 2 }])
  solo.receive(3, { type: 'vote', term: 4, lastIndex: 9, lastTerm: 4, transfer: false })
  expect(ofType(solo.taken(), 'vote-reply')).toEqual([])
})

test('5.2 servers start as followers and stay so while they hear a leader', () => {
  const solo = new Solo({ members: three })
  expect(solo.raft.status.role).toBe('follower')
  for (let i = 0; i < 20; i++) {
    solo.receive(2, { type: 'heartbeat', term: 2, commit: 1 })
    solo.tick(9)
  }
  expect(solo.raft.status).toMatchObject({ role: 'follower', term: 2, leader: 2 })
})

test('5.2 a leader sends heartbeats to all followers', () => {
  const solo = new Solo({ members: three })
  solo.lead()
  solo.tick(2)
  const beats = ofType(solo.taken(), 'heartbeat')
  expect(beats.map((beat) => beat.to)).toEqual([2, 3])
})

test('5.2 without a leader a follower raises its term, votes for itself and asks', () => {
  const solo = new Solo({ members: three })
  solo.tick(20)
  expect(solo.taken()).toMatchObject([
    { type: 'pre-vote', to: 2, term: 2 },
    { type: 'pre-vote', to: 3, term: 2 }
  ])
  expect(solo.raft.status.term).toBe(1)
  solo.receive(3, { type: 'pre-vote-reply', term: 2, rejected: false })
  solo.drain()
  expect(ofType(solo.sent, 'vote')).toEqual([])
  expect(ofType(solo.taken(), 'vote')).toMatchObject([
    { to: 2, term: 2, lastIndex: 1, lastTerm: 1 },
    { to: 3, term: 2 }
  ])
  expect(solo.disk.hardState).toEqual({ term: 2, vote: 1 })
})

test.each([
  [1, [], 'leader'],
  [3, [true], 'leader'],
  [3, [undefined], 'candidate'],
  [3, [false], 'candidate'],
  [3, [false, false], 'follower'],
  [4, [true], 'candidate'],
  [4, [true, true], 'leader'],
  [5, [true, true], 'leader'],
  [5, [true], 'candidate'],
  [5, [false, false, false], 'follower']
] as const)('5.2 of %i voters, answers %j make it %s', (count, answers, role) => {
  const solo = new Solo({ members: voters(count) })
  solo.raft.step({ type: 'campaign' })
  for (let i = 2; i <= count; i++) {
    solo.receive(i, { type: 'pre-vote-reply', term: 2, rejected: false })
  }
  solo.sync()
  for (const [i, granted] of answers.entries()) {
    if (granted === undefined) continue
    solo.receive(i + 2, { type: 'vote-reply', term: 2, rejected: !granted })
  }
  expect(solo.raft.status.role).toBe(role)
})

test('5.2 a server votes for one candidate a term, first come first served, repeatably', () => {
  const ask = { type: 'vote', term: 2, lastIndex: 1, lastTerm: 1, transfer: false } as const
  const solo = new Solo({ members: three })
  const answer = (from: number): unknown => {
    solo.receive(from, ask)
    return ofType(solo.taken(), 'vote-reply').map((it) => 'rejected' in it && it.rejected)
  }
  expect(answer(2)).toEqual([false])
  expect(answer(3)).toEqual([true])
  expect(answer(2)).toEqual([false])
  expect(solo.disk.hardState).toEqual({ term: 2, vote: 2 })
})

test('5.2 a candidate that hears the leader of its term follows it', () => {
  const solo = new Solo({ members: three })
  solo.raft.step({ type: 'campaign' })
  solo.receive(3, { type: 'pre-vote-reply', term: 2, rejected: false })
  expect(solo.raft.status.role).toBe('candidate')
  solo.receive(3, { type: 'heartbeat', term: 2, commit: 1 })
  expect(solo.raft.status).toMatchObject({ role: 'follower', term: 2, leader: 3 })
})

test('5.2 timeouts are drawn from [E + 1, 2E], for preferred leaders from the lower half', () => {
  const seen = (preferred: boolean): number[] => {
    const solo = new Solo({ members: three, options: { preferred } })
    const drawn = new Set<number>()
    for (let round = 0; round < 300; round++) {
      solo.receive(2, { type: 'heartbeat', term: round + 2, commit: 1 })
      let ticks = 0
      while (solo.raft.status.role === 'follower') {
        solo.tick(1)
        ticks++
      }
      drawn.add(ticks)
      solo.taken()
    }
    return [...drawn].sort((a, b) => a - b)
  }
  expect(seen(false)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
  expect(seen(true)).toEqual([11, 12, 13, 14, 15])
})

test('5.3 a proposal is appended, sent to all and committed once a majority has it', () => {
  const solo = new Solo({ members: three })
  solo.lead()
  solo.acknowledge(2, 2)
  solo.acknowledge(3, 2)
  solo.taken()
  expect(solo.raft.propose(new Uint8Array([7]))).toEqual({ accepted: true, index: 3, term: 2 })
  expect(ofType(solo.taken(), 'append')).toMatchObject([
    { to: 2, previousIndex: 2, previousTerm: 2, entries: [{ index: 3, term: 2 }] },
    { to: 3, previousIndex: 2, previousTerm: 2, entries: [{ index: 3, term: 2 }] }
  ])
  expect(solo.raft.status.commit).toBe(2)
  solo.acknowledge(3, 3)
  expect(solo.raft.status.commit).toBe(3)
  solo.sync()
  expect(solo.committed.map((it) => it.index)).toEqual([2, 3])
})

test('5.3 committing an entry commits all before it, of earlier terms too', () => {
  const solo = new Solo({ members: three, log: [1, 2, 2] })
  solo.lead()
  expect(solo.raft.status.lastIndex).toBe(5)
  solo.acknowledge(2, 5)
  solo.sync()
  expect(solo.committed.map((it) => it.index)).toEqual([2, 3, 4, 5])
})

test('5.3 an append is refused unless the entry before it matches', () => {
  const solo = new Solo({ members: three, log: [1, 2] })
  const append = { type: 'append', term: 3, commit: 1, entries: [] } as const
  const refusal = (previousIndex: number, previousTerm: Term): unknown => {
    solo.receive(2, { ...append, previousIndex, previousTerm })
    return solo.taken()
  }
  expect(refusal(4, 3)).toMatchObject([{ rejected: true, index: 4, hintIndex: 3, hintTerm: 2 }])
  expect(refusal(3, 1)).toMatchObject([{ rejected: true, index: 3, hintIndex: 2, hintTerm: 1 }])
  expect(refusal(3, 2)).toMatchObject([{ rejected: false, index: 3 }])
})

test.each([
  ['missing entries', [1], [4], [1, 4]],
  ['an extra entry of an earlier term', [1, 2, 2], [4], [1, 4]],
  ['the same entries', [1, 4], [4], [1, 4]],
  ['the same and more', [1, 4, 4], [4], [1, 4, 4]]
] as const)('5.3 figure 7: a follower with %s comes to agree', (_, before, entries, after) => {
  const solo = new Solo({ members: three, log: before, hardState: { term: 4, vote: 0 } })
  solo.receive(2, {
    type: 'append',
    term: 4,
    previousIndex: 2,
    previousTerm: 1,
    commit: 1,
    entries: entries.map((term, i) => entry(3 + i, term))
  })
  solo.sync()
  expect(solo.disk.list.map((it) => it.term)).toEqual(after)
})

test('5.3 (figure 2) a follower commits no further than what the append vouches for', () => {
  const solo = new Solo({ members: three, log: [1, 2, 2, 2] })
  const append = { type: 'append', term: 3, previousTerm: 1, commit: 5 } as const
  solo.receive(2, { ...append, previousIndex: 2, entries: [] })
  expect(solo.raft.status.commit).toBe(2)
  solo.receive(2, { ...append, previousIndex: 2, entries: [entry(3, 2)] })
  expect(solo.raft.status.commit).toBe(3)
})

test('5.3 a leader never changes its own entries', () => {
  const solo = new Solo({ members: three })
  solo.lead()
  const append = { type: 'append', term: 2, previousIndex: 1, previousTerm: 1, commit: 1 } as const
  solo.receive(3, { ...append, entries: [entry(2, 1), entry(3, 2)] })
  expect(solo.raft.status).toMatchObject({ role: 'leader', lastIndex: 2 })
})

test.each([
  [1, 1, false],
  [3, 1, false],
  [2, 2, false],
  [3, 2, true],
  [4, 2, true],
  [2, 3, true]
])(
  '5.4.1 a candidate ending in %i/%i gets our vote: %s (we end in 3/2)',
  (lastIndex, lastTerm, yes) => {
    const solo = new Solo({ members: three, log: [1, 2] })
    solo.receive(2, { type: 'vote', term: 5, lastIndex, lastTerm, transfer: false })
    expect(ofType(solo.taken(), 'vote-reply')).toMatchObject([{ rejected: !yes, term: 5 }])
  }
)

test('5.4.2 an entry of an earlier term is not committed by counting', () => {
  const solo = new Solo({ members: three, log: [1, 2] })
  solo.lead()
  expect(solo.raft.status).toMatchObject({ term: 3, lastIndex: 4 })
  solo.acknowledge(2, 3)
  solo.acknowledge(3, 3)
  expect(solo.raft.status.commit).toBe(1)
  solo.acknowledge(2, 4)
  expect(solo.raft.status).toMatchObject({ commit: 4, committedInTerm: true })
})

test('5.5 a follower that does not answer is asked again', () => {
  const solo = new Solo({ members: three })
  solo.lead()
  solo.acknowledge(2, 2)
  solo.taken()
  solo.tick(2)
  solo.receive(3, { type: 'heartbeat-reply', term: 2 })
  expect(ofType(solo.taken(), 'append')).toMatchObject([{ to: 3, entries: [{ index: 2 }] }])
})
