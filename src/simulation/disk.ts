import { assert } from '../world/assert.ts'
import { type AppendFile, type Disk, DiskFault, type Space } from '../world/disk.ts'
import type { Random } from '../world/random.ts'
import { appendTo, contentOf, emptyFile, type SimulatedFile, wholeFile } from './disk-file.ts'
import { cutPower } from './power-cut.ts'
import { type Life, LifeOver, type World } from './world.ts'

export interface SimulatedDiskOptions {
  /** Shortest and longest time of a sync, in milliseconds. Default 0.1 and 2. */
  readonly syncMs?: readonly [number, number]
}

type Done = (fault: DiskFault | undefined) => void

const NO_BYTES = new Uint8Array(0)

/** What all files of a disk held at one moment. Empty: that of a new disk. */
export type DiskImage = ReadonlyMap<string, Uint8Array>

/**
 * The disk of one simulated node: a page cache over durable bytes. It outlives the node's lives:
 * `attach` binds it to the present one; `kill` and `crash` end that.
 */
export class SimulatedDisk implements Disk {
  /** Added to every sync: a slow disk. What waits for its sync in one call holds the process up. */
  syncDelayMs = 0
  /** What all files together may hold; an append beyond it writes a part and fails. */
  bytesMax = Number.POSITIVE_INFINITY
  readonly #world: World
  readonly #name: string
  readonly #random: Random
  readonly #syncMs: readonly [number, number]
  #files = new Map<string, SimulatedFile>()
  #durableFiles = new Map<string, SimulatedFile>()
  #life: Life | undefined
  #directoryVersion = 0
  #durableVersion = 0
  /** Syncs that wait for a hanging disk; undefined while it does not hang. */
  #held: (() => void)[] | undefined
  #failSyncs = 0
  #failAppends = 0
  /** The life that an append or a sync of a file failed in: it may not go on. */
  #failed: Life | undefined
  #changesLeft = Number.POSITIVE_INFINITY
  #outOfChanges: () => void = () => {}

  constructor(world: World, name: string, options: SimulatedDiskOptions = {}) {
    this.#world = world
    this.#name = name
    this.#random = world.random.fork(`disk ${name}`)
    this.#syncMs = options.syncMs ?? [0.1, 2]
  }

  /** The life that uses the disk from now on: its completions die with it. */
  attach(life: Life): void {
    this.#life = life
  }

  /** Syncs are taken and not done until `resumeSyncs`, or for ever if a crash comes first. */
  hangSyncs(): void {
    this.#held ??= []
  }

