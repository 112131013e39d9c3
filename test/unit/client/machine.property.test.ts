import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Decision } from '../../../src/client/inputs.ts'
import { decodeCommand } from '../../../src/wire/command.ts'
import type { Request } from '../../../src/wire/request.ts'
import { hex } from '../../../src/wire/session-id.ts'
import { type Faults, ModelCluster, NO_FAULTS, NODES } from './model-cluster.ts'

/** Swarm: each run has its own mix of faults, so that rare ones also meet alone. */
const percent = fc.constantFrom(0, 0, 0, 5, 20, 50)
const faults: fc.Arbitrary<Faults> = fc.record({
  loseRequest: percent,
  loseReply: percent,
  repeatReply: percent,
  cutLink: percent,
  refuse: percent,
  leaveOpen: percent,
  late: percent,
  badAnswer: percent,
  wrongHint: percent
})

type Event =
  | {
      readonly type: 'put' | 'all' | 'get' | 'cancel'
      readonly key: number
      readonly timeoutMs: number
    }
  | {
      readonly type: 'elect' | 'cut' | 'kill' | 'revive' | 'freeze' | 'thaw' | 'part' | 'join'
      readonly node: number
    }
  | { readonly type: 'age' | 'epoch' }

const node = fc.nat(NODES.length - 1)
const call = fc.record({
  type: fc.constantFrom('put', 'put', 'put', 'all', 'all', 'get', 'cancel'),
  key: fc.nat(5),
  timeoutMs: fc.constantFrom(50, 500, 3_000)
})
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 12, arbitrary: call },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom(
        ...(['elect', 'cut', 'kill', 'revive', 'freeze', 'thaw', 'part', 'join'] as const)
      ),
      node
    })
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('age', 'epoch') }) }
)
const schedule = fc.array(fc.tuple(fc.nat(300), event), { minLength: 1, maxLength: 60 })

/** Three keys, of both groups as a rule. */
const keysFrom = (first: number): string[] => [0, 1, 2].map((i) => `key ${(first + i) % 6}`)

/** Runs the schedule, then lets everything late happen. Returns how much each write is to apply. */
function run(
  cluster: ModelCluster,
  events: readonly (readonly [number, Event])[]
): Map<number, number> {
  const writes = new Map<number, number>()
  let calls = 0
  cluster.start()
  for (const [pause, event] of events) {
    cluster.run(pause)
    switch (event.type) {
      case 'put':
        writes.set(++calls, 1)
        cluster.put(calls, `key ${event.key}`, event.timeoutMs)
        break
      case 'all':
        writes.set(++calls, 3)
        cluster.putAll(calls, keysFrom(event.key), event.timeoutMs)
        break
      case 'get':
        cluster.get(++calls, `key ${event.key}`)
        break
      case 'cancel':
        cluster.step({ type: 'cancel', call: Math.max(1, calls - event.key) })
        break
      default:
        disturb(cluster, event)
    }
  }
  cluster.run(12_000)
  for (let i = 1; i <= calls; i++) expect(cluster.outcomes.get(i)?.length, `call ${i}`).toBe(1)
  return writes
}

function disturb(cluster: ModelCluster, event: Event): void {
  const name = 'node' in event ? (NODES[event.node] as string) : ''
  if (event.type === 'elect') for (const group of cluster.groups) group.leader = name
  if (event.type === 'cut') cluster.cut(name)
  if (event.type === 'kill') cluster.kill(name)
  if (event.type === 'revive') cluster.alive.add(name)
  if (event.type === 'freeze') cluster.frozen.add(name)
  if (event.type === 'thaw') cluster.frozen.delete(name)
  if (event.type === 'part') cluster.behind.set(name, cluster.epoch)
  if (event.type === 'join') cluster.behind.delete(name)
  if (event.type === 'age') for (const group of cluster.groups) group.age()
  if (event.type === 'epoch') cluster.epoch++
}

const isAbort = ({ type }: Decision): boolean => type === 'aborted'

