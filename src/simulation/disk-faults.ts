import { DATA_PREFIX } from '../state/layout.ts'
import { subKeyOf } from '../storage/state-keys.ts'
import type { Random } from '../world/random.ts'
import type { SimulatedCluster } from './cluster.ts'
import type { DiskImage } from './disk.ts'
import { identityOf, knowsBetter, type Stretch, settledParts } from './disk-state.ts'
import { between, type Lasts, pick } from './faults.ts'
import type { SimulatedNode } from './node.ts'
import { revive } from './process-faults.ts'
import type { StoreImage } from './state-store.ts'
import { Violation } from './violation.ts'
import type { Life } from './world.ts'

/** What a disk recovers from: it gets room again. */
const PASSING = ['full-disk'] as const
/**
 * What no node can make good: at most a minority of a group's replicas has it in a run, and the
 * others must get on without them.
 */
const LASTING = [
  'rot-log',
  'rot-log-awake',
  'cut-log',
  'rot-file',
  'rot-store-log',
  'rot-store',
  'rot-store-awake',
  'old-image',
  'wipe',
  'new-node'
] as const
const NAMES = [...PASSING, ...LASTING] as const
export type DiskFaultName = (typeof NAMES)[number]
/** What is done to the disk of a machine that is down, or taken out of it. */
type AtRest = Exclude<
  DiskFaultName,
  'full-disk' | 'old-image' | 'rot-log-awake' | 'rot-store-awake'
>
/** What a node sees for sure when it starts. */
const MUST_REFUSE: ReadonlySet<DiskFaultName> = new Set(['rot-log', 'cut-log'])

/** Between two of these faults, in ms: shortest and longest. */
const PAUSE_MS = [200, 4_000] as const
const FULL_MS = [200, 4_000] as const
/** A disk is out of its machine so long. */
const AWAY_MS = [50, 4_000] as const
/** An image that is put back was taken so long before. */
const IMAGE_AGE_MS = [1_500, 8_000] as const
/** Of files that are written whole. */
const SMALL_FILES = ['identity.json', 'cluster-map', 'founding-map'] as const

/**
 * Damage to disks beyond what a crash does, drawn per seed: full ones, bits that rot, files cut
 * short, an old image put back, a disk replaced. A node whose disk has lost what it promised must
 * refuse to go on, or be refused by the others; it must never serve anything wrong.
 */
export class DiskFaults {
  readonly kinds: readonly DiskFaultName[]
  /** How often each struck. */
  readonly counts = new Map<DiskFaultName, number>()
  readonly #cluster: SimulatedCluster
  readonly #random: Random
  readonly #life: Life
  readonly #undo = new Set<() => void>()
  #stopped = false

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster
    this.#random = cluster.world.random.fork('disk faults')
    this.#life = cluster.world.life('disk faults')
    const has = this.#random.below(2) === 0
    this.kinds = has ? NAMES.filter(() => this.#random.below(3) === 0) : []
  }

  /** Faults made so far. */
  get count(): number {
    let count = 0
    for (const one of this.counts.values()) count += one
    return count
  }

  start(): void {
    if (this.kinds.length === 0) return
    this.#after(PAUSE_MS, 'next disk fault', () => {
      if (this.#stopped) return
      const name = pick(this.#random, this.kinds)
      if (this.#strike(name)) this.#count(name)
      this.start()
    })
  }

  /** No more faults; disks have room again, and every node runs that can. */
  stop(): void {
    this.#stopped = true
    for (const undo of [...this.#undo]) undo()
    for (const { name, lost, machine } of this.#cluster.nodes) {
      const isNew = lost === 'wipe' || lost === 'new-node'
      if (!isNew || [...(machine?.host.replicas() ?? [])].length === 0) continue
      throw new Violation(`${name} has replicas, and its disk was empty`)
    }
  }

  /** False: it was not made now. */
  #strike(name: DiskFaultName): boolean {
    const node = pick(this.#random, this.#cluster.sound)
    if (name === 'full-disk') return this.#fill(node)
    const { lossesMax, nodes, sound } = this.#cluster
    if (nodes.length - sound.length >= lossesMax) return false
    // A cluster that is not formed yet needs all of its nodes.
    if (!sound.every(isMember)) return false
    switch (name) {
      case 'rot-log-awake':
        return this.#damage(node, name, () => this.#rotLog(node, settledParts(node).noted))
      case 'rot-store-awake':
        // A key that rots under a running node shows at its next start, not when it is read.
        return this.#damage(node, name, () =>
          node.store.damageTable(this.#random, ['value', 'unreadable'], isRecordOfKey)
        )
      case 'old-image':
        return this.#putBackLater(node)
      default:
        return this.#damageAtRest(node, name, () => this.#damageDown(node, name))
    }
  }

  /** Requires: no process uses the disk. */
  #damageDown(node: SimulatedNode, name: AtRest): boolean {
    switch (name) {
      case 'rot-log':
        return this.#rotSettledLog(node)
      case 'cut-log':
        return this.#cutLog(node)
      case 'rot-file':
        return this.#rotFile(node)
      case 'rot-store-log':
        return this.#rotStoreLog(node)
      case 'rot-store':
        return node.store.damageTable(this.#random)
      case 'wipe':
      case 'new-node':
        return this.#wipe(node, name)
    }
  }

  #count(name: DiskFaultName): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }

  #fill(node: SimulatedNode): boolean {
    const { disk } = node
    let held = 0
    for (const bytes of disk.image().values()) held += bytes.length
    disk.bytesMax = held + this.#random.below(4_096)
    this.#later(FULL_MS, () => {
      disk.bytesMax = Number.POSITIVE_INFINITY
      revive(node)
    })
    return true
  }

