import { NODE_LIMITS, type NodeLimits } from '../node/config.ts'
import { isForTheOperator } from '../node/guard.ts'
import { NodeMachine } from '../node/machine.ts'
import type { FormingOptions } from '../node/membership.ts'
import type { Onlooker } from '../partition/onlooker.ts'
import type { StateLimits } from '../state/state-limits.ts'
import { DiskFault } from '../world/disk.ts'
import { type Logger, silent } from '../world/log.ts'
import type { Absence } from './absences.ts'
import { SimulatedDisk } from './disk.ts'
import type { SimulatedNetwork } from './network.ts'
import { SimulatedStore } from './state-store.ts'
import { type Life, runInLife, type World } from './world.ts'

export interface SimulatedNodeOptions {
  /** Its PeerId: letters and digits. */
  readonly name: string
  readonly seeds: readonly string[]
  readonly forming: FormingOptions
  readonly limits: Partial<NodeLimits>
  readonly stateLimits?: Partial<StateLimits> | undefined
  /** Watches a life of it; called for each. */
  readonly onlooker?: (node: SimulatedNode) => Onlooker
  readonly logger?: Logger | undefined
  readonly slowMs?: number | undefined
  /** Its disk is not what it should be. */
  readonly onLost?: (node: SimulatedNode) => void
  /** The node ended itself. Not for kills. */
  readonly onFatal: (node: SimulatedNode, fault: Error) => void
}

/** A disk without a bound is never low, and a reserve on it would be only memory. */
const ENDLESS_DISK = { diskReserveBytes: 0, flushRoomBytes: 0 } as const

export const addressOf = (name: string): string => `/sim/${name}`

/** A node's machine, and what outlives its lives: the disk under it. */
export class SimulatedNode {
  readonly disk: SimulatedDisk
  readonly store: SimulatedStore
  /** Seconds by the clocks of its next lives that pass in one. */
  clockRate = 1
  /** Where its next lives say that their HTTP API is. */
  http = ''
  readonly #world: World
  readonly #network: SimulatedNetwork
  readonly #options: SimulatedNodeOptions
  #life: Life | undefined
  #machine: NodeMachine | undefined
  #boots = 0
  #name: string
  #lost: string | undefined
  #away: Absence | undefined
  #fault: Error | undefined

  constructor(world: World, network: SimulatedNetwork, options: SimulatedNodeOptions) {
    this.#name = options.name
    this.#world = world
    this.#network = network
    this.#options = options
    this.disk = new SimulatedDisk(world, options.name)
    this.store = new SimulatedStore(world, options.name)
  }

  get name(): string {
    return this.#name
  }

  /** What was done to its disk that no node can make good again; undefined: nothing. */
  get lost(): string | undefined {
    return this.#lost
  }

  /** How it is missing from now on; undefined: it is there. */
  get away(): Absence | undefined {
    return this.#away
  }

  /** Why it ended itself, the last time it did. */
  get fault(): Error | undefined {
    return this.#fault
  }

  /**
   * From now on its disk is not what its last life left: it may refuse to start, or others may
   * refuse it, and nobody may need it to get on.
   */
  lose(what: string): void {
    this.#lost ??= what
    this.#options.onLost?.(this)
  }

  /** From now on it is missing: nobody may need it to get on. */
  leave(absence: Absence): void {
    this.#away = absence
  }

  /** It starts next time as another node, at the same address. Requires: its disk is empty. */
  rename(name: string): void {
    this.#name = name
  }

  /** Undefined while it is down. */
  get machine(): NodeMachine | undefined {
    return this.#machine
  }

  get life(): Life | undefined {
    return this.#life
  }

  boot(): void {
    runInLife(() => this.#boot())
  }

  /** Stops as a signal makes it; then the process is gone. Requires: it runs. */
  stop(): void {
    const machine = this.#machine
    runInLife(() =>
      machine?.stop(() => {
        if (this.#machine === machine) this.kill(false)
      })
    )
  }

  /**
   * Kills it right after change number `count` of its disk from now on; then calls `dead`.
   */
  killAfterChange(count: number, power: boolean, dead: () => void): void {
    this.disk.dieAfter(count, () => {
      this.kill(power)
      dead()
    })
  }

  #boot(): void {
    this.#boots++
    const life = this.#world.life(`${this.name}.${this.#boots}`, this.clockRate)
    this.#life = life
    const fatal = (fault: Error): void => {
      this.#fault = fault
      this.kill(life.random.fork('end').below(2) === 0)
      this.#options.onFatal(this, fault)
    }
    try {
      this.#start(life, fatal)
    } catch (error) {
      if (!(error instanceof DiskFault || (error instanceof Error && isForTheOperator(error)))) {
        throw error
      }
      fatal(error)
    }
  }

  #start(life: Life, fatal: (fault: Error) => void): void {
    this.disk.attach(life)
    this.store.attach(life)
    const { seeds, forming, limits, stateLimits, onlooker } = this.#options
    const { logger = silent, slowMs = 0 } = this.#options
    const address = addressOf(this.#options.name)
    const transport = this.#network.endpoint(life, this.name, 'node', address)
    const { clock, timers, random } = life
    this.#machine = new NodeMachine({
      transport,
      clock,
      timers,
      random,
      disk: this.disk,
      store: this.store,
      logger,
      limits: { ...NODE_LIMITS, ...ENDLESS_DISK, ...limits },
      stateLimits,
      seeds,
      forming,
      http: this.http,
      zone: '',
      slowMs,
      onlooker: onlooker?.(this),
      fatal
    })
    this.#machine.start()
  }

  /** Ends the process at once. A `power` cut may take what was not synced; a mere kill does not. */
  kill(power = true): void {
    const life = this.#life
    if (life === undefined) return
    this.#life = undefined
    this.#machine = undefined
    life.end()
    this.#network.killed(life)
    const random = this.#world.random.fork(`crash ${this.name} ${this.#boots}`)
    if (power) this.disk.crash(random)
    else this.disk.kill()
    this.store.crash(random)
  }
}