  resumeSyncs(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const start of held) start()
  }

  /** The next sync, of a file or the directory, fails; the ones after it would succeed. */
  failNextSync(): void {
    this.#failSyncs++
  }

  /** The next append writes a part and fails. */
  failNextAppend(): void {
    this.#failAppends++
  }

  /** No failure that was ordered and did not happen yet will. */
  clearFailures(): void {
    this.#failSyncs = 0
    this.#failAppends = 0
  }

  /** The life that met a failed append or a failed sync of a file, the last one that did. */
  get failedLife(): Life | undefined {
    return this.#failed
  }

  /**
   * Right after change number `count` from now, of a file or the directory, the process dies in the
   * middle of what it does: `dead` is called then.
   */
  dieAfter(count: number, dead: () => void): void {
    this.#changesLeft = count
    this.#outOfChanges = dead
  }

  /** Bit rot: flips one bit of what `name` holds, durable or not. */
  flipBit(name: string, bit: number): void {
    const file = this.#file(name)
    assert(bit >> 3 < file.length, `no bit ${bit} in ${name}`)
    file.bytes[bit >> 3] = (file.bytes[bit >> 3] as number) ^ (1 << (bit & 7))
  }

  /** Sectors went bad: reading any byte of [from, to) of `name` fails. */
  spoil(name: string, from: number, to: number): void {
    const file = this.#file(name)
    file.unreadable = [...(file.unreadable ?? []), [from, to]]
  }

  /** `name` was found shorter than it was left. */
  cutAtRest(name: string, length: number): void {
    const file = this.#file(name)
    assert(length <= file.length, `${name} is cut to more than it holds`)
    file.length = length
    file.durable = Math.min(file.durable, length)
  }

  /** A copy of all that the files show now, as a backup of a running machine takes it. */
  image(): DiskImage {
    return new Map([...this.#files].map(([name, file]) => [name, contentOf(file)]))
  }

  /** Another disk stands here now, with what `image` holds. Requires: no process uses it. */
  restore(image: DiskImage): void {
    assert(this.#life === undefined, `the disk of ${this.#name} is in use`)
    this.#files = new Map([...image].map(([name, content]) => [name, wholeFile(content)]))
    this.#durableFiles = new Map(this.#files)
  }

  /** The process dies, the machine goes on: the cache stays, as little durable as before. */
  kill(): void {
    this.#life = undefined
    this.#held = undefined
    this.#changesLeft = Number.POSITIVE_INFINITY
  }

  /**
   * The power goes. Each file keeps of its unsynced bytes what `cutPower` leaves; each creation,
   * renaming or removal that was not synced happened or did not.
   */
  crash(random: Random): void {
    this.kill()
    const files = new Map(this.#durableFiles)
    for (const [name, file] of this.#files) {
      if (this.#durableFiles.get(name) !== file && random.below(2) === 0) files.set(name, file)
    }
    for (const name of this.#durableFiles.keys()) {
      if (!this.#files.has(name) && random.below(2) === 0) files.delete(name)
    }
    for (const file of files.values()) cutPower(file, random)
    this.#files = files
    this.#durableFiles = new Map(files)
  }

  /** What no crash can take from `name`, not even by a lie of its syncs. A view, for oracles. */
  durable(name: string): Uint8Array {
    const file = this.#durableFiles.get(name)
    if (file === undefined) return NO_BYTES
    let end = file.durable
    for (const [from] of file.holes) end = Math.min(end, from)
    return file.bytes.subarray(0, end)
  }

  list(): string[] {
    return [...this.#files.keys()].sort()
  }

  size(name: string): number {
    return this.#files.get(name)?.length ?? -1
  }

  read(name: string, offset: number, length: number): Uint8Array {
    const file = this.#file(name)
    const end = Math.max(offset, Math.min(file.length, offset + length))
    if (file.unreadable?.some(([from, to]) => from < end && to > offset)) {
      throw new DiskFault(`cannot read ${name}: simulated fault`)
    }
    return file.bytes.slice(offset, end)
  }

  open(name: string): AppendFile {
    const life = this.#attached()
    const file = this.#files.get(name) ?? emptyFile()
    if (this.size(name) < 0) {
      this.#change(name, file)
      this.#changed()
    }
    let syncing = false
    return {
      append: (bytes) => {
        assert(life === this.#life, `a dead process writes to ${name}`)
        const { freeBytes } = this.space()
        if (this.#failAppends > 0 || freeBytes < bytes.length) {
          const written = Math.min(freeBytes, this.#random.below(bytes.length + 1))
          this.#failAppends = Math.max(0, this.#failAppends - 1)
          this.#failed = life
          appendTo(file, bytes.subarray(0, written))
          throw new DiskFault(`cannot append to ${name}: simulated fault`)
        }
        appendTo(file, bytes)
        this.#changed()
      },
      sync: (done) => {
        assert(!syncing, `two syncs of ${name} at once`)
        syncing = true
        const length = file.length
        this.#sync(`sync ${name}`, done, (failed) => {
          syncing = false
          if (failed) {
            file.holes.push([file.durable, length])
            this.#failed = life
          }
          file.durable = Math.max(file.durable, length)
        })
      },
      close: () => assert(!syncing, `${name} closed while it is synced`)
    }
  }

  truncate(name: string, size: number): void {
    const file = this.#file(name)
    assert(size <= file.length, `${name} grows by truncation`)
    file.length = size
    this.#syncNow(`truncate ${name}`)
    file.durable = size
    this.#changed()
  }

  settle(name: string, from: number): void {
    const file = this.#file(name)
    this.#syncNow(`settle ${name}`)
    file.durable = file.length
    file.holes = file.holes.filter(([start]) => start < from)
    this.#directoryDurable(this.#files, this.#directoryVersion)
  }

  remove(name: string): void {
    this.#file(name)
    this.#change(name, undefined)
    this.#changed()
  }

  replace(name: string, bytes: Uint8Array): void {
    if (this.space().freeBytes < bytes.length) {
      this.#failed = this.#life
      throw new DiskFault(`cannot replace ${name}: simulated fault`)
    }
    this.#change(name, wholeFile(bytes))
    // Renamed, and the directory not synced: the new file may still vanish, and the old one return.
    this.#changed()
    this.#syncNow(`replace ${name}`)
    // The directory sync that makes the rename durable makes all the rest of it durable.
    this.#directoryDurable(this.#files, this.#directoryVersion)
    this.#changed()
  }

  space(): Space {
    return { freeBytes: Math.max(0, this.bytesMax - this.#bytes()), totalBytes: this.bytesMax }
  }

  syncDirectory(done: Done): void {
    const files = new Map(this.#files)
    const version = this.#directoryVersion
    this.#sync('sync directory', done, (failed) => {
      if (!failed) this.#directoryDurable(files, version)
    })
  }

  #changed(): void {
    if (--this.#changesLeft > 0) return
    this.#changesLeft = Number.POSITIVE_INFINITY
    throw new LifeOver(this.#outOfChanges)
  }

  #change(name: string, file: SimulatedFile | undefined): void {
    this.#directoryVersion++
    if (file === undefined) this.#files.delete(name)
    else this.#files.set(name, file)
  }

  #directoryDurable(files: ReadonlyMap<string, SimulatedFile>, version: number): void {
    if (version < this.#durableVersion) return
    this.#durableVersion = version
    this.#durableFiles = new Map(files)
  }

  #attached(): Life {
    assert(this.#life !== undefined, `the disk of ${this.#name} is attached to no process`)
    return this.#life
  }

  #file(name: string): SimulatedFile {
    const file = this.#files.get(name)
    if (file === undefined) throw new DiskFault(`cannot find ${name}`)
    return file
  }

  #bytes(): number {
    let bytes = 0
    for (const file of this.#files.values()) bytes += file.length
    return bytes
  }

  /** A sync within a call: it ends before anything else of the process can run. */
  #syncNow(label: string): void {
    const life = this.#attached()
    if (this.syncDelayMs > 0) life.pause(this.syncDelayMs)
    if (this.#failSyncs === 0) return
    this.#failSyncs--
    this.#failed = life
    throw new DiskFault(`cannot ${label}: simulated fault`)
  }

  #sync(label: string, done: Done, settle: (failed: boolean) => void): void {
    const life = this.#attached()
    const [least, most] = this.#syncMs
    const delay = least + ((most - least) * this.#random.below(1024)) / 1024 + this.syncDelayMs
    const start = (): void => {
      this.#world.schedule(life, delay, label, () => {
        const failed = this.#failSyncs > 0
        if (failed) this.#failSyncs--
        settle(failed)
        done(failed ? new DiskFault(`cannot ${label}: simulated fault`) : undefined)
      })
    }
    if (this.#held === undefined) start()
    else this.#held.push(start)
  }
}
