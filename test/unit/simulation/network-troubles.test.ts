import { expect, test } from 'vitest'
import { concatBytes } from '../../../src/wire/bytes.ts'
import { encodeFrame, FRAME } from '../../../src/wire/frame.ts'
import { encodeRequest } from '../../../src/wire/request-codec.ts'
import { numbers, send, Town } from './town.ts'

test('a reset midway delivers a part of what was sent at one moment, and no more', () => {
  const counts = new Set<number>()
  for (let seed = 0; seed < 40; seed++) {
    const town = new Town(`midway ${seed}`)
    const [a, b] = [town.process('a'), town.process('b')]
    town.link(a, b)
    for (let i = 0; i < 4; i++) send(a, b, i)
    town.network.reset('a', 'b', true)
    town.run(1_000)
    counts.add(b.recorder.frames.length)
    expect(numbers(b)).toEqual([0, 1, 2, 3].slice(0, b.recorder.frames.length))
    expect([a.recorder.downs.length, b.recorder.downs.length]).toEqual([1, 1])
  }
  expect([...counts].sort()).toEqual([0, 1, 2, 3, 4])
})

test('what a process sent last may come when its next life is already there', () => {
  let late = 0
  for (let seed = 0; seed < 60; seed++) {
    const town = new Town(`late ${seed}`)
    const [a, b] = [town.process('a'), town.process('b')]
    town.link(a, b)
    send(a, b, 1)
    town.kill(a)
    town.restart(a)
    town.run(20)
    const isUntold = b.recorder.frames.length + b.recorder.downs.length === 0
    town.run(4_000)
    if (isUntold) late += b.recorder.frames.length
    expect(b.recorder.links.size).toBe(0)
  }
  expect(late).toBeGreaterThan(5)
})

test('a slow link is slow one way, until it is not', () => {
  const town = new Town('slow link')
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  const mend = town.network.slow('a', 'b', 1_000)
  send(a, b, 1)
  send(b, a, 2)
  town.run(20)
  expect([b.recorder.frames.length, a.recorder.frames.length]).toEqual([0, 1])
  town.run(1_000)
  mend()
  send(a, b, 3)
  town.run(20)
  expect(numbers(b)).toEqual([1, 3])
})

test('frames of old come again, by whatever link stands then, and only where they may', () => {
  const town = new Town('ghosts')
  town.network.knobs.ghosts = 1
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  const raft = concatBytes(encodeFrame([FRAME.raft, 1]))
  const read = {
    id: 1,
    kind: 'get',
    clusterId: 'a'.repeat(32),
    group: 1,
    epoch: 1,
    timeoutMs: 1_000,
    consistency: 'strong',
    minApplied: 0,
    principal: '',
    trace: '',
    body: Uint8Array.of(1)
  } as const
  a.recorder.transport.send('b', [raft])
  a.recorder.transport.send('b', encodeRequest(read))
  town.run(100)
  expect(b.recorder.frames).toHaveLength(2)
  for (const process of [a, b]) {
    town.kill(process)
    town.restart(process)
  }
  town.run(10)
  town.link(a, b)
  town.run(30_000)
  expect(b.recorder.frames.map((received) => received.frame)).toEqual([raft])
})

test('what replicas said of old is not heard once all faults are over', () => {
  const town = new Town('laid ghosts')
  town.network.knobs.ghosts = 1
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  a.recorder.transport.send('b', [concatBytes(encodeFrame([FRAME.raft, 1]))])
  town.run(100)
  town.network.knobs.ghosts = 0
  town.run(30_000)
  expect(b.recorder.frames).toHaveLength(1)
})