test('goal: under any faults each call ends once, and what it is told is the truth', () => {
  const property = fc.property(fc.nat(), faults, schedule, (seed, mix, events) => {
    const cluster = new ModelCluster(`${seed}`)
    cluster.faults = mix
    for (const [write, whole] of run(cluster, events)) {
      const outcome = cluster.outcome(write)
      const applied = cluster.applications(write)
      expect([0, whole], `write ${write} applied`).toContain(applied)
      const isAborted = outcome.ok && outcome.kind === 'transact' && isAbort(outcome.decision)
      if (isAborted) expect(applied, `write ${write} is aborted`).toBe(0)
      else if (outcome.ok) expect(applied, `write ${write} is ok`).toBe(whole)
      else if (outcome.failure.outcome === 'not_applied') expect(applied).toBe(0)
    }
  })
  fc.assert(property, { numRuns: 400 })
})

test('goal: all copies of a mutation are the same bytes, and none acknowledges a live one', () => {
  const property = fc.property(fc.nat(), faults, schedule, (seed, mix, events) => {
    const cluster = new ModelCluster(`${seed}`)
    cluster.faults = mix
    const bodies = new Map<string, string>()
    const callOf = new Map<string, number>()
    const check = (request: Request): void => {
      const { session, seq, ackedUpTo, operation } = decodeCommand(request.body)
      const name = `${session}/${seq}`
      expect(bodies.get(name) ?? hex(request.body)).toBe(hex(request.body))
      bodies.set(name, hex(request.body))
      const [first] =
        operation.type === 'transact' ? (operation.parts[0]?.writes ?? []) : [operation]
      if (first?.type !== 'put') return
      callOf.set(name, Number(new TextDecoder().decode(first.value).slice(6)))
      for (const [other, call] of callOf) {
        const [otherSession, otherSeq] = other.split('/')
        const over = cluster.outcomes.has(call)
        if (otherSession !== session || over) continue
        // A call that was renumbered has left its old number for good.
        if (latest(callOf, call) !== other) continue
        expect(Number(otherSeq)).toBeGreaterThan(ackedUpTo)
      }
    }
    cluster.onSend = (request) => {
      if (request.kind === 'mutate') check(request)
    }
    run(cluster, events)
  })
  fc.assert(property, { numRuns: 150 })
})

function latest(callOf: ReadonlyMap<string, number>, call: number): string {
  let last = ''
  for (const [name, other] of callOf) if (other === call) last = name
  return last
}

test('goal: when the faults end every call succeeds, and an idle client does nothing', () => {
  const property = fc.property(fc.nat(), faults, schedule, (seed, mix, events) => {
    const cluster = new ModelCluster(`${seed}`)
    cluster.faults = mix
    run(cluster, events)
    cluster.faults = NO_FAULTS
    for (const name of NODES) cluster.alive.add(name)
    cluster.frozen.clear()
    cluster.behind.clear()
    for (let i = 0; i < 6; i++) cluster.put(1_000 + i, `key ${i}`)
    for (let i = 0; i < 6; i++) cluster.get(2_000 + i, `key ${i}`)
    for (let i = 0; i < 6; i++) cluster.putAll(3_000 + i, keysFrom(i))
    cluster.run(3_100)
    for (const [call, [outcome]] of cluster.outcomes) {
      if (call >= 1_000) expect(outcome, `call ${call}`).toMatchObject({ ok: true })
    }
    cluster.run(20_000)
    const { wakes } = cluster
    const sent = cluster.sent.length
    cluster.run(100_000)
    expect(cluster.wakes - wakes).toBe(0)
    expect(cluster.sent.length - sent).toBe(0)
  })
  fc.assert(property, { numRuns: 150 })
})

test('goal: no fault makes a hot loop', () => {
  const property = fc.property(fc.nat(), faults, schedule, (seed, mix, events) => {
    const cluster = new ModelCluster(`${seed}`)
    cluster.faults = mix
    run(cluster, events)
    const seconds = cluster.now / 1_000
    const calls = cluster.outcomes.size
    // Bounded by the back-off of a call alone, and of the errands, at most all the time.
    expect(cluster.sent.length).toBeLessThan(calls * 60 + seconds * 30 + 20)
    expect(cluster.dialled.length).toBeLessThan(seconds * 40 + 20)
  })
  fc.assert(property, { numRuns: 100 })
})
