import type { Replica } from '../partition/replica.ts'
import type { Ready } from '../raft/types.ts'
import { decodeBody } from '../state/entry-body.ts'
import { type Operation, operationTypeOf } from '../wire/command.ts'
import type { SimulatedNode } from './node.ts'

/**
 * The step of a protocol: a leader appends a command of this kind; `term`: a replica takes entries
 * and learns of a new term by them, in one batch.
 */
export type Step = Operation['type'] | 'term'

/** Tells when a replica takes a step, so that a fault can strike between it and the next. */
export class Steps {
  readonly #awaited = new Set<{
    readonly step: Step
    readonly strike: (at: SimulatedNode) => void
  }>()

  /** `strike` is called whenever a replica is about to take `step`. The result ends that. */
  await(step: Step, strike: (at: SimulatedNode) => void): () => void {
    const one = { step, strike }
    this.#awaited.add(one)
    return () => {
      this.#awaited.delete(one)
    }
  }

  /** See Onlooker. */
  obeys(node: SimulatedNode, { raft }: Pick<Replica, 'raft'>, ready: Ready): void {
    if (this.#awaited.size === 0) return
    const taken = raft.isLeader ? appended(ready) : new Set<Step | undefined>()
    if (ready.entries.length > 0 && ready.hardState !== undefined) taken.add('term')
    for (const { step, strike } of [...this.#awaited]) if (taken.has(step)) strike(node)
  }
}

function appended({ entries }: Ready): Set<Step | undefined> {
  const taken = new Set<Step | undefined>()
  for (const { kind, data } of entries) {
    if (kind !== 'command') continue
    for (const command of decodeBody(data).commands) taken.add(operationTypeOf(command))
  }
  return taken
}