  #damage(node: SimulatedNode, name: DiskFaultName, damage: () => boolean): boolean {
    const done = damage()
    if (done) node.lose(name)
    return done
  }

  #damageAtRest(node: SimulatedNode, name: AtRest | 'old-image', damage: () => boolean): boolean {
    node.kill(this.#random.below(2) === 0)
    const done = this.#damage(node, name, damage)
    this.#later(AWAY_MS, () => {
      revive(node)
      const isSeen = MUST_REFUSE.has(name)
      if (done && isSeen && node.machine !== undefined) {
        throw new Violation(`${node.name} starts on a damaged disk: ${name}`)
      }
    })
    return done
  }

  #rotSettledLog(node: SimulatedNode): boolean {
    const { noted, followed } = settledParts(node)
    const isFollowed = followed.length > 0 && this.#random.below(2) === 0
    return this.#rotLog(node, isFollowed ? followed : noted)
  }

  #rotLog(node: SimulatedNode, parts: readonly Stretch[]): boolean {
    if (parts.length === 0) return false
    const { name, from, to } = pick(this.#random, parts)
    const at = from + this.#random.below(to - from)
    if (this.#random.below(4) === 0) node.disk.spoil(name, at, at + 1)
    else node.disk.flipBit(name, at * 8 + this.#random.below(8))
    return true
  }

  #cutLog(node: SimulatedNode): boolean {
    const { noted } = settledParts(node)
    if (noted.length === 0) return false
    const { name, to } = pick(this.#random, noted)
    node.disk.cutAtRest(name, this.#random.below(to))
    return true
  }

  #rotFile({ disk }: SimulatedNode): boolean {
    const name = pick(this.#random, SMALL_FILES)
    const size = disk.size(name)
    if (size <= 0) return false
    if (this.#random.below(4) === 0) disk.cutAtRest(name, this.#random.below(size))
    else disk.flipBit(name, this.#random.below(size * 8))
    return true
  }

  #rotStoreLog({ store }: SimulatedNode): boolean {
    const log = this.#random.below(store.logSizes.length)
    const size = store.logSizes[log] ?? 0
    if (size === 0) return false
    const at = this.#random.below(size)
    const kind = this.#random.below(3)
    if (kind === 0) store.damageLog(log, { type: 'flip', at })
    if (kind === 1) store.damageLog(log, { type: 'cut', length: at })
    if (kind === 2) store.damageLog(log, { type: 'zero', from: at, to: at + 512 })
    return true
  }

  /** Everything is gone; the machine comes back under its old id, or under a new one. */
  #wipe(node: SimulatedNode, name: 'wipe' | 'new-node'): boolean {
    node.disk.restore(new Map())
    node.store.restore(new Map())
    node.lose(name)
    if (name === 'new-node') node.rename(`${node.name}b`)
    return true
  }

  /**
   * A copy of a running node's files, taken one after the other, is put in their place later: when
   * all others have durably seen more of that disk. Sooner nobody can tell, and it may do harm.
   */
  #putBackLater(node: SimulatedNode): boolean {
    let store: StoreImage = node.store.image()
    let disk: DiskImage = node.disk.image()
    this.#after([0, 300], 'second half of an image', () => {
      if (this.#random.below(2) === 0) store = node.store.image()
      else disk = node.disk.image()
    })
    this.#after(IMAGE_AGE_MS, 'put an image back', () => {
      const { lossesMax, nodes, sound } = this.#cluster
      if (this.#stopped || nodes.length - sound.length >= Math.min(1, lossesMax)) return
      const others = nodes.filter((other) => other !== node)
      if (!others.every((other) => knowsBetter(other, disk))) return
      this.#count('old-image')
      this.#damageAtRest(node, 'old-image', () => {
        node.disk.restore(disk)
        node.store.restore(store)
        return true
      })
    })
    return false
  }

  /** Runs `undo` when the fault is over, or when all faults are. */
  #later(ms: Lasts, undo: () => void): void {
    const once = (): void => {
      if (this.#undo.delete(once)) undo()
    }
    this.#undo.add(once)
    this.#after(ms, 'end of a disk fault', once)
  }

  #after(lasts: Lasts, label: string, run: () => void): void {
    this.#cluster.world.schedule(this.#life, between(this.#random, lasts), label, run)
  }
}

/** Whether its disk knows of a cluster that it belongs to. */
export const isMember = ({ disk }: SimulatedNode): boolean => {
  const identity = identityOf(disk.image())
  return identity !== undefined && identity.clusterId !== ''
}

/** In the store: 01, group and generation, then what the state machine calls it. */
const isRecordOfKey = (key: Uint8Array): boolean =>
  key[0] === 1 && subKeyOf(key)[0] === DATA_PREFIX[0]
