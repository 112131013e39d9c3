import type { Replica } from '../partition/replica.ts'
import type { Ready } from '../raft/types.ts'
import { decodeBody } from '../state/entry-body.ts'
import { type Operation, operationTypeOf } from '../wire/command.ts'
import type { SimulatedNode } from './node.ts'

/** The step of a protocol: a command of this kind. */
export type Step = Operation['type']

/** Tells when a leader takes a step, so that a fault can strike between it and the next. */
export class Steps {
  readonly #awaited = new Set<{
    readonly step: Step
    readonly strike: (at: SimulatedNode) => void
  }>()

  /** `strike` is called whenever a leader is about to append `step`. The result ends that. */
  await(step: Step, strike: (at: SimulatedNode) => void): () => void {
    const one = { step, strike }
    this.#awaited.add(one)
    return () => {
      this.#awaited.delete(one)
    }
  }

  /** See Onlooker. */
  obeys(node: SimulatedNode, { raft }: Pick<Replica, 'raft'>, { entries }: Ready): void {
    if (this.#awaited.size === 0 || !raft.isLeader) return
    const taken = new Set<string | undefined>()
    for (const { kind, data } of entries) {
      if (kind !== 'command') continue
      for (const command of decodeBody(data).commands) taken.add(operationTypeOf(command))
    }
    for (const { step, strike } of [...this.#awaited]) if (taken.has(step)) strike(node)
  }
}
