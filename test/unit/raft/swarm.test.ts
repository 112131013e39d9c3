import { expect, test } from 'vitest'
import { assert } from '../../../src/world/assert.ts'
import { seededRandom } from '../../../src/world/random.ts'
import { Group } from './group.ts'
import { Oracle } from './oracle.ts'

// Goal: no mix of lost, doubled, overtaking and late messages, slow disks, crashes that lose
// unsynced records, cuts, snapshots and handovers breaks a promise of Raft; and once the faults
// end, the group makes progress and all replicas agree. Each seed draws its own mix (swarm
// testing), so that rare paths are not drowned by common ones. A failing seed is its own
// reproduction.

const ROUNDS = 100
const STEPS = 250

const ACTIONS = [
  'tick',
  'deliver',
  'overtake',
  'duplicate',
  'drop',
  'sync',
  'propose',
  'crash',
  'restart',
  'flush',
  'transfer',
  'step-down',
  'leader-gone',
  'campaign'
] as const
type Action = (typeof ACTIONS)[number]

const USUAL: Readonly<Record<Action, number>> = {
  tick: 100,
  deliver: 160,
  overtake: 20,
  duplicate: 6,
  drop: 6,
  sync: 90,
  propose: 30,
  crash: 3,
  restart: 20,
  flush: 4,
  transfer: 1,
  'step-down': 1,
  'leader-gone': 1,
  campaign: 4
}

/** The actions that make up a fault-free run; the others may be left out by a seed. */
const NEEDED: ReadonlySet<Action> = new Set(['tick', 'deliver', 'sync', 'propose', 'restart'])

/** As in production, windows that are always full, and one entry a message (paper, figure 8). */
const LIMITS = [
  {},
  { appendBytesMax: 60, inflightAppendsMax: 3, inflightBytesMax: 200, tailBytesMax: 120 },
  { appendBytesMax: 1, inflightAppendsMax: 4, tailBytesMax: 1 }
] as const

class Swarm {
  readonly group: Group
  readonly oracle = new Oracle()
  readonly #random
  readonly #weights: number[]
  readonly #total: number
  /** This round: who hears whom no more, whose disk hangs, whose clock runs ahead. */
  readonly #cuts = new Set<string>()
  readonly #hung = new Set<number>()
  #hasty = 0
  #proposed = 0

  constructor(seed: string, replicas: number) {
    this.#random = seededRandom(`${seed}/actions`)
    const limits = LIMITS[this.#random.below(LIMITS.length)]
    this.group = new Group({
      seed,
      replicas,
      syncAtOnce: false,
      observer: this.oracle,
      raft: {
        electionTicks: 4,
        heartbeatTicks: 1,
        ...limits
      }
    })
    this.oracle.watch(this.group)
    this.#weights = ACTIONS.map((action) => {
      if (NEEDED.has(action)) return USUAL[action] * 2 ** this.#random.below(3)
      if (this.#random.below(3) === 0) return 0
      // From a quarter to four times the usual: mild averages would make all seeds alike.
      return USUAL[action] * 2 ** (this.#random.below(5) - 2)
    })
    this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0)
  }

  run(): void {
    for (let round = 0; round < ROUNDS; round++) {
      this.#drawWeather()
      for (let i = 0; i < STEPS; i++) this.#act(this.#draw())
      // Real queues are bounded too, and drop.
      while (this.group.network.length > 100) this.group.drop(0)
    }
  }

  /** Faults end: everyone runs, everything arrives and is synced. */
  recover(): void {
    const { group } = this
    this.#cuts.clear()
    this.#hung.clear()
    for (const node of group.nodes.values()) if (!node.alive) group.restart(node.id)
    let wanted = 0
    for (let tick = 0; tick < 100; tick++) {
      for (const node of group.nodes.values()) group.step(node.id, { type: 'tick' })
      this.#settle()
      const leader = group.leader()
      if (leader === undefined) continue
      if (wanted === 0 && group.propose(leader.id, 'the last'))
        wanted = leader.raft.status.lastIndex
      if (wanted > 0 && this.#allApplied(wanted)) return
    }
    assert(false, 'no progress after the faults ended')
  }

  #allApplied(index: number): boolean {
    const states = [...this.group.nodes.values()].map((node) => node.state)
    if (states.some(({ mark }) => mark.index < index)) return false
    for (const { items } of states) expect(items).toEqual(states[0]?.items)
    return true
  }

