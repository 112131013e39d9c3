import { expect, test } from 'vitest'
import { assert } from '../../../src/world/assert.ts'
import { seededRandom } from '../../../src/world/random.ts'
import { Group } from './group.ts'
import { Oracle } from './oracle.ts'

// Goal: no mix of lost, doubled, overtaking and late messages, slow disks, crashes that lose unsynced
// records, cuts, snapshots and handovers breaks a promise of Raft; and once the faults end, the group
// makes progress and all replicas agree. Each seed draws its own mix (swarm testing), so that rare
// paths are not drowned by common ones. A failing seed is its own reproduction.

const STEPS = 10_000

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
  'cut',
  'heal',
  'flush',
  'transfer',
  'step-down',
  'leader-gone',
  'campaign'
] as const
type Action = (typeof ACTIONS)[number]

const USUAL: Readonly<Record<Action, number>> = {
  tick: 60,
  deliver: 160,
  overtake: 20,
  duplicate: 6,
  drop: 6,
  sync: 90,
  propose: 30,
  crash: 2,
  restart: 6,
  cut: 2,
  heal: 2,
  flush: 4,
  transfer: 1,
  'step-down': 1,
  'leader-gone': 1,
  campaign: 1
}

/** The actions that make up a fault-free run; the others may be left out by a seed. */
const NEEDED: ReadonlySet<Action> = new Set([
  'tick',
  'deliver',
  'sync',
  'propose',
  'restart',
  'heal'
])

class Swarm {
  readonly group: Group
  readonly oracle = new Oracle()
  readonly #random
  readonly #weights: number[]
  readonly #total: number
  readonly #cuts = new Set<string>()
  #proposed = 0

  constructor(seed: string, replicas: number) {
    this.#random = seededRandom(`${seed}/actions`)
    const tiny = this.#random.below(2) === 0
    this.group = new Group({
      seed,
      replicas,
      syncAtOnce: false,
      observer: this.oracle,
      raft: {
        electionTicks: 4,
        heartbeatTicks: 1,
        ...(tiny
          ? { appendBytesMax: 60, inflightAppendsMax: 3, inflightBytesMax: 200, tailBytesMax: 120 }
          : {})
      }
    })
    this.oracle.watch(this.group)
    this.#weights = ACTIONS.map((action) => {
      if (!NEEDED.has(action) && this.#random.below(3) === 0) return 0
      return (USUAL[action] * (1 + this.#random.below(8))) / 4
    })
    this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0)
  }

  run(): void {
    for (let i = 0; i < STEPS; i++) this.#act(this.#draw())
  }

  /** Faults end: everyone runs, everything arrives and is synced. */
  recover(): void {
    const { group } = this
    this.#cuts.clear()
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
    for (let i = 0; i < 5_000; i++) {
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
      case 'step-down':
      case 'leader-gone':
      case 'campaign':
        group.step(id, { type: action })
        return
      case 'deliver':
        this.#deliver(0)
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
        if (node.alive) group.sync(node)
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
        return
      case 'cut':
        this.#cuts.add(`${id}>${1 + this.#random.below(group.nodes.size)}`)
        return
      case 'heal':
        this.#cuts.clear()
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

test.each([...seeds(3, COUNT / 2), ...seeds(5, COUNT / 2)])('%s', (seed, replicas) => {
  const swarm = new Swarm(seed, replicas)
  swarm.run()
  swarm.recover()
  expect(swarm.oracle.leaders).toBeGreaterThan(0)
  expect(swarm.oracle.committed).toBeGreaterThan(1)
})
