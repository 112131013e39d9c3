import { ClientDriver } from '../client/driver.ts'
import type { CallOperation, CallOutcome } from '../client/inputs.ts'
import type { Cancel } from '../world/clock.ts'
import type { SimulatedNetwork } from './network.ts'
import type { Life, World } from './world.ts'

/** A client program in a process of its own: the real client's machine and driver. */
export class SimulatedClient {
  readonly name: string
  readonly #world: World
  readonly #network: SimulatedNetwork
  readonly #seeds: readonly string[]
  #life: Life
  #driver: ClientDriver
  #starts = 0
  #lost = new Set<() => void>()

  constructor(world: World, network: SimulatedNetwork, name: string, seeds: readonly string[]) {
    this.name = name
    this.#world = world
    this.#network = network
    this.#seeds = seeds
    this.#life = world.life(name)
    this.#driver = this.#start()
  }

  get life(): Life {
    return this.#life
  }

  get inFlight(): number {
    return this.#driver.inFlight
  }

  /** The library in the program: another one after each death. */
  get driver(): ClientDriver {
    return this.#driver
  }

  /**
   * `lost` is called instead of `done` when the client dies before the answer. The result gives the
   * call up, as an AbortSignal does.
   */
  call(
    operation: CallOperation,
    timeoutMs: number,
    done: (outcome: CallOutcome) => void,
    lost: () => void = () => {}
  ): Cancel {
    this.#lost.add(lost)
    return this.#driver.call(operation, { timeoutMs }, (outcome) => {
      this.#lost.delete(lost)
      done(outcome)
    })
  }

  /** The process dies, and another one of the same name starts. */
  restart(): void {
    this.#life.end()
    this.#network.killed(this.#life)
    this.#life = this.#world.life(`${this.name}.${++this.#starts}`)
    this.#driver = this.#start()
    const lost = this.#lost
    this.#lost = new Set()
    for (const each of lost) each()
  }

  #start(): ClientDriver {
    const { clock, timers, random } = this.#life
    const transport = this.#network.endpoint(this.#life, this.name, 'client', '')
    const driver = new ClientDriver({ transport, clock, timers, random, seeds: this.#seeds })
    driver.start(() => {})
    return driver
  }
}
