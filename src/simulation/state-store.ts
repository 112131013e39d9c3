import { assert } from '../world/assert.ts'
import { DiskFault } from '../world/disk.ts'
import type { Random } from '../world/random.ts'
import type { KeyRange, StateStore, StateView, StateWrite } from '../world/state-store.ts'
import type { Life, World } from './world.ts'

export interface SimulatedStoreOptions {
  /** Shortest and longest time of a write or a page, in milliseconds. Default 0.1 and 2. */
  readonly delayMs?: readonly [number, number]
}

type Done = (fault: DiskFault | undefined) => void
type Entry = readonly [key: Uint8Array, value: Uint8Array]

const PAGE_BYTES = 1024 * 1024

/** What the store holds at one moment. Shared with views until the next write. */
interface Content {
  readonly values: Map<string, Uint8Array>
  /** Keys in order; undefined: to be sorted. */
  order: string[] | undefined
}

/**
 * The state store of one simulated node. Like its disk it outlives the node's lives: `attach` binds
 * it to the present one, `crash` ends that binding. A write under way then happened whole or not.
 */
export class SimulatedStore implements StateStore {
  /** Added to every write and every page: a slow disk. */
  delayMs = 0
  readonly #world: World
  readonly #random: Random
  readonly #delayMs: readonly [number, number]
  #life: Life | undefined
  #content: Content = { values: new Map(), order: [] }
  #shared = false
  #writing: readonly StateWrite[] | undefined
  #failWrites = 0
  /** The life that a write failed in: it may not go on. */
  #failed: Life | undefined

  constructor(world: World, name: string, options: SimulatedStoreOptions = {}) {
    this.#world = world
    this.#random = world.random.fork(`store ${name}`)
    this.#delayMs = options.delayMs ?? [0.1, 2]
  }

  /** The life that uses the store from now on: its completions die with it. */
  attach(life: Life): void {
    this.#life = life
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
    if (this.#writing !== undefined && random.below(2) === 0) this.#apply(this.#writing)
    this.#writing = undefined
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#content.values.get(textOf(key))?.slice()
  }

  view(): StateView {
    const content = this.#content
    this.#shared = true
    let released = false
    return {
      page: (range, limit, done) => {
        assert(!released, 'a page of a view that was released')
        this.#later(this.#delay() + this.delayMs, 'read state', () =>
          done(undefined, page(content, range, limit))
        )
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
      if (this.#failWrites > 0) {
        this.#failWrites--
        this.#failed = this.#life
        done(new DiskFault('cannot write to the state store: simulated fault'))
        return
      }
      this.#writing = undefined
      this.#apply(copy)
      done(undefined)
    })
  }

  close(done: () => void): void {
    this.#later(0, 'close state', done)
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

function page(
  content: Content,
  { gte, lt }: KeyRange,
  limit: number,
  bytesMax = PAGE_BYTES
): readonly Entry[] {
  // Code units are bytes here, so the order of `sort` is that of the bytes.
  content.order ??= [...content.values.keys()].sort()
  const entries: Entry[] = []
  const end = textOf(lt)
  let bytes = 0
  for (let i = lowerBound(content.order, textOf(gte)); i < content.order.length; i++) {
    const text = content.order[i] as string
    if (text >= end || entries.length === limit || bytes >= bytesMax) break
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

const textOf = (key: Uint8Array): string => Buffer.prototype.latin1Slice.call(key, 0, key.length)

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
