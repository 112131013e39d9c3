import TinyQueue from 'tinyqueue'
import { assert } from '../world/assert.ts'
import type { Cancel, Clock, Timers } from '../world/clock.ts'
import { type Random, seededRandom } from '../world/random.ts'
import { Violation } from './violation.ts'

interface Event {
  at: number
  /** When it was due before a pause put it off: postponed events keep their order. */
  readonly due: number
  /** Breaks ties of time by chance, so that no order of simultaneous events goes untried. */
  readonly rank: number
  readonly sequence: number
  readonly life: Life
  readonly label: string
  readonly run: () => void
  cancelled: boolean
}

/**
 * One life of a simulated process: everything it scheduled dies with it. While it is paused its
 * events wait, and run at once, in order, when it resumes; while it is slow they run one by one.
 */
export interface Life {
  readonly name: string
  readonly alive: boolean
  readonly paused: boolean
  /** It is slow: what comes now waits behind what came before. */
  readonly busy: boolean
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  end(): void
  /** Whether it is paused for more than `ms` from now. */
  sleeps(ms: number): boolean
  /** Nothing of this life runs for `ms`; its clock goes on. */
  pause(ms: number): void
  /** For `ms` from now each of its events takes it `costMs`: those behind it wait. */
  slow(costMs: number, ms: number): void
  /** Moves what its wall clock shows. */
  shiftWall(ms: number): void
}

/** Thrown in the middle of an event to end the life it belongs to, there and then. */
export class LifeOver extends Error {
  override readonly name = 'LifeOver'
  readonly end: () => void

  /** `end` ends the life once the event is off the stack. */
  constructor(end: () => void) {
    super('this life is over')
    this.end = end
  }
}

/** Runs `run` as events are run: a life may end in it. */
export function runInLife(run: () => void): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof LifeOver)) throw error
    error.end()
  }
}

/**
 * More events and frames than this within 100 virtual ms are a storm: nodes that answer each other
 * without end, or one that spins while time stands still. Clusters under load have some hundreds,
 * one that is asked ten times what it can do 12,000.
 */
const STORM_STEPS = 100_000
const STORM_MS = 100

const UNIX_START = 1_700_000_000_000

/**
 * Virtual time and every event in it, from one seed. Two runs of the same seed and code make the
 * same `traceHash`, byte for byte.
 */
export class World {
  readonly seed: string
  readonly random: Random
  #now = 0
  #sequence = 0
  #hash = 0x811c9dc5
  #events = 0
  /** Since when steps are counted, and how many there were. */
  #stepsSince = 0
  #steps = 0
  readonly #ranks: Random
  /** Bears the events that let slow processes go on. */
  readonly #slowness: Life
  readonly #queue = new TinyQueue<Event>([], before)

