import { unreachable } from '../world/assert.ts'
import type { Random } from '../world/random.ts'
import { takeAway } from './absences.ts'
import type { SimulatedCluster } from './cluster.ts'
import { DiskFaults, isMember } from './disk-faults.ts'
import { between, type FaultShell, type Lasts, pick } from './faults.ts'
import { LEADER_FAULTS, type LeaderFault, strikeLeader } from './leader-faults.ts'
import { drawKnobs, NETWORK_FAULTS, type NetworkFault, strikeNetwork } from './network-faults.ts'
import type { SimulatedNode } from './node.ts'
import {
  drawClocks,
  PROCESS_FAULTS,
  type ProcessFault,
  revive,
  strikeProcess
} from './process-faults.ts'
import { REPLICA_FAULTS, type ReplicaFault, strikeReplica } from './replica-faults.ts'
import { STEP_FAULTS, type StepFault, strikeStep } from './step-faults.ts'
import type { Life } from './world.ts'

const DISK_TROUBLES = ['slow-disk', 'hang-disk', 'fail-append', 'fail-sync', 'fail-store'] as const
type DiskTrouble = (typeof DISK_TROUBLES)[number]

export type Fault =
  | ProcessFault
  | NetworkFault
  | LeaderFault
  | StepFault
  | ReplicaFault
  | DiskTrouble

interface Kind {
  readonly fault: Fault
  readonly strike: (shell: FaultShell) => void
}

const KINDS: readonly Kind[] = [
  ...PROCESS_FAULTS.map((fault) => ({
    fault,
    strike: (shell: FaultShell) => strikeProcess(shell, fault)
  })),
  ...NETWORK_FAULTS.map((fault) => ({
    fault,
    strike: (shell: FaultShell) => strikeNetwork(shell, fault)
  })),
  ...LEADER_FAULTS.map((fault) => ({
    fault,
    strike: (shell: FaultShell) => strikeLeader(shell, fault)
  })),
  ...STEP_FAULTS.map((fault) => ({
    fault,
    strike: (shell: FaultShell) => strikeStep(shell, fault)
  })),
  ...REPLICA_FAULTS.map((fault) => ({
    fault,
    strike: (shell: FaultShell) => strikeReplica(shell, fault)
  })),
  ...DISK_TROUBLES.map((fault) => ({
    fault,
    strike: (shell: FaultShell) => strikeDisk(shell, fault)
  }))
]

/** How long a disk's trouble lasts. */
const TROUBLE_LASTS: Lasts = [200, 5_000]
/** A process that would sleep for longer when all faults are over is killed instead. */
const SLEEP_MS_MAX = 5_000

/**
 * Draws, per seed, which faults happen and how often, and makes them happen (swarm testing: Groce
 * et al., ISSTA 2012). A run with a few kinds of faults reaches states that one with all of them
 * does not.
 */
export class Swarm {
  readonly disks: DiskFaults
  readonly #kinds: readonly Kind[]
  readonly #cluster: SimulatedCluster
  readonly #random: Random
  readonly #life: Life
  readonly #pauseMs: Lasts
  readonly #shell: FaultShell
  readonly #undo = new Set<() => void>()
  #count = 0
  #stopped = false

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster
    this.#random = cluster.world.random.fork('swarm')
    this.#life = cluster.world.life('swarm')
    this.#shell = {
      cluster,
      random: this.#random,
      later: (lasts, label, undo) => this.#later(lasts, label, undo)
    }
    const oneIn = 2 + this.#random.below(4)
    const kinds = KINDS.filter(() => this.#random.below(oneIn) === 0)
    this.#kinds = kinds.length > 0 ? kinds : KINDS.slice(0, 1)
    const busy = 50 + this.#random.below(pick(this.#random, [400, 2_000]))
    this.#pauseMs = [busy, busy * 3]
    drawKnobs(this.#shell)
    drawClocks(this.#shell)
    this.disks = new DiskFaults(cluster)
  }

  /** The kinds of faults of this run. */
  get kinds(): readonly Fault[] {
    return this.#kinds.map(({ fault }) => fault)
  }

  /** Faults made so far. */
  get count(): number {
    return this.#count + this.disks.count
  }

  start(): void {
    this.#next(between(this.#random, this.#pauseMs))
    this.disks.start()
  }

  /** Starts with a burst: forming a cluster takes some tens of milliseconds. */
  startNow(): void {
    for (let burst = this.#random.below(4); burst >= 0; burst--) {
      const kind = pick(this.#random, this.#kinds)
      this.#cluster.world.schedule(this.#life, this.#random.below(300), 'early fault', () =>
        this.#strike(kind)
      )
    }
    // Joining is a few changes of small files: each of them may be the last one of its life.
    for (const node of this.#cluster.nodes) {
      if (this.#random.below(4) > 0) continue
      this.#count++
      strikeProcess(this.#shell, 'kill-at-change', node)
    }
    this.start()
  }

  #next(delayMs: number): void {
    this.#cluster.world.schedule(this.#life, delayMs, 'next fault', () => {
      if (this.#stopped) return
      this.#strike(pick(this.#random, this.#kinds))
      this.#next(between(this.#random, this.#pauseMs))
    })
  }

  /**
   * Ends all faults: from now on the network is calm, and every node runs. Not `whole`: but those
   * that go for good now, of a cluster that is formed.
   */
  stop(whole = true): void {
    this.#stopped = true
    for (const undo of [...this.#undo]) undo()
    this.disks.stop()
    const { knobs } = this.#cluster.network
    knobs.loss = 0
    knobs.duplicate = 0
    knobs.reorder = 0
    knobs.ghosts = 0
    for (const node of this.#cluster.nodes) {
      node.disk.dieAfter(Number.POSITIVE_INFINITY, () => {})
      node.life?.slow(0, 0)
      if (node.life?.sleeps(SLEEP_MS_MAX)) node.kill()
      revive(node)
    }
    if (!whole && this.#cluster.sound.every(isMember)) takeAway(this.#cluster, this.#random)
  }

  #strike({ fault, strike }: Kind): void {
    this.#count++
    this.#cluster.world.trace(fault)
    strike(this.#shell)
  }

  #later(lasts: Lasts, label: string, undo: () => void): void {
    if (this.#stopped) {
      undo()
      return
    }
    const once = (): void => {
      if (this.#undo.delete(once)) undo()
    }
    this.#undo.add(once)
    const ms = between(this.#random, lasts)
    this.#cluster.world.schedule(this.#life, ms, `end ${label}`, once)
  }
}

/** A failed write or sync must end the node; it is booted when the fault is over. */
function strikeDisk(shell: FaultShell, fault: DiskTrouble): void {
  const { cluster, random } = shell
  const node = pick(random, cluster.nodes)
  const { disk, store } = node
  switch (fault) {
    case 'slow-disk':
      disk.syncDelayMs = store.delayMs = random.below(3_000)
      shell.later(TROUBLE_LASTS, fault, () => {
        disk.syncDelayMs = store.delayMs = 0
      })
      return
    case 'hang-disk':
      disk.hangSyncs()
      shell.later(TROUBLE_LASTS, fault, () => disk.resumeSyncs())
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
  shell.later(TROUBLE_LASTS, fault, () => mend(node))
}

function mend(node: SimulatedNode): void {
  node.disk.clearFailures()
  node.store.clearFailures()
  revive(node)
}