  #settle(): void {
    const { group } = this
    for (let i = 0; i < 20_000; i++) {
      let busy = false
      for (const node of group.nodes.values()) busy = group.sync(node) || busy
      if (group.network.length > 0) {
        group.deliver(0)
        busy = true
      }
      if (!busy) return
    }
    assert(false, 'messages without end')
  }

  /** Storms last for a while: single mishaps are repaired before the next one can build on them. */
  #drawWeather(): void {
    const ids = [...this.group.nodes.keys()]
    this.#cuts.clear()
    this.#hung.clear()
    this.#hasty = this.#random.below(2) * (1 + this.#random.below(ids.length))
    const side = new Set(ids.filter(() => this.#random.below(2) === 0))
    const oneWay = this.#random.below(3) === 0
    for (const id of ids) {
      if (this.#random.below(6) === 0) this.#hung.add(id)
      for (const other of ids) {
        const isCut = side.has(id) !== side.has(other) && (!oneWay || side.has(id))
        if (isCut) this.#cuts.add(`${id}>${other}`)
      }
    }
    if (this.#random.below(2) === 0) this.#cuts.clear()
  }

  #draw(): Action {
    let at = this.#random.below(Math.floor(this.#total * 100)) / 100
    for (let i = 0; i < ACTIONS.length; i++) {
      at -= this.#weights[i] as number
      if (at < 0) return ACTIONS[i] as Action
    }
    return 'tick'
  }

  #act(action: Action): void {
    const { group } = this
    const { network } = group
    const id = 1 + this.#random.below(group.nodes.size)
    const node = group.node(id)
    switch (action) {
      case 'tick':
        group.step(this.#random.below(2) === 0 && this.#hasty > 0 ? this.#hasty : id, {
          type: action
        })
        return
      case 'step-down':
      case 'leader-gone':
      case 'campaign':
        group.step(id, { type: action })
        return
      case 'deliver':
        for (let i = this.#random.below(6); i >= 0; i--) this.#deliver(0)
        return
      case 'overtake':
        if (network.length > 0) this.#deliver(this.#random.below(network.length))
        return
      case 'duplicate': {
        const packet = network[this.#random.below(Math.max(1, network.length))]
        if (packet?.type === 'message') network.push(packet)
        return
      }
      case 'drop':
        if (network.length > 0) group.drop(this.#random.below(network.length))
        return
      case 'sync':
        if (!node.alive || this.#hung.has(id)) return
        for (let i = this.#random.below(4); i >= 0; i--) group.sync(node)
        return
      case 'propose':
        group.propose((group.leader() ?? node).id, `c${this.#proposed++}`)
        return
      case 'crash':
        if (node.alive) group.crash(id, this.#random.below(node.batches.length + 1))
        return
      case 'restart':
        if (!node.alive) group.restart(id)
        return
      case 'flush':
        if (node.alive) group.flush(id, this.#random.below(4))
        return
      case 'transfer':
        group.step((group.leader() ?? node).id, { type: 'transfer', to: id })
    }
  }

  #deliver(at: number): void {
    const packet = this.group.network[at]
    if (packet === undefined) return
    const { from, to } = packet.type === 'message' ? packet.message : packet
    if (this.#cuts.has(`${from}>${to}`)) this.group.drop(at)
    else this.group.deliver(at)
  }
}

function seeds(replicas: number, count: number): [string, number][] {
  return Array.from({ length: count }, (_, i) => [`swarm-${replicas}-${i}`, replicas])
}

const COUNT = Number(process.env.RAFT_SEEDS ?? 60)

test.each([3, 4, 5].flatMap((replicas) => seeds(replicas, COUNT / 3)))('%s', (seed, replicas) => {
  const swarm = new Swarm(seed, replicas)
  swarm.run()
  swarm.recover()
  expect(swarm.oracle.leaders).toBeGreaterThan(0)
  expect(swarm.oracle.committed).toBeGreaterThan(1)
})
