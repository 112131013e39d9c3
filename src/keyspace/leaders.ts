import type { Assignment } from './assignment.ts'

/**
 * Chooses who of each partition's replicas leads it: none leads more than its load divided by the
 * number of replicas, rounded up. Such a choice exists always (let every replica lead its fraction;
 * with whole bounds a whole solution follows). Who leads now (`before`) goes on where that allows.
 */
export function chooseLeaders(
  assignment: Assignment,
  before: readonly (number | undefined)[],
  replicas: number
): readonly number[] {
  const leaders: number[] = assignment.replicas.map(() => -1)
  const led: Set<number>[] = assignment.shares.map(() => new Set())
  const hasRoom = (node: number): boolean =>
    (led[node]?.size ?? 0) < Math.ceil(assignment.load(node) / replicas)
  const lead = (node: number, partition: number): void => {
    led[leaders[partition] as number]?.delete(partition)
    leaders[partition] = node
    led[node]?.add(partition)
  }
  for (const partition of leaders.keys()) {
    const node = before[partition]
    if (node !== undefined && assignment.holds(node, partition) && hasRoom(node)) {
      lead(node, partition)
    }
  }
  for (const partition of leaders.keys()) {
    if (leaders[partition] !== -1) continue
    const steps: { node: number; partition: number; before: number }[] = []
    const seen = new Set<number>()
    const reach = (from: number, via: number): void => {
      for (const node of assignment.nodesOf(from)) {
        if (seen.has(node)) continue
        seen.add(node)
        steps.push({ node, partition: from, before: via })
      }
    }
    reach(partition, -1)
    for (let at = 0; at < steps.length; at++) {
      const { node } = steps[at] as { node: number }
      if (!hasRoom(node)) {
        for (const other of led[node] ?? []) reach(other, at)
        continue
      }
      for (let i = at; i !== -1; ) {
        const step = steps[i] as { node: number; partition: number; before: number }
        lead(step.node, step.partition)
        i = step.before
      }
      break
    }
  }
  return leaders
}
