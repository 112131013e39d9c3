import type { Life } from '../../src/simulation/world.ts'
import type { Random } from '../../src/world/random.ts'
import type { Caller } from './callers.ts'
import { Lamps } from './lamps.ts'
import { WanderingCoin } from './wandering.ts'

/** What comes and goes by transactions: a coin in some runs, lamps in others, or both. */
export class Fleeting {
  readonly #all: readonly (WanderingCoin | Lamps)[]

  constructor(
    callers: readonly Caller[],
    { random, life }: { readonly random: Random; readonly life: Life }
  ) {
    const drawn = random.below(3)
    const coin = new WanderingCoin(callers, { random: random.fork('coin'), life })
    const lamps = new Lamps(callers, { random: random.fork('lamps'), life })
    this.#all = [...(drawn === 0 ? [] : [coin]), ...(drawn === 1 ? [] : [lamps])]
  }

  get calls(): number {
    return this.#all.reduce((sum, { calls }) => sum + calls, 0)
  }

  get inFlight(): number {
    return this.#all.reduce((sum, { inFlight }) => sum + inFlight, 0)
  }

  start(): void {
    for (const one of this.#all) one.start()
  }

  stop(): void {
    for (const one of this.#all) one.stop()
  }

  /** Requires: stopped, nothing in flight, no faults. */
  readAll(): void {
    for (const one of this.#all) one.readAll()
  }

  /** Throws Violation. Requires: `readAll`, and nothing in flight. */
  check(): void {
    for (const one of this.#all) one.check()
  }
}
