import { ClientDriver } from '../client/driver.ts'
import type { CallOperation, CallOutcome } from '../client/inputs.ts'
import type { SimulatedNetwork } from './network.ts'
import type { Life, World } from './world.ts'

/** A client program in a process of its own: the real client's machine and driver. */
export class SimulatedClient {
  readonly name: string
  readonly life: Life
  readonly #driver: ClientDriver

  constructor(world: World, network: SimulatedNetwork, name: string, seeds: readonly string[]) {
    this.name = name
    this.life = world.life(name)
    const { clock, timers, random } = this.life
    const transport = network.endpoint(this.life, name, 'client', '')
    this.#driver = new ClientDriver({ transport, clock, timers, random, seeds })
    this.#driver.start(() => {})
  }

  get inFlight(): number {
    return this.#driver.inFlight
  }

  call(operation: CallOperation, timeoutMs: number, done: (outcome: CallOutcome) => void): void {
    this.#driver.call(operation, { timeoutMs }, done)
  }
}
