import { expect, test } from 'vitest'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { type Life, World } from '../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import type { Random } from '../../src/world/random.ts'

// Goal: entries that the log writes once more are what they were, whoever is killed when. Method:
// logs of tiny segments move entries all the time, needed or not, while nodes are killed right
// after any change of a file, with and without their power.

const LIMITS = {
  segmentBytes: 1_024,
  flushMs: 200,
  logEntriesKept: 4,
  logBytesMax: 24_000,
  tailBytesMax: 256
}
const CHAOS_MS = 10_000
const KEYS = 12

class Run {
  readonly world: World
  readonly cluster: SimulatedCluster
  readonly #random: Random
  readonly #life: Life
  readonly #counts = new Map<string, { sure: number; maybe: number }>()
  #working = true
  #inFlight = 0
  moved = 0
  kills = 0

  constructor(seed: string) {
    this.world = new World(seed)
    this.#random = this.world.random.fork('moves')
    this.#life = this.world.life('moves')
    this.cluster = new SimulatedCluster(this.world, {
      nodes: 5,
      partitions: 8,
      replicas: 3,
      clients: 3,
      limits: LIMITS
    })
    this.cluster.boot()
    expect(this.cluster.runTo(20_000, () => this.cluster.isHealthy)).toBe(true)
  }

  chaos(): void {
    for (let i = 0; i < KEYS; i++) this.#count(`key${i}`)
    this.#every(30, () => this.#move())
    this.#every(1_500, () => this.#kill())
    this.cluster.run(CHAOS_MS)
    this.#working = false
    for (const { disk } of this.cluster.nodes) disk.dieAfter(Number.POSITIVE_INFINITY, () => {})
    for (const node of this.cluster.nodes) revive(node)
    expect(this.cluster.runTo(20_000, () => this.cluster.isHealthy)).toBe(true)
    expect(this.cluster.runTo(20_000, () => this.#inFlight === 0)).toBe(true)
  }

  /** Every increment that was answered is there, each once; all replicas have the same. */
  check(): void {
    const values = new Map<string, number>()
    for (const key of this.#counts.keys()) {
      this.#client().call({ kind: 'get', key: utf8(key), consistency: 'strong' }, 4_000, (got) => {
        const record = got.ok && got.kind === 'get' ? got.record : undefined
        if (record !== undefined) values.set(key, Number(utf8Text(record.value)))
      })
    }
    expect(this.cluster.runTo(5_000, () => values.size === KEYS)).toBe(true)
    for (const [key, { sure, maybe }] of this.#counts) {
      expect(values.get(key)).toBeGreaterThanOrEqual(sure)
      expect(values.get(key)).toBeLessThanOrEqual(sure + maybe)
    }
    expect(this.cluster.runTo(20_000, () => this.cluster.divergence === undefined)).toBe(true)
  }

  #count(key: string): void {
    const operation = { type: 'increment', key: utf8(key), by: 1 } as const
    const count = { sure: 0, maybe: 0 }
    this.#counts.set(key, count)
    const next = (): void => {
      if (!this.#working) return
      this.#inFlight++
      this.#client().call({ kind: 'mutate', operation }, 3_000, (outcome) => {
        this.#inFlight--
        if (outcome.ok) count.sure++
        else if (outcome.failure.outcome === 'unknown') count.maybe++
        this.#after(this.#random.below(40), next)
      })
    }
    next()
  }

  #client() {
    const { clients } = this.cluster
    return clients[this.#random.below(clients.length)] as (typeof clients)[number]
  }

  #node(): SimulatedNode {
    const { nodes } = this.cluster
    return nodes[this.#random.below(nodes.length)] as SimulatedNode
  }

  #move(): void {
    const { machine } = this.#node()
    if (machine === undefined) return
    const { log } = machine.keeping
    this.moved += log.moveOldest(this.#random.below(2) * 4_000, 1 + this.#random.below(2_000))
    if (this.#random.below(2) === 0) log.commit(() => {})
  }

  #kill(): void {
    const node = this.#node()
    const power = this.#random.below(2) === 0
    if (node.machine === undefined) return
    this.kills++
    node.killAfterChange(1 + this.#random.below(12), power, () =>
      this.#after(this.#random.below(1_500), () => revive(node))
    )
  }

  /** Not of the life of a node: a kill would end it. */
  #after(ms: number, run: () => void): void {
    this.world.schedule(this.#life, ms, 'moves', run)
  }

  #every(msMax: number, run: () => void): void {
    this.#after(this.#random.below(msMax), () => {
      if (!this.#working) return
      run()
      this.#every(msMax, run)
    })
  }
}

function revive(node: SimulatedNode): void {
  if (node.machine === undefined) node.boot()
}

test('moved entries survive kills at any change of a file', () => {
  let moved = 0
  let kills = 0
  for (let seed = 1; seed <= 4; seed++) {
    const run = new Run(`moves ${seed}`)
    run.chaos()
    run.check()
    moved += run.moved
    kills += run.kills
  }
  expect(kills).toBeGreaterThan(30)
  expect(moved).toBeGreaterThan(100_000)
})
