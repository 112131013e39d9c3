import { foreign, stale, swap, twin, wipe } from './copies.ts'
import { cut, flap, oneWay, reset, ring } from './cuts.ts'
import type { Fault } from './fault.ts'
import { crashLoop, killAll, killMajority, killOne, killRound, stop } from './kills.ts'
import { mixed } from './mixed.ts'
import { pause, stutter } from './pauses.ts'
import { rot } from './rot.ts'
import { syncError } from './sync-errors.ts'

/** Every way to hurt a cluster that goes on living. */
export const FAULTS: readonly Fault[] = [
  killOne,
  killMajority,
  killAll,
  killRound,
  crashLoop,
  stop,
  pause,
  stutter,
  cut,
  oneWay,
  ring,
  flap,
  reset,
  syncError,
  rot,
  twin,
  stale,
  swap,
  foreign,
  wipe,
  mixed
]
