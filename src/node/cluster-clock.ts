import type { TrustedClock } from '../partition/group-time.ts'
import type { NodeId } from '../wire/ids.ts'
import type { Clock } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'

/** Further than this from the median of the nodes it hears, a clock is taken to be wrong. */
const SKEW_MS_MAX = 5_000
/** A wall clock that moved so much against the monotonic one was set, not merely disciplined. */
const JUMP_MS = 500
/** Statuses come once per tick: a node that was silent for so many is no longer asked. */
const SILENT_TICKS_MAX = 5
/** Nodes step their clocks, and hear of it, at slightly different times. */
const PATIENCE_TICKS = 3
/** A transfer that fails costs its group an election timeout of refused writes. */
const RETRY_TICKS = 10

/** What a node's wall clock shows beyond our monotonic one, and how many ticks ago it said so. */
interface Reading {
  readonly offset: number
  silent: number
}

/**
 * The wall clock of this node, checked against those of the nodes it hears. A jump is followed only
 * if it leads towards their median; without anybody to ask, the own clock is all there is.
 *
 * A suspended process stays right: both of its clocks go on, and silence is counted in ticks of its
 * own. After a suspended machine the next statuses confirm what its wall clock then shows.
 */
export class ClusterClock implements TrustedClock {
  readonly #clock: Clock
  readonly #readings = new Map<NodeId, Reading>()
  /** Offsets of `#readings`, ascending. */
  #offsets: readonly number[] = []
  /** The trusted wall time, less the monotonic clock. */
  #offset: number
  #unfitTicks = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#offset = clock.wall() - clock.monotonic()
  }

  /** `node` says now that its wall clock shows `wall`. */
  hear(node: NodeId, wall: number): void {
    this.#readings.set(node, { offset: wall - this.#clock.monotonic(), silent: 0 })
    this.#sort()
  }

  /** The wall time to trust: whole ms, going with the monotonic clock over jumps of the own one. */
  now(): number {
    const monotonic = this.#clock.monotonic()
    const own = this.#clock.wall() - monotonic
    if (this.#isBelieved(own)) this.#offset = own
    return Math.round(monotonic + this.#offset)
  }

  /** Whether the own wall clock is, by what was heard so far, within 5 s of an agreed median. */
  get fit(): boolean {
    const own = this.#clock.wall() - this.#clock.monotonic()
    const median = this.#agreed(own)
    return median !== undefined && Math.abs(own - median) <= SKEW_MS_MAX
  }

  /** The agreed median where the own clock is away from it; where nobody agrees, what it says. */
  likely(): number {
    const { offsetMs } = this
    return this.fit || offsetMs === undefined ? this.now() : this.#clock.wall() - offsetMs
  }

  /** How far the own wall clock is before the agreed median; undefined: nobody to agree with. */
  get offsetMs(): number | undefined {
    const own = this.#clock.wall() - this.#clock.monotonic()
    const median = this.#offsets.length === 0 ? undefined : this.#agreed(own)
    return median === undefined ? undefined : own - median
  }

  /** Whether leadership may go to `node`: its clock, if it was heard, is near the median. */
  isFit(node: NodeId): boolean {
    const reading = this.#readings.get(node)
    if (reading === undefined) return true
    const own = this.#clock.wall() - this.#clock.monotonic()
    const median = this.#agreed(own)
    return median === undefined || Math.abs(reading.offset - median) <= SKEW_MS_MAX
  }

  /**
   * Call it as often as statuses are told. Returns whether now is a time to hand over leadership:
   * the own clock has been wrong for a while, and the last attempt is not fresh.
   */
  tick(): boolean {
    for (const [node, reading] of this.#readings) {
      if (++reading.silent > SILENT_TICKS_MAX) this.#readings.delete(node)
    }
    this.#sort()
    this.now()
    const own = this.#clock.wall() - this.#clock.monotonic()
    const isWrong = this.#agreed(own) !== undefined && !this.fit
    this.#unfitTicks = isWrong ? this.#unfitTicks + 1 : 0
    if (isWrong) sometimes('node: its clock is not like the others')
    const late = this.#unfitTicks - PATIENCE_TICKS
    return late >= 0 && late % RETRY_TICKS === 0
  }

  #isBelieved(own: number): boolean {
    const jump = Math.abs(own - this.#offset)
    if (jump <= JUMP_MS || this.#offsets.length === 0) return true
    const median = this.#agreed(own)
    if (median === undefined) return false
    return Math.abs(own - median) <= Math.max(JUMP_MS, Math.abs(this.#offset - median))
  }

  /**
   * The median of all clocks heard and the own one, if at least half of them are near it. Of two in
   * the middle the one behind: time that lags lets keys live longer, time that leads destroys them.
   */
  #agreed(own: number): number | undefined {
    const offsets = this.#offsets
    const middle = offsets.length >> 1
    const below = offsets[middle - 1] ?? Number.NEGATIVE_INFINITY
    const above = offsets[middle] ?? Number.POSITIVE_INFINITY
    const median = Math.min(Math.max(own, below), above)
    let near = Math.abs(own - median) <= SKEW_MS_MAX ? 1 : 0
    for (const offset of offsets) if (Math.abs(offset - median) <= SKEW_MS_MAX) near++
    return near * 2 > offsets.length ? median : undefined
  }

  #sort(): void {
    const offsets = [...this.#readings.values()].map(({ offset }) => offset)
    this.#offsets = offsets.sort((a, b) => a - b)
  }
}
