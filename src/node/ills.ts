import type { Replica } from '../partition/replica.ts'

/** What keeps these replicas from serving, in words. */
export function illsOf(replicas: Iterable<Replica>): string[] {
  const ills: string[] = []
  let leaderless = 0
  for (const { everLed, damage } of replicas) {
    if (damage !== undefined) ills.push(damage)
    else if (!everLed) leaderless++
  }
  if (leaderless > 0) ills.push(`${leaderless} partitions have had no leader yet`)
  return ills
}
