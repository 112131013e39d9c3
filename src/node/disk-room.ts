import type { Room } from '../partition/room.ts'
import { Reserve } from '../storage/reserve.ts'
import type { DiskLevel } from '../wire/disk-level.ts'
import type { NodeId } from '../wire/ids.ts'
import { type Disk, DiskFault } from '../world/disk.ts'
import type { Random } from '../world/random.ts'
import type { StateStore } from '../world/state-store.ts'
import type { NodeLimits } from './config.ts'
import type { MachineOptions } from './machine-options.ts'

export interface DiskRoomOptions {
  readonly self: NodeId
  readonly disk: Disk
  readonly store: StateStore
  readonly random: Random
  readonly limits: NodeLimits
  readonly fatal: (fault: Error) => void
}

/** A level ends only when there is so much more than where it began: what is freed is used. */
const LOW_ENDS = 1.25
const FULL_ENDS = 2
const MIB = 1024 * 1024

/**
 * Knows how much room there is, here and at the other nodes, and keeps the reserve. `low` begins at
 * diskLowBytes beside the reserve, `full` at diskFullBytes.
 */
export class DiskRoom implements Room {
  /** Of this node's log, with the reserve behind every write. */
  readonly disk: Disk
  readonly reserve: Reserve
  /** What may still be written before the reserve is touched; negative: it is. */
  usableBytes = Number.POSITIVE_INFINITY
  level: DiskLevel = 'ok'
  readonly #options: DiskRoomOptions
  /** Only those that are not `ok`. */
  readonly #others = new Map<NodeId, DiskLevel>()
  /** What was told last. */
  #told: DiskLevel = 'ok'

  /** Throws DiskFault. */
  constructor(options: DiskRoomOptions) {
    this.#options = options
    const { disk, limits, random } = options
    const noise = random.fork('reserve')
    this.reserve = new Reserve(disk, {
      bytesMax: limits.diskReserveBytes,
      noise: (length) => noise.bytes(length)
    })
    this.disk = this.reserve.guarded()
    this.#measure()
    this.reserve.onRelease = () => this.#measure()
  }

  get isShort(): boolean {
    return this.level !== 'ok' || this.#others.size > 0
  }

  /** Why this node is not ready; undefined: its disk is no reason. */
  get ill(): string | undefined {
    if (this.level === 'ok') return undefined
    const { diskLowBytes } = this.#options.limits
    const free = Math.max(0, Math.floor(this.usableBytes / MIB))
    const needed = Math.ceil((diskLowBytes * LOW_ENDS) / MIB)
    return `the disk is ${this.level}: ${free} MiB are free, ${needed} must be`
  }

  levelOf(node: NodeId): DiskLevel {
    return node === this.#options.self ? this.level : (this.#others.get(node) ?? 'ok')
  }

  /** What `node` says of itself. */
  hear(node: NodeId, level: DiskLevel): void {
    if (level === 'ok') this.#others.delete(node)
    else this.#others.set(node, level)
  }

  fits(bytes: number): boolean {
    const { store, limits } = this.#options
    const needed = 2 * bytes + limits.flushRoomBytes
    if (store.space().freeBytes >= needed) return true
    this.reserve.makeRoom(needed)
    return store.space().freeBytes >= needed
  }

  /** Looks how it is, and fills the reserve; call it a few times a second. */
  tick(): void {
    try {
      this.#measure()
      const { diskLowBytes } = this.#options.limits
      const isRoomy = this.usableBytes >= diskLowBytes * LOW_ENDS
      if (isRoomy && this.reserve.held < this.reserve.bytesMax) this.reserve.fill()
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error
      this.#options.fatal(error)
    }
  }

  /** Whether the level is another than at the last call: the other nodes should know. */
  takeNews(): boolean {
    const isNews = this.level !== this.#told
    this.#told = this.level
    return isNews
  }

  #measure(): void {
    const { disk, store } = this.#options
    const free = Math.min(disk.space().freeBytes, store.space().freeBytes)
    this.usableBytes = free - (this.reserve.bytesMax - this.reserve.held)
    this.level = this.#next()
  }

  #next(): DiskLevel {
    const { diskLowBytes, diskFullBytes } = this.#options.limits
    const wasLow = this.level !== 'ok'
    const wasFull = this.level === 'full'
    if (this.usableBytes < diskFullBytes * (wasFull ? FULL_ENDS : 1)) return 'full'
    return this.usableBytes < diskLowBytes * (wasLow ? LOW_ENDS : 1) ? 'low' : 'ok'
  }
}

/** `ports` with the disk that has the reserve behind it. Throws DiskFault. */
export function openRoom(
  ports: MachineOptions,
  fatal: (fault: Error) => void
): { readonly room: DiskRoom; readonly options: MachineOptions } {
  const room = new DiskRoom({ ...ports, self: ports.transport.self, fatal })
  return { room, options: { ...ports, disk: room.disk } }
}
