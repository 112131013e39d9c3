import { SimulatedStore } from '../../../src/simulation/state-store.ts'
import { type Life, World } from '../../../src/simulation/world.ts'
import { Overlay, type StateEntry } from '../../../src/storage/overlay.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import type { DiskFault } from '../../../src/world/disk.ts'

/** An overlay on a simulated store that can lose its power. */
export class OverlayHarness {
  readonly world: World
  readonly store: SimulatedStore
  readonly faults: DiskFault[] = []
  overlay: Overlay
  #life: Life
  #lives = 0

  constructor(seed: string) {
    this.world = new World(seed)
    this.store = new SimulatedStore(this.world, 'store')
    this.#life = this.world.life('life 0')
    this.store.attach(this.#life)
    this.overlay = this.#open()
  }

  crash(): void {
    this.#life.end()
    this.store.crash(this.world.random.fork(`crash ${this.#lives}`))
    this.#life = this.world.life(`life ${++this.#lives}`)
    this.store.attach(this.#life)
    this.overlay = this.#open()
  }

  run(ms: number): void {
    this.world.runUntil(this.world.now + ms)
  }

  /** Calls `start`, runs until it calls back, and returns what it was given. */
  wait<T>(start: (done: (result: T) => void) => void): T {
    let result: [T] | undefined
    start((value) => {
      result = [value]
    })
    this.world.runWhile(this.world.now + 10_000, () => result !== undefined)
    if (result === undefined) throw new Error('no answer')
    return result[0]
  }

  flush(prepare: (group: number) => void = () => {}): DiskFault | undefined {
    return this.wait((done) => this.overlay.flush(prepare, done))
  }

  set(group: number, key: string, value: string | undefined): void {
    this.overlay.table(group).set(utf8(key), value === undefined ? undefined : utf8(value))
  }

  get(group: number, key: string): string | undefined {
    const value = this.overlay.table(group).get(utf8(key))
    return value === undefined ? undefined : utf8Text(value)
  }

  /** The durable content of `group`, as text. */
  scan(group: number, prefix = ''): Record<string, string> {
    return this.wait((done) =>
      this.overlay.scan(group, utf8(prefix), (fault, entries) => {
        if (fault !== undefined) throw fault
        done(asText(entries))
      })
    )
  }

  /** Every key of the store, in hex. */
  keys(): string[] {
    const view = this.store.view()
    const range = { gte: Uint8Array.of(), lt: Uint8Array.of(0xff) }
    return this.wait((done) =>
      view.page(range, 100_000, (_, entries) => done(entries.map(([key]) => hex(key))))
    )
  }

  #open(): Overlay {
    return new Overlay(this.store, { onFault: (fault) => this.faults.push(fault) })
  }
}

export function asText(entries: readonly StateEntry[]): Record<string, string> {
  return Object.fromEntries(
    entries.map(([key, value]) => [utf8Text(key) ?? '', utf8Text(value) ?? ''])
  )
}

export const asEntries = (content: Record<string, string>): StateEntry[] =>
  Object.entries(content).map(([key, value]) => [utf8(key), utf8(value)])

const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
