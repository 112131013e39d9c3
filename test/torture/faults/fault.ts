import type { Random } from '../../../src/world/random.ts'
import type { Arena } from '../arena.ts'
import type { Workload } from '../workload.ts'

/** Where a fault strikes: a whole cluster with callers at work. */
export interface Scene {
  readonly arena: Arena
  readonly workload: Workload
  readonly random: Random
  /** Whatever lasts, lasts no longer than this. */
  readonly msMax: number
  /** One thing was done to the cluster: said as it is done. */
  readonly note: (what: string) => void
}

/** A way to hurt a cluster. What it leaves behind, the end of the round heals. */
export interface Fault {
  /** One word, for `--only`. */
  readonly name: string
  /** Why it cannot be had here; undefined: it can. */
  readonly obstacle: (arena: Arena) => string | undefined
  /** Returns what did not go as it must, in words. */
  readonly strike: (scene: Scene) => Promise<string[]>
}

export const NO_OBSTACLE = (): undefined => undefined

/** A random element. Requires: there is one. */
export function one<T>(random: Random, all: readonly T[]): T {
  return all[random.below(all.length)] as T
}

/** In random order. */
export function shuffled<T>(random: Random, all: readonly T[]): T[] {
  const left = [...all]
  return all.map(() => left.splice(random.below(left.length), 1)[0] as T)
}

/** More than half of the nodes. */
export function majority(random: Random, nodes: readonly number[]): number[] {
  return shuffled(random, nodes).slice(0, Math.floor(nodes.length / 2) + 1)
}

/** From `min` to `max` milliseconds, short times as likely as long ones. */
export function duration({ random, msMax }: Scene, min: number, max: number): number {
  return Math.min(msMax, Math.round(min * (max / min) ** (random.below(1_000) / 1_000)))
}

/** The node that leads most, as somebody sees it; some node if nobody knows. */
export async function busiest(arena: Arena): Promise<number> {
  const [first = 0] = arena.alive
  const status = await arena.status(first)
  const led = new Map<string, number>()
  for (const { leader } of status?.partitions ?? []) {
    if (leader !== null) led.set(leader, (led.get(leader) ?? 0) + 1)
  }
  const [most] = [...led].sort((a, b) => b[1] - a[1])
  const ids = await arena.ids()
  const node = ids.indexOf(most?.[0] ?? 'nobody')
  return arena.alive.includes(node) ? node : first
}
