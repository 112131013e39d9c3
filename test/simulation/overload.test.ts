import { expect, test } from 'vitest'
import type { CallOutcome } from '../../src/client/inputs.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'

// Goal: far more callers than the disks can serve are told so at once, those who are let in are
// served before their deadline, nothing that was answered is lost, and all is well right after.
// Method: callers who come back 20 ms after each refusal, on disks that take long for each sync.

const TIMEOUT_MS = 1_000
const PAUSE_MS = 20
const KEYS = 200

interface Ended {
  readonly code: string
  readonly ms: number
}

/** Callers who increment counters, half of them through clients, half through the nodes. */
class Crowd {
  readonly ended: Ended[] = []
  readonly applied = new Map<string, { sure: number; unsure: number }>()
  inFlight = 0
  readonly #cluster: SimulatedCluster
  #isOver = false
  #made = 0

  constructor(cluster: SimulatedCluster, callers: number) {
    this.#cluster = cluster
    for (let i = 0; i < callers; i++) this.#call(i)
  }

  stop(): void {
    this.#isOver = true
  }

  /** Times of calls that ended so, sorted. */
  times(code: string): number[] {
    const some = this.ended.filter((one) => one.code === code)
    return some.map(({ ms }) => ms).sort((a, b) => a - b)
  }

  #call(caller: number): void {
    if (this.#isOver) return
    this.inFlight++
    const { world, clients, nodes } = this.#cluster
    const key = `counter ${this.#made++ % KEYS}`
    const began = world.now
    const operation = { type: 'increment', key: utf8(key), by: 1 } as const
    const call = { kind: 'mutate', operation } as const
    const done = (outcome: CallOutcome): void => {
      this.inFlight--
      const code = outcome.ok ? '' : outcome.failure.code
      this.ended.push({ code, ms: world.now - began })
      this.#note(key, outcome)
      const again = (): void => this.#call(caller)
      const pause = code === '' ? 0 : PAUSE_MS
      clients[0]?.life.timers.after(pause, again)
    }
    const node = nodes[caller % nodes.length]?.machine
    if (caller % 2 === 0) clients[caller % clients.length]?.call(call, TIMEOUT_MS, done)
    else node?.gateway.call(call, { timeoutMs: TIMEOUT_MS }, done)
  }

  #note(key: string, outcome: CallOutcome): void {
    const known = this.applied.get(key) ?? { sure: 0, unsure: 0 }
    this.applied.set(key, known)
    if (outcome.ok) known.sure++
    else if (outcome.failure.outcome === 'unknown') known.unsure++
  }
}

function formed(seed: string): SimulatedCluster {
  const shape = { nodes: 3, replicas: 3, partitions: 8, clients: 3, limits: {} }
  const cluster = new SimulatedCluster(new World(seed), shape)
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  cluster.run(6_000)
  return cluster
}

function read(cluster: SimulatedCluster, key: string): number {
  let value: number | undefined
  const call = { kind: 'get', key: utf8(key), consistency: 'strong' } as const
  cluster.clients[0]?.call(call, 5_000, (outcome) => {
    const stored = outcome.ok && outcome.kind === 'get' ? outcome.record?.value : undefined
    if (outcome.ok) value = Number(new TextDecoder().decode(stored ?? utf8('0')))
  })
  expect(cluster.runTo(5_000, () => value !== undefined)).toBe(true)
  return value ?? Number.NaN
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor(sorted.length * share)] ?? Number.NaN

test('ten times the load: refused at once, served in time, and well right after', () => {
  const cluster = formed('overload')
  for (const { disk } of cluster.nodes) disk.syncDelayMs = 150
  const crowd = new Crowd(cluster, 3_000)
  cluster.run(4_000)
  for (const { machine } of cluster.nodes) {
    expect(machine?.door.inside).toBeLessThan(2_048)
  }
  crowd.stop()
  expect(cluster.runTo(2 * TIMEOUT_MS, () => crowd.inFlight === 0)).toBe(true)
  const served = crowd.times('')
  const shed = crowd.times('overloaded')
  expect(served.length).toBeGreaterThan(2_000)
  expect(shed.length).toBeGreaterThan(2 * served.length)
  expect(at(shed, 0.5)).toBeLessThanOrEqual(50)
  expect(at(served, 0.9)).toBeLessThan(TIMEOUT_MS)
  expect(crowd.ended.length - served.length - shed.length).toBeLessThan(served.length / 10)

  for (const { disk } of cluster.nodes) disk.syncDelayMs = 0
  cluster.run(2_000)
  expect(cluster.isHealthy).toBe(true)
  expect(cluster.crowded).toBeUndefined()
  for (const [key, { sure, unsure }] of crowd.applied) {
    const value = read(cluster, key)
    expect(value, key).toBeGreaterThanOrEqual(sure)
    expect(value, key).toBeLessThanOrEqual(sure + unsure)
  }
  cluster.run(1_000)
  expect(cluster.divergence).toBeUndefined()
})

test('a disk that stands still for a while is forgotten two seconds later', () => {
  const cluster = formed('stall')
  const disks = (ms: number): void => {
    for (const { disk } of cluster.nodes) disk.syncDelayMs = ms
  }
  disks(50)
  const crowd = new Crowd(cluster, 300)
  cluster.run(500)
  disks(400)
  cluster.run(500)
  disks(50)
  cluster.run(2_000)
  const before = crowd.ended.length
  cluster.run(300)
  const codes = crowd.ended.slice(before).map(({ code }) => code)
  expect(codes.length).toBeGreaterThan(300)
  expect(codes.filter((code) => code !== '')).toEqual([])
  crowd.stop()
})
