import type { Assignment } from './assignment.ts'

/** A way to a node that can lead one more: `node` leads `partition`, and frees what `via` wants. */
interface Step {
  readonly node: number
  readonly partition: number
  readonly via: Step | undefined
}

/**
 * Chooses who of each partition's replicas leads it: none more than its load divided by the number
 * of replicas, rounded up. Such a choice always exists (let every replica lead its fraction; where
 * a fractional solution within whole bounds exists, a whole one does). Who leads now (`before`)
 * goes on where that allows.
 */
export function chooseLeaders(
  assignment: Assignment,
  before: readonly (number | undefined)[],
  replicas: number
): readonly number[] {
  const choice = new Choice(assignment)
  const atMost = (node: number): number => Math.ceil(assignment.load(node) / replicas)
  const atLeast = (node: number): number => Math.floor(assignment.load(node) / replicas)
  for (const [partition, node] of before.entries()) {
    if (node === undefined || !assignment.holds(node, partition)) continue
    if (choice.led(node).size < atMost(node)) choice.lead(node, partition)
  }
  for (const bound of [atLeast, atMost]) {
    for (const [partition, leader] of choice.leaders.entries()) {
      if (leader < 0) choice.find(partition, bound)
    }
  }
  return choice.leaders
}

class Choice {
  /** Per partition; -1: none yet. */
  readonly leaders: number[]
  readonly #assignment: Assignment
  readonly #led: readonly Set<number>[]

  constructor(assignment: Assignment) {
    this.#assignment = assignment
    this.leaders = assignment.replicas.map(() => -1)
    this.#led = assignment.shares.map(() => new Set())
  }

  led(node: number): Set<number> {
    return this.#led[node] as Set<number>
  }

  lead(node: number, partition: number): void {
    const before = this.leaders[partition] as number
    if (before >= 0) this.led(before).delete(partition)
    this.leaders[partition] = node
    this.led(node).add(partition)
  }

  /** The shortest exchange of leaders that gives `partition` one, if any does. */
  find(partition: number, bound: (node: number) => number): void {
    const seen = new Set<number>()
    const steps = this.#replicasOf(partition, undefined, seen)
    for (const step of steps) {
      if (this.led(step.node).size < bound(step.node)) return this.#follow(step)
      for (const other of this.led(step.node)) {
        steps.push(...this.#replicasOf(other, step, seen))
      }
    }
  }

  #replicasOf(partition: number, via: Step | undefined, seen: Set<number>): Step[] {
    const nodes = this.#assignment.nodesOf(partition).filter((node) => !seen.has(node))
    for (const node of nodes) seen.add(node)
    return nodes.map((node) => ({ node, partition, via }))
  }

  #follow(last: Step): void {
    for (let step: Step | undefined = last; step !== undefined; step = step.via) {
      this.lead(step.node, step.partition)
    }
  }
}
