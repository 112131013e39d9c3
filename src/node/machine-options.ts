import type { Onlooker } from '../partition/onlooker.ts'
import type { StateLimits } from '../state/state-limits.ts'
import type { Transport } from '../transport/transport.ts'
import type { Clock, Timers } from '../world/clock.ts'
import type { Disk } from '../world/disk.ts'
import type { Logger } from '../world/log.ts'
import type { Random } from '../world/random.ts'
import type { StateStore } from '../world/state-store.ts'
import type { NodeLimits } from './config.ts'
import type { FormingOptions } from './membership.ts'

/** What a node is made of. */
export interface MachineOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly disk: Disk
  readonly store: StateStore
  readonly logger: Logger
  readonly limits: NodeLimits
  /** Equal on all nodes of a cluster, for ever: others than the usual ones are for tests. */
  readonly stateLimits?: Partial<StateLimits> | undefined
  readonly seeds: readonly string[]
  readonly forming: FormingOptions
  /** URL of the HTTP API; empty: none. */
  readonly http: string
  readonly zone: string
  /** Requests that take so long are logged; 0: none is. */
  readonly slowMs: number
  readonly onlooker?: Onlooker | undefined
  /** The process must end: 1 for a fault, 2 for a configuration that cannot work. Called once. */
  readonly fatal: (fault: Error, exitCode: 1 | 2) => void
}
