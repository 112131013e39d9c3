import type { Random } from '../world/random.ts'

/**
 * How delays are spread between the shortest and the longest: `even`; `tail`, mostly near the
 * shortest and now and then far off, as queues make them; `spikes`, near the shortest but for one
 * in twenty, which takes the longest.
 */
export type Spread = (typeof SPREADS)[number]

export const SPREADS = ['even', 'tail', 'spikes'] as const

/** Means of `tail` that fit between the shortest and the longest. */
const TAIL_MEANS = 8
const SPIKE_ONE_IN = 20
const STEPS = 1_000_000

/** One delay, in ms. */
export function drawDelay(
  [shortest, longest]: readonly [number, number],
  spread: Spread,
  random: Random
): number {
  const share = random.below(STEPS) / STEPS
  const range = longest - shortest
  switch (spread) {
    case 'even':
      return shortest + share * range
    case 'tail':
      return shortest + Math.min(1, -Math.log(1 - share) / TAIL_MEANS) * range
    case 'spikes':
      return share * SPIKE_ONE_IN < 1 ? longest : shortest + (share * range) / SPIKE_ONE_IN
  }
}
