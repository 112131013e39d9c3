import type { Random } from '../world/random.ts'
import type { SimulatedCluster } from './cluster.ts'
import type { SimulatedNode } from './node.ts'
import type { Life } from './world.ts'

const FAULTS = [
  'kill',
  'kill-all',
  'pause',
  'cut',
  'cut-one-way',
  'clog',
  'reset',
  'slow-disk',
  'clock-jump'
] as const
export type Fault = (typeof FAULTS)[number]

/** How long a fault of each kind lasts, in ms: shortest and longest. */
const LASTS: Readonly<Record<Fault, readonly [number, number]>> = {
  kill: [50, 4_000],
  'kill-all': [50, 3_000],
  pause: [100, 8_000],
  cut: [200, 6_000],
  'cut-one-way': [200, 6_000],
  clog: [50, 2_000],
  reset: [0, 0],
  'slow-disk': [200, 5_000],
  'clock-jump': [0, 0]
}

/**
 * Draws, per seed, which faults happen and how often, and makes them happen (swarm testing: Groce
 * et al., ISSTA 2012). A run with a few kinds of faults reaches states that one with all of them
 * does not.
 */
export class Swarm {
  readonly kinds: readonly Fault[]
  readonly #cluster: SimulatedCluster
  readonly #random: Random
  readonly #life: Life
  readonly #pauseMs: readonly [number, number]
  readonly #undo = new Set<() => void>()
  #count = 0
  #stopped = false

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster
    this.#random = cluster.world.random.fork('swarm')
    this.#life = cluster.world.life('swarm')
    const kinds = FAULTS.filter(() => this.#random.below(2) === 0)
    this.kinds = kinds.length > 0 ? kinds : ['kill']
    const busy = 100 + this.#random.below(2_000)
    this.#pauseMs = [busy, busy * 3]
    this.#drawKnobs()
  }

  /** Faults made so far. */
  get count(): number {
    return this.#count
  }

  start(): void {
    const next = (): void => {
      if (this.#stopped) return
      this.#strike(this.kinds[this.#random.below(this.kinds.length)] as Fault)
      this.#cluster.world.schedule(this.#life, this.#between(this.#pauseMs), 'next fault', next)
    }
    this.#cluster.world.schedule(this.#life, this.#between(this.#pauseMs), 'first fault', next)
  }

  /** Ends all faults: from now on the network is calm, and every node runs. */
  stop(): void {
    this.#stopped = true
    for (const undo of [...this.#undo]) undo()
    const { knobs } = this.#cluster.network
    knobs.loss = 0
    knobs.duplicate = 0
    knobs.reorder = 0
    for (const node of this.#cluster.nodes) if (node.machine === undefined) node.boot()
  }

  #drawKnobs(): void {
    const { knobs } = this.#cluster.network
    const share = (most: number): number =>
      this.#random.below(2) === 0 ? 0 : (this.#random.below(1_000) / 1_000) * most
    knobs.loss = share(0.3)
    knobs.duplicate = share(0.5)
    knobs.reorder = share(0.3)
    const slowest = 1 + this.#random.below(this.#random.below(4) === 0 ? 60 : 8)
    knobs.latencyMs = [0.05, slowest]
  }

  #strike(fault: Fault): void {
    const { nodes, network } = this.#cluster
    this.#count++
    switch (fault) {
      case 'kill':
        this.#kill(this.#pick(nodes), fault)
        return
      case 'kill-all':
        for (const node of nodes) this.#kill(node, fault)
        return
      case 'pause':
        this.#pick(nodes).life?.pause(this.#between(LASTS[fault]))
        return
      case 'cut':
      case 'cut-one-way': {
        const [a, b] = this.#split()
        const ways = fault === 'cut' ? 'both' : 'one'
        this.#later(fault, network.cut(a, b, ways))
        return
      }
      case 'clog':
        network.clog(this.#pick(nodes).name, this.#pick(nodes).name, this.#between(LASTS[fault]))
        return
      case 'reset':
        network.reset(this.#pick(nodes).name, this.#pick(nodes).name)
        return
      case 'slow-disk': {
        const { disk, store } = this.#pick(nodes)
        disk.syncDelayMs = store.writeDelayMs = this.#random.below(3_000)
        this.#later(fault, () => {
          disk.syncDelayMs = store.writeDelayMs = 0
        })
        return
      }
      case 'clock-jump':
        this.#pick(nodes).life?.shiftWall(this.#random.below(20_000) - 10_000)
    }
  }

  #kill(node: SimulatedNode, fault: Fault): void {
    if (node.machine === undefined) return
    node.kill(this.#random.below(2) === 0)
    this.#later(fault, () => {
      if (node.machine === undefined) node.boot()
    })
  }

  /** Runs `undo` when the fault is over, or when all faults are. */
  #later(fault: Fault, undo: () => void): void {
    const once = (): void => {
      if (this.#undo.delete(once)) undo()
    }
    this.#undo.add(once)
    this.#cluster.world.schedule(this.#life, this.#between(LASTS[fault]), `end ${fault}`, once)
  }

  /** Clients stand on either side, too. */
  #split(): [string[], string[]] {
    const { nodes, clients } = this.#cluster
    const a: string[] = []
    const b: string[] = []
    for (const { name } of [...nodes, ...clients]) (this.#random.below(2) === 0 ? a : b).push(name)
    return [a, b]
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T
  }

  #between([shortest, longest]: readonly [number, number]): number {
    return shortest + this.#random.below(Math.max(1, longest - shortest))
  }
}
