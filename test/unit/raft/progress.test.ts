import { expect, test } from 'vitest'
import {
  advanceMatch,
  becomeReplicate,
  becomeSnapshot,
  Inflight,
  newProgress,
  retreat
} from '../../../src/raft/progress.ts'

// Goal: a leader's picture of a follower only moves on fresh news.

test('a refusal while probing moves to the hint, and a second copy of it does nothing', () => {
  const progress = newProgress(10, false)
  expect(retreat(progress, 9, 5)).toBe(true)
  expect(progress.next).toBe(6)
  expect(retreat(progress, 9, 3)).toBe(false)
  expect(progress.next).toBe(6)
})

test('a hint never leads below what is known to match, nor stands still', () => {
  const progress = newProgress(10, false)
  advanceMatch(progress, 4)
  expect(retreat(progress, 9, 1)).toBe(true)
  expect(progress.next).toBe(5)
  const other = newProgress(10, false)
  expect(retreat(other, 9, 50)).toBe(true)
  expect(other.next).toBe(9)
})

test('a refusal while replicating means a loss: probe again after the last match', () => {
  const progress = newProgress(4, true)
  advanceMatch(progress, 3)
  becomeReplicate(progress)
  progress.next = 9
  progress.inflight.add(8, 100)
  expect(retreat(progress, 3, 0)).toBe(false)
  expect(retreat(progress, 8, 3)).toBe(true)
  expect(progress).toMatchObject({ state: 'probe', next: 4, match: 3, nudged: true })
  expect(progress.inflight.count).toBe(0)
})

test('refusals mean nothing while a snapshot is on its way', () => {
  const progress = newProgress(4, true)
  becomeSnapshot(progress)
  expect(retreat(progress, 3, 1)).toBe(false)
  expect(progress.state).toBe('snapshot')
})

test('match and next only grow with what the follower acknowledges', () => {
  const progress = newProgress(4, true)
  expect(advanceMatch(progress, 7)).toBe(true)
  expect(advanceMatch(progress, 5)).toBe(false)
  expect(progress).toMatchObject({ match: 7, next: 8 })
})

test('the window counts messages and bytes, and frees all that a reply covers', () => {
  const inflight = new Inflight()
  for (let i = 1; i <= 200; i++) inflight.add(i, i)
  inflight.freeTo(150)
  expect(inflight.count).toBe(50)
  expect(inflight.bytes).toBe((200 * 201) / 2 - (150 * 151) / 2)
  inflight.freeTo(10)
  expect(inflight.count).toBe(50)
  inflight.freeTo(1_000)
  expect([inflight.count, inflight.bytes]).toEqual([0, 0])
})
