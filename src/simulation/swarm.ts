import { unreachable } from '../world/assert.ts'
import type { Random } from '../world/random.ts'
import type { SimulatedCluster } from './cluster.ts'
import type { SimulatedNode } from './node.ts'
import type { Life } from './world.ts'

const FAULTS = [
  'kill',
  'kill-all',
  'kill-at-change',
  'stop',
  'pause',
  'cut',
  'cut-one-way',
  'clog',
  'reset',
  'slow-disk',
  'hang-disk',
  'fail-append',
  'fail-sync',
  'fail-store',
  'clock-jump',
  'restart-client'
] as const
export type Fault = (typeof FAULTS)[number]
type DiskTrouble = 'slow-disk' | 'hang-disk' | 'fail-append' | 'fail-sync' | 'fail-store'

/** How long a fault of each kind lasts, in ms: shortest and longest. */
const LASTS: Readonly<Record<Fault, readonly [number, number]>> = {
  kill: [50, 4_000],
  'kill-all': [50, 3_000],
  'kill-at-change': [50, 4_000],
  stop: [100, 6_000],
  pause: [100, 8_000],
  cut: [200, 6_000],
  'cut-one-way': [200, 6_000],
  clog: [50, 2_000],
  reset: [0, 0],
  'slow-disk': [200, 5_000],
  'hang-disk': [200, 5_000],
  'fail-append': [200, 4_000],
  'fail-sync': [200, 4_000],
  'fail-store': [200, 4_000],
  'clock-jump': [0, 0],
  'restart-client': [0, 0]
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
    this.#next(this.#between(this.#pauseMs))
  }

  /** Starts with a burst: forming a cluster takes some tens of milliseconds. */
  startNow(): void {
    for (let burst = this.#random.below(4); burst >= 0; burst--) {
      const fault = this.#pick(this.kinds)
      this.#cluster.world.schedule(this.#life, this.#random.below(300), 'early fault', () =>
        this.#strike(fault)
      )
    }
    this.start()
  }

  #next(delayMs: number): void {
    this.#cluster.world.schedule(this.#life, delayMs, 'next fault', () => {
      if (this.#stopped) return
      this.#strike(this.#pick(this.kinds))
      this.#next(this.#between(this.#pauseMs))
    })
  }

  /** Ends all faults: from now on the network is calm, and every node runs. */
  stop(): void {
    this.#stopped = true
    for (const undo of [...this.#undo]) undo()
    const { knobs } = this.#cluster.network
    knobs.loss = 0
    knobs.duplicate = 0
    knobs.reorder = 0
    for (const node of this.#cluster.nodes) {
      node.disk.dieAfter(Number.POSITIVE_INFINITY, () => {})
      revive(node)
    }
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
    this.#count++
    const node = this.#pick(this.#cluster.nodes)
    switch (fault) {
      case 'kill':
      case 'kill-at-change':
      case 'stop':
        this.#end(node, fault)
        return
      case 'kill-all':
        for (const each of this.#cluster.nodes) this.#end(each, fault)
        return
      case 'slow-disk':
      case 'hang-disk':
      case 'fail-append':
      case 'fail-sync':
      case 'fail-store':
        this.#strikeDisk(node, fault)
        return
      case 'pause':
        node.life?.pause(this.#between(LASTS[fault]))
        return
      case 'clock-jump':
        node.life?.shiftWall(this.#random.below(20_000) - 10_000)
        return
      case 'restart-client':
        this.#pick(this.#cluster.clients).restart()
        return
      default:
        this.#strikeNetwork(node, fault)
    }
  }

  #strikeNetwork(node: SimulatedNode, fault: 'cut' | 'cut-one-way' | 'clog' | 'reset'): void {
    const { nodes, network } = this.#cluster
    switch (fault) {
      case 'cut':
      case 'cut-one-way': {
        const [a, b] = this.#split()
        const ways = fault === 'cut' ? 'both' : 'one'
        this.#later(fault, network.cut(a, b, ways))
        return
      }
      case 'clog':
        network.clog(node.name, this.#pick(nodes).name, this.#between(LASTS[fault]))
        return
      case 'reset':
        network.reset(node.name, this.#pick(nodes).name)
        return
      default:
        unreachable(fault)
    }
  }

  /** A failed write or sync must end the node; it is booted when the fault is over. */
  #strikeDisk(node: SimulatedNode, fault: DiskTrouble): void {
    const { disk, store } = node
    switch (fault) {
      case 'slow-disk':
        disk.syncDelayMs = store.delayMs = this.#random.below(3_000)
        this.#later(fault, () => {
          disk.syncDelayMs = store.delayMs = 0
        })
        return
      case 'hang-disk':
        disk.hangSyncs()
        this.#later(fault, () => disk.resumeSyncs())
        return
      case 'fail-append':
        disk.failNextAppend()
        break
      case 'fail-sync':
        disk.failNextSync()
        break
      case 'fail-store':
        store.failNextWrite()
        break
      default:
        unreachable(fault)
    }
    this.#later(fault, () => {
      disk.clearFailures()
      store.clearFailures()
      revive(node)
    })
  }

  #end(node: SimulatedNode, fault: 'kill' | 'kill-all' | 'kill-at-change' | 'stop'): void {
    if (node.machine === undefined) return
    const power = this.#random.below(2) === 0
    switch (fault) {
      case 'stop':
        node.stop()
        this.#later(fault, () => {
          // As a process that takes too long to stop is killed.
          if (node.machine?.stopping) node.kill(power)
          revive(node)
        })
        return
      case 'kill-at-change':
        node.killAfterChange(1 + this.#random.below(20), power, () =>
          this.#later(fault, () => revive(node))
        )
        return
      default:
        node.kill(power)
        this.#later(fault, () => revive(node))
    }
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

function revive(node: SimulatedNode): void {
  if (node.machine === undefined) node.boot()
}
