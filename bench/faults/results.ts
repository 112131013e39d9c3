import type { Machine } from '../rig/machine.ts'
import type { Coordinator } from './coordinator.ts'
import type { Failover } from './failover.ts'
import type { Idle } from './idle.ts'
import type { Options } from './options.ts'
import type { Overload } from './overload.ts'
import type { Stop } from './stopping.ts'
import type { Verdict } from './verdicts.ts'

/** The file of one run: bench/results/README.md says what each field means. */
export interface Results {
  readonly format: 1
  readonly at: string
  readonly commit: string
  readonly machine: Machine
  readonly settings: Omit<Options, 'directory' | 'json'>
  /**
   * The longest time this process, which measures, got no processor: figures of that order are
   * those of the machine.
   */
  readonly stalledMs: number
  readonly failover: Failover | null
  readonly coordinator: Coordinator | null
  readonly stops: readonly Stop[] | null
  readonly idle: Idle | null
  readonly overload: Overload | null
  readonly verdicts: readonly (Verdict & { readonly met: boolean })[]
}
