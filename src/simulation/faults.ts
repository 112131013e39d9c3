import type { Random } from '../world/random.ts'
import type { SimulatedCluster } from './cluster.ts'

/** Shortest and longest, in virtual ms. */
export type Lasts = readonly [shortest: number, longest: number]

/** What a kind of fault needs to strike. */
export interface FaultShell {
  readonly cluster: SimulatedCluster
  readonly random: Random
  /** Runs `undo` when the fault is over, or when all faults are. */
  later(lasts: Lasts, label: string, undo: () => void): void
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)] as T
}

export function between(random: Random, [shortest, longest]: Lasts): number {
  return shortest + random.below(Math.max(1, longest - shortest))
}

/** A fresh array in random order. */
export function shuffled<T>(random: Random, from: readonly T[]): T[] {
  const out = [...from]
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const held = out[i] as T
    out[i] = out[j] as T
    out[j] = held
  }
  return out
}
