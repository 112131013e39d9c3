import { assert } from '../world/assert.ts'
import { DiskFault, diskDamage, type Space } from '../world/disk.ts'
import type { Random } from '../world/random.ts'
import {
  type KeyRange,
  PAGE_BYTES,
  type StateStore,
  type StateView,
  type StateWrite
} from '../world/state-store.ts'
import { batchBytes, survivors, type WalDamage, walBytes } from './level-wal.ts'
import type { Life, World } from './world.ts'

export interface SimulatedStoreOptions {
  /** Shortest and longest time of a write or a page, in milliseconds. Default 0.1 and 2. */
  readonly delayMs?: readonly [number, number]
  /** A log that holds so much is followed by a new one. Default 4 KiB. */
  readonly walBytesMax?: number
  /** Of a log: default 1 KiB. */
  readonly blockBytes?: number
}

type Done = (fault: DiskFault | undefined) => void
type Entry = readonly [key: Uint8Array, value: Uint8Array]

/** What the store holds at one moment. Shared with views until the next write. */
interface Content {
  readonly values: Map<string, Uint8Array>
  /** Keys in order; undefined: to be sorted. */
  order: string[] | undefined
}

/** A batch in a write-ahead log, and what it replaced. */
interface Logged {
  readonly writes: readonly StateWrite[]
  readonly before: readonly (Uint8Array | undefined)[]
  readonly bytes: number
}

/**
 * What can be wrong with a table: a bit of a value or of a key is flipped, a block cannot be read,
 * or the store cannot be opened at all.
 */
export const TABLE_DAMAGE = ['value', 'key', 'unreadable', 'unopenable'] as const
export type TableDamage = (typeof TABLE_DAMAGE)[number]

/** All that a store held at one moment. */
export type StoreImage = ReadonlyMap<string, Uint8Array>

/** Writing a full log's content into a table takes so long; its log stays until then. */
const TABLE_MS = 20

/**
 * The state store of one simulated node. Like its disk it outlives the node's lives: `attach` binds
 * it to the present one, `crash` ends that binding. A write under way then happened whole or not.
 *
 * What was synced is safe from a power cut, as in LevelDB. What damages its files at rest does to
 * it what it does to LevelDB 1.20: batches are missing from the middle of its log, or from the end
 * of an older log of two, and it opens without a word; a record reads as another one, under another
 * key, or not at all. The contract suite holds this against classic-level.
 */
export class SimulatedStore implements StateStore {
  /** Added to every write and every page: a slow disk. */
  delayMs = 0
  /** What it may hold, and what a batch takes until it is in its place; beyond it a write fails. */
  bytesMax = Number.POSITIVE_INFINITY
  readonly #world: World
  readonly #random: Random
  readonly #delayMs: readonly [number, number]
  #life: Life | undefined
  #content: Content = { values: new Map(), order: [] }
  #shared = false
  #writing: readonly StateWrite[] | undefined
  /** Batches that are in no table yet, by log; two logs while a table is written. */
  #wals: Logged[][] = [[]]
  readonly #walBytesMax: number
  readonly #blockBytes: number
  /** Records in a block of a table that cannot be read. */
  #unreadable = new Set<string>()
  /** Why it cannot be opened at all. */
  #unopenable: string | undefined
  #failWrites = 0
  /** The life that a write failed in: it may not go on. */
  #failed: Life | undefined

  constructor(world: World, name: string, options: SimulatedStoreOptions = {}) {
    this.#world = world
    this.#random = world.random.fork(`store ${name}`)
    this.#delayMs = options.delayMs ?? [0.1, 2]
    this.#walBytesMax = options.walBytesMax ?? 4_096
    this.#blockBytes = options.blockBytes ?? 1_024
  }