  constructor(seed: string) {
    this.seed = seed
    this.random = seededRandom(seed)
    this.#ranks = this.random.fork('ranks')
    this.#slowness = this.life('slowness')
  }

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#now
  }

  get events(): number {
    return this.#events
  }

  get traceHash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  /** Mixes a fact into the trace: what two runs of one seed must agree on. */
  trace(fact: string): void {
    this.#hash = hashed(this.#hash, fact)
  }

  /** Part of an event, such as one of many frames that come at once. Throws when a storm rages. */
  step({ name }: Life, label: string): void {
    if (this.#now >= this.#stepsSince + STORM_MS) {
      this.#stepsSince = this.#now
      this.#steps = 0
    }
    if (++this.#steps <= STORM_STEPS) return
    const time = `${this.#stepsSince.toFixed(3)} to ${this.#now.toFixed(3)} ms`
    throw new Violation(`a storm: ${this.#steps} steps from ${time}, the last one ${name} ${label}`)
  }

  /** `label` goes into the trace when the event runs. */
  schedule(life: Life, delayMs: number, label: string, run: () => void): Cancel {
    assert(delayMs >= 0, `an event in the past: ${label} in ${delayMs} ms`)
    const event: Event = {
      at: this.#now + delayMs,
      due: this.#now + delayMs,
      rank: this.#ranks.below(0x1_0000_0000),
      sequence: this.#sequence++,
      life,
      label,
      run,
      cancelled: false
    }
    this.#queue.push(event)
    return () => {
      event.cancelled = true
    }
  }

  /** Runs events until virtual time `until`, or until none is left. */
  runUntil(until: number): void {
    while (this.#queue.length > 0) {
      const event = this.#queue.peek()
      if (event === undefined || event.at > until) break
      this.#queue.pop()
      this.#fire(event)
    }
    this.#now = Math.max(this.#now, until)
  }

  /** Runs events until `done()` holds or time `until` is reached; returns whether it holds. */
  runWhile(until: number, done: () => boolean): boolean {
    while (!done()) {
      const event = this.#queue.peek()
      if (event === undefined || event.at > until) {
        this.#now = Math.max(this.#now, until)
        return done()
      }
      this.#queue.pop()
      this.#fire(event)
    }
    return true
  }

  /**
   * A new process called `name`. Its random streams depend on the seed and the name alone. By its
   * clocks, and so for its timers, `rate` seconds pass in one.
   */
  life(name: string, rate = 1): Life {
    return new SimulatedLife(this, name, rate)
  }

  #fire(event: Event): void {
    this.#now = event.at
    const life = event.life as SimulatedLife
    if (event.cancelled || !life.alive) return
    if (life.pausedUntil > this.#now) {
      event.at = life.pausedUntil
      this.#queue.push(event)
      return
    }
    if (life.isBusy(this.#now)) {
      life.backlog.push(event)
      if (life.backlog.length === 1) this.#drain(life)
      return
    }
    this.#run(event)
  }

  #run(event: Event): void {
    const life = event.life as SimulatedLife
    this.#events++
    this.step(life, event.label)
    this.#hash = mixed(mixed(this.#hash, Math.round(this.#now * 1_000)), life.nameHash)
    this.trace(event.label)
    life.worked(this.#now)
    runInLife(event.run)
  }

  /** Runs the backlog of a slow life, one event at a time, and later ones behind it. */
  #drain(life: SimulatedLife): void {
    const delayMs = Math.max(0, life.busyUntil - this.#now)
    this.schedule(this.#slowness, delayMs, `${life.name} goes on`, () => {
      // A pause that began meanwhile holds these back, too.
      life.busyUntil = Math.max(life.busyUntil, life.pausedUntil)
      if (life.busyUntil <= this.#now) {
        const event = life.backlog.shift()
        if (event !== undefined && !event.cancelled && life.alive) this.#run(event)
      }
      if (life.alive && life.backlog.length > 0) this.#drain(life)
    })
  }
}

class SimulatedLife implements Life {
  readonly name: string
  /** Of its name: what the trace has of it in each event. */
  readonly nameHash: number
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  pausedUntil = 0
  /** Until then the event that ran last takes all of it. */
  busyUntil = 0
  /** What came meanwhile, in its order. */
  readonly backlog: Event[] = []
  #costMs = 0
  #slowUntil = 0
  #alive = true
  #wallShift = 0
  readonly #now: () => number

  constructor(world: World, name: string, rate: number) {
    this.name = name
    this.nameHash = hashed(0, name)
    this.random = world.random.fork(name)
    this.#now = () => world.now
    this.clock = {
      monotonic: () => world.now * rate,
      wall: () => Math.floor(UNIX_START + world.now * rate + this.#wallShift)
    }
    this.timers = {
      after: (delayMs, run) => world.schedule(this, worldMs(delayMs, rate), 'timer', run),
      soon: (run) => {
        world.schedule(this, 0, 'soon', run)
      }
    }
    this.pausedUntil = world.now
  }

  get alive(): boolean {
    return this.#alive
  }

  get paused(): boolean {
    return this.pausedUntil > this.#now()
  }

  get busy(): boolean {
    return this.isBusy(this.#now())
  }

  sleeps(ms: number): boolean {
    return this.pausedUntil > this.#now() + ms
  }

  end(): void {
    this.#alive = false
  }

  pause(ms: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.#now() + ms)
  }

  slow(costMs: number, ms: number): void {
    this.#costMs = costMs
    this.#slowUntil = this.#now() + ms
  }

  /** Whether what comes at `now` has to wait behind what came before. */
  isBusy(now: number): boolean {
    return this.backlog.length > 0 || this.busyUntil > now
  }

  /** An event runs at `now`. */
  worked(now: number): void {
    if (now < this.#slowUntil) this.busyUntil = now + this.#costMs
  }

  shiftWall(ms: number): void {
    this.#wallShift += ms
  }
}

/** FNV-1a, over 32 bits at a time. */
const mixed = (hash: number, bits: number): number => Math.imul(hash ^ bits, 0x01000193)

function hashed(start: number, fact: string): number {
  let hash = start
  for (let i = 0; i < fact.length; i++) hash = mixed(hash, fact.charCodeAt(i))
  return hash ^ (hash >>> 13)
}

/** How long `delayMs` by a clock of this rate take; never a rounding error less. */
const worldMs = (delayMs: number, rate: number): number =>
  rate === 1 ? delayMs : delayMs / rate + 1e-6

function before(a: Event, b: Event): number {
  return a.at - b.at || a.due - b.due || a.rank - b.rank || a.sequence - b.sequence
}