  /**
   * Opens it for a life: its completions die with that. Throws a DiskFault where LevelDB would not
   * open. What the logs hold goes to tables then.
   */
  attach(life: Life): void {
    if (this.#unopenable !== undefined) throw diskDamage(this.#unopenable)
    this.#life = life
    this.#wals = [[]]
  }

  /** The next write fails; whether it happened shows after a crash. */
  failNextWrite(): void {
    this.#failWrites++
  }

  /** No failure that was ordered and did not happen yet will. */
  clearFailures(): void {
    this.#failWrites = 0
  }

  /** The life that met a failed write, the last one that did. */
  get failedLife(): Life | undefined {
    return this.#failed
  }

  /** All there is in `range` now, in byte order: for whoever judges from outside. */
  all(range: KeyRange): readonly Entry[] {
    return page(this.#content, range, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
  }

  crash(random: Random): void {
    this.#life = undefined
    if (this.#writing !== undefined && random.below(2) === 0) {
      this.#wals.at(-1)?.push(this.#logged(this.#writing))
    }
    this.#writing = undefined
  }

  /** Logs of which batches are in no table: the older one, if there are two, first. */
  get logSizes(): readonly number[] {
    return this.#wals.map((log) => walBytes(sizesOf(log), this.#blockBytes))
  }

  /** The bytes of log number `log` were damaged at rest. Requires: no process has it open. */
  damageLog(log: number, damage: WalDamage): void {
    assert(this.#life === undefined, 'the store is open')
    const logs = this.#wals
    const kept = logs.map((batches, i) => {
      if (i !== log) return batches
      const found = survivors(sizesOf(batches), damage, this.#blockBytes)
      return found.map((at) => batches[at] as Logged)
    })
    for (const { writes, before } of logs.flat().reverse()) {
      this.#apply(writes.map(({ key }, i) => ({ key, value: before[i] })).reverse())
    }
    this.#wals = kept.map((batches) => batches.map(({ writes }) => this.#logged(writes)))
  }

  /**
   * A table is damaged, in one of `ways`, at a record of those `among` that are in tables, both
   * drawn from `random`. False: there is no such record.
   */
  damageTable(
    random: Random,
    ways: readonly TableDamage[] = TABLE_DAMAGE,
    among: (key: Uint8Array) => boolean = () => true
  ): boolean {
    const logged = new Set(this.#wals.flat().flatMap(({ writes }) => writes.map(keyTextOf)))
    const inTables = [...this.#content.values.keys()].filter((text) => !logged.has(text))
    const texts = inTables.filter((text) => among(bytesOf(text)))
    const text = texts[random.below(Math.max(1, texts.length))]
    if (text === undefined) return false
    const key = bytesOf(text)
    const value = (this.#content.values.get(text) as Uint8Array).slice()
    switch (ways[random.below(ways.length)]) {
      case 'unopenable':
        this.#unopenable = 'the state store cannot be opened: simulated damage'
        break
      case 'unreadable':
        this.#unreadable.add(text)
        break
      case 'value':
        if (value.length > 0) flip(value, random)
        this.#apply([{ key, value }])
        break
      case 'key': {
        this.#apply([{ key, value: undefined }])
        const other = key.slice()
        flip(other, random)
        this.#apply([{ key: other, value }])
      }
    }
    return true
  }

  /** All that it holds now, as a copy of its files would show it. */
  image(): StoreImage {
    return new Map(this.#content.values)
  }

  /** Another store stands here now, with what `image` holds. Requires: no process has it open. */
  restore(image: StoreImage): void {
    assert(this.#life === undefined, 'the store is open')
    this.#content = { values: new Map(image), order: undefined }
    this.#shared = false
    this.#wals = [[]]
    this.#unreadable = new Set()
    this.#unopenable = undefined
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const text = textOf(key)
    if (this.#unreadable.size > 0 && this.#unreadable.has(text)) throw unreadable()
    return this.#content.values.get(text)?.slice()
  }

  view(): StateView {
    const content = this.#content
    this.#shared = true
    let released = false
    return {
      page: (range, limit, done) => {
        assert(!released, 'a page of a view that was released')
        this.#later(this.#delay() + this.delayMs, 'read state', () => {
          const entries = page(content, range, limit)
          const bad = this.#unreadable.size > 0 && entries.some(([key]) => this.#isBad(key))
          if (bad) done(unreadable(), [])
          else done(undefined, entries)
        })
      },
      release: () => {
        released = true
      }
    }
  }

  write(batch: readonly StateWrite[], done: Done): void {
    assert(this.#writing === undefined, 'two writes at once')
    const copy = batch.map(({ key, value }) => ({
      key: new Uint8Array(key),
      value: value === undefined ? undefined : new Uint8Array(value)
    }))
    this.#writing = copy
    this.#later(this.#delay() + this.delayMs, 'write state', () => {
      const isFull = this.space().freeBytes < batchBytes(copy)
      if (this.#failWrites > 0 || isFull) {
        this.#failWrites = Math.max(0, this.#failWrites - 1)
        this.#failed = this.#life
        done(new DiskFault('cannot write to the state store: simulated fault'))
        return
      }
      this.#writing = undefined
      this.#log(copy)
      done(undefined)
    })
  }

  /** Here nothing deleted takes up room. */
  compact(_first: Uint8Array, _last: Uint8Array, done: Done): void {
    this.#later(this.#delay() + this.delayMs, 'compact state', () => done(undefined))
  }

  space(): Space {
    if (this.bytesMax === Number.POSITIVE_INFINITY) return ENDLESS
    let bytes = 0
    for (const [key, value] of this.#content.values) bytes += key.length + value.length
    return { freeBytes: Math.max(0, this.bytesMax - bytes), totalBytes: this.bytesMax }
  }

  close(done: () => void): void {
    this.#later(0, 'close state', done)
  }

  /** Appends to the log; a full one is followed by a new one, unless one still waits. */
  #log(batch: readonly StateWrite[]): void {
    const [log, next] = this.#wals
    const full = walBytes(sizesOf(log ?? []), this.#blockBytes) >= this.#walBytesMax
    if (full && next === undefined) {
      this.#wals.push([])
      this.#later(TABLE_MS, 'write table', () => this.#wals.shift())
    }
    this.#wals.at(-1)?.push(this.#logged(batch))
  }

  #logged(writes: readonly StateWrite[]): Logged {
    const before: (Uint8Array | undefined)[] = []
    for (const write of writes) {
      before.push(this.#content.values.get(keyTextOf(write)))
      this.#apply([write])
    }
    return { writes, before, bytes: batchBytes(writes) }
  }

  #isBad(key: Uint8Array): boolean {
    return this.#unreadable.has(textOf(key))
  }

  #delay(): number {
    const [least, most] = this.#delayMs
    return least + ((most - least) * this.#random.below(1024)) / 1024
  }

  #later(delayMs: number, label: string, run: () => void): void {
    assert(this.#life !== undefined, 'the store is attached to no process')
    this.#world.schedule(this.#life, delayMs, label, run)
  }

  #apply(batch: readonly StateWrite[]): void {
    if (this.#shared) this.#content = { ...this.#content, values: new Map(this.#content.values) }
    this.#shared = false
    const { values } = this.#content
    for (const { key, value } of batch) {
      const text = textOf(key)
      if (value === undefined ? values.has(text) : !values.has(text))
        this.#content.order = undefined
      if (value === undefined) values.delete(text)
      else values.set(text, value)
    }
  }
}

const ENDLESS: Space = {
  freeBytes: Number.POSITIVE_INFINITY,
  totalBytes: Number.POSITIVE_INFINITY
}

function page(
  content: Content,
  { gte, lt, reverse = false }: KeyRange,
  limit: number,
  bytesMax = PAGE_BYTES
): readonly Entry[] {
  // Code units are bytes here, so the order of `sort` is that of the bytes.
  content.order ??= [...content.values.keys()].sort()
  const entries: Entry[] = []
  const first = lowerBound(content.order, textOf(gte))
  const behind = lowerBound(content.order, textOf(lt))
  let bytes = 0
  for (let n = 0; n < behind - first; n++) {
    const text = content.order[reverse ? behind - 1 - n : first + n] as string
    if (entries.length === limit || bytes >= bytesMax) break
    const value = content.values.get(text) as Uint8Array
    entries.push([bytesOf(text), value.slice()])
    bytes += text.length + value.length
  }
  return entries
}

function lowerBound(order: readonly string[], text: string): number {
  let low = 0
  let high = order.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((order[middle] as string) < text) low = middle + 1
    else high = middle
  }
  return low
}

const unreadable = (): DiskFault => diskDamage('the state store cannot be read: simulated')
const sizesOf = (log: readonly Logged[]): number[] => log.map(({ bytes }) => bytes)
const keyTextOf = ({ key }: StateWrite): string => textOf(key)

function flip(bytes: Uint8Array, random: Random): void {
  const bit = random.below(bytes.length * 8)
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
}

const textOf = (key: Uint8Array): string => Buffer.prototype.latin1Slice.call(key, 0, key.length)

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
